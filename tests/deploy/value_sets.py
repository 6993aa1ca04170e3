"""Values that people install the chart with: one set for each thing that changes what is rendered."""

from __future__ import annotations

from typing import Any

DOCUMENTS = {"documents": {"existingConfigMap": "documents"}}
MESHSTACK = {
    "enabled": True,
    "url": "https://meshstack.example.com",
    "clientId": "6d0c1a9c",
    "runnerUuid": "3f2b8c1e-7a4d-4e7b-9b65-0c8f1d2e3a4b",
}
SIGN_IN = {
    "enabled": True,
    "issuer": "https://login.example.com/realms/company",
    "clientId": "aws-connector",
    "groups": "platform-engineers=operate+approve,teams=read",
}
POD = {
    "podAnnotations": {"example.com/number": "1"},
    "nodeSelector": {"kubernetes.io/arch": "arm64"},
    "tolerations": [{"key": "spot", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {}},
}

VALUE_SETS: dict[str, dict[str, Any]] = {
    "as it comes": DOCUMENTS,
    "Redis elsewhere, over TLS, behind Sentinels, with our own CA": {
        **DOCUMENTS,
        "redis": {"external": True, "sentinelPassword": True},
        "secrets": {"redisUrl": {"name": "redis", "key": "url"}},
        "ca": {"existingConfigMap": "company-ca", "forAws": True},
    },
    "without Flower, policies and budgets": {
        **DOCUMENTS,
        "flower": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    },
    "sign-in, meshStack, notifications, costs": {
        **DOCUMENTS,
        "signIn": SIGN_IN,
        "meshstack": {**MESHSTACK, "pullSeconds": 300, "apiUser": True},
        "notifications": {"enabled": True},
        "metering": {"enabled": True},
    },
    "behind proxies": {
        **DOCUMENTS,
        "proxies": {"https": "http://proxy:3128", "http": "http://proxy:3128", "bypass": "10.0.0.0/8,.svc"},
        "networkPolicy": {"httpsPorts": [3128]},
    },
    "IRSA, ingress, monitoring, KEDA": {
        "documents": {"existingConfigMap": "documents", "secretFiles": {"existingSecret": "external-ids"}},
        "aws": {"serviceAccountAnnotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::222222222222:role/mesh"}},
        "ingress": {"enabled": True, "className": "nginx", "annotations": {"a": "true"}, "tlsSecret": "tls"},
        "api": {"trustedProxies": "10.0.0.0/8"},
        "meshstack": MESHSTACK,
        "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
        "autoscaling": {"enabled": True},
        "networkPolicy": {
            "apiFrom": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        },
    },
    "documents in the values, a token of the cluster, a pinned image": {
        "documents": {"files": {"platform.yaml": "kind: meshPlatform\n# {{ no template }}\n", "zone.json": "{}"}},
        "aws": {"workloadIdentity": {"enabled": True}, "existingSecret": "external-ids"},
        "image": {"repository": "registry.example.com:5000/c", "digest": "sha256:" + "0" * 64, "pullSecrets": ["r"]},
        "settings": {"CONNECTOR_LOG_LEVEL": "debug", "CONNECTOR_RETENTION_DAYS": 400, "AWS_REGION": "eu-central-1"},
        "redis": {"storage": {"className": "gp3"}},
    },
    "secrets of Vault, traces": {
        **DOCUMENTS,
        "vault": {"address": "https://vault.example.com:8200", "role": "connector", "namespace": "team"},
        "settings": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"},
        "networkPolicy": {"httpsPorts": [443, 8200]},
    },
    "where and how pods run": {
        "documents": {"existingSecret": "documents"},
        "meshstack": MESHSTACK,
        **dict.fromkeys(("api", "worker", "beat", "flower", "runner"), POD),
    },
}
