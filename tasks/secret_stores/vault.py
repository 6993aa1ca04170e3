"""Secrets of HashiCorp Vault or OpenBao, by their HTTP API.

The token comes from VAULT_TOKEN, or from VAULT_ROLE with the token of the pod's service account (Kubernetes auth).
Source: developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 and /api-docs/auth/kubernetes
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx2

from config.secret import Reference

SECONDS = 10.0
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


class Vault:
    """One Vault."""

    def __init__(self, address: str, headers: dict[str, str], transport: httpx2.BaseTransport | None = None) -> None:
        """Open the connection with the first request.

        headers   X-Vault-Token, and X-Vault-Namespace if there is one
        """
        self._http = httpx2.Client(base_url=address.rstrip("/") + "/v1/", timeout=SECONDS, transport=transport)
        self._headers = headers

    @classmethod
    def of_environment(cls, reference: Reference) -> str:
        """Read a secret as VAULT_ADDR, VAULT_NAMESPACE and VAULT_TOKEN or VAULT_ROLE say. Raises ValueError."""
        address, token = os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN")
        if not address:
            raise ValueError(f"needs the secret {reference}: set VAULT_ADDR")
        namespace = os.environ.get("VAULT_NAMESPACE")
        vault = cls(address, {"X-Vault-Namespace": namespace} if namespace else {})
        with vault._http:
            if token is None:
                token = vault.sign_in(reference, os.environ.get("VAULT_ROLE"), _service_account(reference))
            return vault.read(reference, token)

    def sign_in(self, reference: Reference, role: str | None, jwt: str) -> str:
        """Return a token for the pod's service account. Raises ValueError."""
        if not role:
            raise ValueError(f"needs the secret {reference}: set VAULT_TOKEN, or VAULT_ROLE on Kubernetes")
        mount = os.environ.get("VAULT_AUTH_PATH", "kubernetes")
        answer = self._ask(reference, "POST", f"auth/{mount}/login", {}, {"role": role, "jwt": jwt})
        auth = answer.get("auth")
        if not isinstance(auth, dict) or "client_token" not in auth:
            raise ValueError(f"needs the secret {reference}, and Vault gives no token to sign in with")
        return str(auth["client_token"])

    def read(self, reference: Reference, token: str) -> str:
        """Return a field of a secret, of a KV store of version 1 or 2. Raises ValueError."""
        answer = self._ask(reference, "GET", reference.name, {"X-Vault-Token": token})
        data = answer.get("data")
        if isinstance(data, dict) and "metadata" in data and "data" in data:  # version 2; null: it was deleted
            data = data["data"]
        fields = data if isinstance(data, dict) else {}
        if reference.field not in fields:
            raise ValueError(f"needs the secret {reference}, which has no such field")
        return str(fields[reference.field])

    def _ask(
        self, reference: Reference, method: str, path: str, headers: dict[str, str], body: dict[str, str] | None = None
    ) -> dict[str, Any]:
        try:
            answer = self._http.request(method, path, headers={**self._headers, **headers}, json=body)
            answer.raise_for_status()
            found = answer.json()
            if not isinstance(found, dict):
                raise TypeError
            return found
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            raise ValueError(f"needs the secret {reference}, which Vault does not give: HTTP {status}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError) as error:
            name = type(error).__name__
            raise ValueError(f"needs the secret {reference}, and Vault gives no answer ({name})") from None


def _service_account(reference: Reference) -> str:
    try:
        return SERVICE_ACCOUNT.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"needs the secret {reference}: set VAULT_TOKEN, or run on Kubernetes") from None
