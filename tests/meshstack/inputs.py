"""What the inputs of runs look like: plain ones, people with their roles, and encrypted ones."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def value(key: str, content: Any, kind: str = "STRING", *, sensitive: bool = False) -> dict[str, Any]:
    """Write an input."""
    return {"key": key, "value": content, "type": kind, "isSensitive": sensitive, "isEnvironment": False}


def people(*names: str, role: str = "admin") -> str:
    """Write USER_PERMISSIONS."""
    return json.dumps(
        [
            {
                "meshIdentifier": f"id-{name}",
                "username": f"{name}@example.com",
                "firstName": name.title(),
                "lastName": "Example",
                "email": f"{name}@example.com",
                "euid": f"{name}@example.com",
                "roles": [role],
            }
            for name in names
        ]
    )


def inputs(of_project: str, /, *names: str, **more: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the inputs of an order."""
    found = {
        "workspace": value("workspace", "likvid"),
        "project": value("project", of_project),
        "platform": value("platform", "aws.sandbox"),
        "users": value("users", people(*names), "CODE"),
        **more,
    }
    return list(found.values())


def sealed(public_pem: str, text: str) -> str:
    """Encrypt a text as meshStack does."""
    public = serialization.load_pem_public_key(public_pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    key, iv = os.urandom(16), os.urandom(12)
    scheme = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    return base64.b64encode(
        public.encrypt(key, scheme) + len(iv).to_bytes(4, "big") + iv + AESGCM(key).encrypt(iv, text.encode(), None)
    ).decode()
