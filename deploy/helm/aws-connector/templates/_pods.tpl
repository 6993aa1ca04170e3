{{/* What the pods of every process share: who they run as, the settings, the way to Redis, the mounts. */}}
{{- define "connector.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "connector.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{- define "connector.environment" -}}
{{- $root := .root -}}
{{- if .root.Values.redis.external }}
{{ include "connector.secretVariable" (dict "root" .root "variable" "CONNECTOR_REDIS_URL" "secret" "redisUrl") }}
{{- if .root.Values.redis.sentinelPassword }}
{{ include "connector.secretVariable" (dict "root" .root "variable" "CONNECTOR_REDIS_SENTINEL_PASSWORD" "secret" "sentinelPassword") }}
{{- end }}
{{- else }}
{{ include "connector.secretVariable" (dict "root" .root "variable" "REDIS_PASSWORD" "secret" "redisPassword") }}
- name: CONNECTOR_REDIS_URL # Kubernetes puts the password in
  value: redis://:$(REDIS_PASSWORD)@{{ include "connector.name" .root }}-redis:6379/0
{{- end }}
{{- if .documents }}
- name: CONNECTOR_CONFIG_DIR
  value: /config
{{- end }}
{{- range .secrets }}
{{ include "connector.secretVariable" (dict "root" $root "variable" (first .) "secret" (last .)) }}
{{- end }}
{{- range .variables }}
- name: {{ first . }}
  value: {{ last . | toString | quote }}
{{- end }}
{{- with .root.Values.proxies }}
{{- range list (list "HTTPS_PROXY" .https) (list "HTTP_PROXY" .http) (list "NO_PROXY" .bypass) }}
{{- if last . }}
- name: {{ first . }}
  value: {{ last . | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- if .root.Values.ca.existingConfigMap }}
{{- if .root.Values.ca.forMeshStack }}
- name: CONNECTOR_MESHSTACK_CA_FILE
  value: /etc/connector/ca/ca.crt
{{- end }}
{{- if .root.Values.ca.forAws }}
- name: AWS_CA_BUNDLE
  value: /etc/connector/ca/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* Volumes by name, and where they are mounted: rendered twice from one list, so that the two cannot differ. */}}
{{- define "connector.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .documents }}
- {name: documents, mountPath: /config, readOnly: true}
{{- end }}
{{- range .files }}
- {name: {{ .name }}, mountPath: {{ .path }}, readOnly: true}
{{- end }}
{{- if .root.Values.ca.existingConfigMap }}
- {name: ca, mountPath: /etc/connector/ca, readOnly: true}
{{- end }}
{{- end }}

{{- define "connector.volumes" -}}
{{- $root := .root -}}
- name: tmp
  emptyDir: {sizeLimit: 256Mi}
{{- if .documents }}
- name: documents
  projected:
    sources:
    {{- with .root.Values.documents }}
    {{- if .existingSecret }}
    - secret: {name: {{ .existingSecret }}}
    {{- else }}
    - configMap: {name: {{ .existingConfigMap | default (printf "%s-documents" (include "connector.name" $root)) }}}
    {{- end }}
    {{- if and $.callsAws .secretFiles.existingSecret }}
    - secret:
        name: {{ .secretFiles.existingSecret }}
        optional: true # each key: an organization without metering has two
        items:
        {{- range .secretFiles.keys }}
        - {key: {{ . }}, path: secrets/{{ . }}}
        {{- end }}
    {{- end }}
    {{- end }}
{{- end }}
{{- range .files }}
- name: {{ .name }}
  projected:
    sources:
    {{- if .expirationSeconds }}
    - serviceAccountToken:
        path: token
        expirationSeconds: {{ .expirationSeconds }}
        {{- with .audience }}
        audience: {{ . }}
        {{- end }}
    {{- end }}
    {{- range .secrets }}
    {{- $secret := index $root.Values.secrets (first .) }}
    - secret:
        name: {{ $secret.name | default $root.Values.secrets.name }}
        items: [{key: {{ $secret.key }}, path: {{ last . }}}]
    {{- end }}
{{- end }}
{{- with .root.Values.ca.existingConfigMap }}
- name: ca
  configMap: {name: {{ . }}}
{{- end }}
{{- end }}

{{/*
A Deployment of one process.
  component, command, values  what it is called, what it runs, its part of the values
  replicas                    null: somebody else says how many
  documents                   it reads the documents
  secrets, variables          lists of [variable, secret] and [variable, value]
  files                       volumes of secrets or of a token: name, path, secrets [[secret, file]] or expirationSeconds
  port, probes                what it listens on, and the probes as YAML
*/}}
{{- define "connector.deployment" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "connector.metadata" . | nindent 2 }}
spec:
  {{- if not (kindIs "invalid" .replicas) }}
  replicas: {{ .replicas }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "connector.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "connector.labels" . | nindent 8 }}
      annotations:
        checksum/settings: {{ .root.Values.settings | toJson | sha256sum }}
        {{- with .values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      serviceAccountName: {{ include "connector.name" .root }}{{ if .callsAws }}-worker{{ end }}
      automountServiceAccountToken: false
      enableServiceLinks: false # a Service's variables, such as CONNECTOR_API_PORT=tcp://…, would be taken for settings
      terminationGracePeriodSeconds: {{ .graceSeconds | default 30 }}
      securityContext:
        {{- include "connector.podSecurity" (dict "user" 10001) | nindent 8 }}
      {{- with .root.Values.image.pullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . }}
        {{- end }}
      {{- end }}
      {{- with .values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with .values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: kubernetes.io/hostname
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              {{- include "connector.selector" . | nindent 14 }}
      containers:
        - name: {{ .component }}
          image: {{ include "connector.image" (dict "image" .root.Values.image "version" .root.Chart.AppVersion) }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          command: {{ .command | toJson }}
          securityContext:
            {{- include "connector.containerSecurity" . | nindent 12 }}
          envFrom:
            - configMapRef: {name: {{ include "connector.name" .root }}-settings}
            {{- if and .callsAws .root.Values.aws.existingSecret }}
            - secretRef: {name: {{ .root.Values.aws.existingSecret }}}
            {{- end }}
          env:
            {{- include "connector.environment" . | trim | nindent 12 }}
          {{- with .port }}
          ports:
            - {name: http, containerPort: {{ . }}}
          {{- end }}
          {{- with .probes }}
          {{- . | trim | nindent 10 }}
          {{- end }}
          resources:
            {{- toYaml .values.resources | nindent 12 }}
          volumeMounts:
            {{- include "connector.mounts" . | nindent 12 }}
      volumes:
        {{- include "connector.volumes" . | nindent 8 }}
{{- end }}
