{{/* Names and labels. A long release name is cut so that every suffix still fits. */}}
{{- define "connector.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) }}{{ $name = printf "%s-%s" $name .Chart.Name }}{{ end -}}
{{- $name | trunc 45 | trimSuffix "-" -}}
{{- end }}

{{- define "connector.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "connector.labels" -}}
{{ include "connector.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: aws-connector
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "connector.metadata" -}}
name: {{ include "connector.name" .root }}-{{ .component }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "connector.labels" . | nindent 2 }}
{{- end }}

{{- define "connector.image" -}}
{{- if .image.digest }}{{ .image.repository }}@{{ .image.digest }}
{{- else }}{{ .image.repository }}:{{ .image.tag | default .version }}{{ end -}}
{{- end }}

{{/* Where a secret is: the Secret and its key. */}}
{{- define "connector.secret" -}}
{{- $secret := index .root.Values.secrets .secret -}}
name: {{ $secret.name | default .root.Values.secrets.name }}
key: {{ $secret.key }}
{{- end }}

{{- define "connector.secretVariable" -}}
- name: {{ .variable }}
  valueFrom:
    secretKeyRef:
      {{- include "connector.secret" . | nindent 6 }}
{{- end }}
