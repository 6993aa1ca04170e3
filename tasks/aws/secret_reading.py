"""Secrets of AWS Secrets Manager and of the Parameter Store, read as the worker's own identity.

A part of signing in: no step calls this, and it passes no seam. What the worker's role needs for it stands in
docs/security.md.
Source: docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html,
docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import json
import os
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from config.secret import Reference
from tasks.aws.ambient import Ambient
from tasks.aws.clients import Clients
from tasks.aws.faults import translate, translate_unanswered
from tasks.errors import StepError


class AwsSecrets:
    """AWS's two secret stores."""

    def __init__(self, clients: Clients | None = None) -> None:
        """Sign in nowhere yet."""
        self._clients = clients or Clients()
        self._credentials = Ambient(None)

    def secret(self, reference: Reference) -> str:
        """Return a secret, or a field of one that is a JSON object. Raises ValueError with a sentence."""
        answer = self._ask("secretsmanager", "get_secret_value", reference, SecretId=reference.name)
        text = answer.get("SecretString")
        if text is None:
            raise ValueError(f"needs the secret {reference}, which is binary: store a text")
        return str(text) if reference.field is None else _field(reference, text)

    def parameter(self, reference: Reference) -> str:
        """Return a parameter, decrypted. Raises ValueError with a sentence."""
        answer = self._ask("ssm", "get_parameter", reference, Name=reference.name, WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    def _ask(self, service: str, operation: str, reference: Reference, **parameters: Any) -> Any:
        try:
            client = self._clients.acting(service, _region(reference), self._credentials)
            return getattr(client, operation)(**parameters)
        except ClientError as error:
            raise _unreadable(reference, translate(service, error)) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise _unreadable(reference, translate_unanswered(service, operation, error)) from error
        except StepError as error:
            raise _unreadable(reference, error) from error


def _region(reference: Reference) -> str:
    """Take the region of the ARN; of a name, that of the environment."""
    if reference.name.startswith("arn:"):
        return reference.name.split(":")[3]
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise ValueError(f"needs the secret {reference}: write its ARN, or set AWS_REGION")
    return region


def _field(reference: Reference, text: str) -> str:
    try:
        found = json.loads(text)[reference.field]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"needs the secret {reference}, which is not a JSON object with that field") from None
    return str(found)


def _unreadable(reference: Reference, error: StepError) -> ValueError:
    return ValueError(f"needs the secret {reference}, which cannot be read: {error.code}: {error.message}")
