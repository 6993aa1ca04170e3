"""Secrets Manager's GetSecretValue and the Parameter Store's GetParameter, of what an operator has put there.

Encryption is told apart but not done: a SecureString that nobody asked to decrypt is answered as something else.
Source: the API references of both; errors ResourceNotFoundException, ParameterNotFound (both 400).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.shapes import answer

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


@dataclass
class SecretStores:
    """Every text by the ARN of its secret or parameter."""

    texts: dict[str, str] = field(default_factory=dict)


def put_secret(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: store a secret or change it. Body: name, text, account (default: management account)."""
    suffix = hashlib.sha256(body["name"].encode()).hexdigest()[:6]  # AWS adds six characters
    return _put(world, body, "secretsmanager", f"secret:{body['name']}-{suffix}")


def put_parameter(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: store a SecureString or change it. Body: name, text, account (default: management account)."""
    return _put(world, body, "ssm", f"parameter/{body['name'].lstrip('/')}")


def _put(world: World, body: Mapping[str, Any], service: str, resource: str) -> dict[str, Any]:
    account = body.get("account", organization.MANAGEMENT_ACCOUNT_ID)
    arn = f"arn:aws:{service}:{organization.REGION}:{account}:{resource}"
    world.state(SecretStores).texts[arn] = body["text"]
    return {"arn": arn}


@answer("secretsmanager", "GetSecretValue")
def get_secret_value(call: Call, world: World) -> Mapping[str, Any]:
    """Show a secret, which may be named by its name or its ARN, with or without the ARN's last six characters."""
    asked = str(call.parameters["SecretId"])
    beginning = f"arn:aws:secretsmanager:{call.region}:{call.caller.account_id}:secret:"
    partial = asked if asked.startswith("arn:") else f"{beginning}{asked}"
    for arn, text in world.state(SecretStores).texts.items():
        if arn.startswith(beginning) and partial in (arn, arn[:-7]):
            name = arn.removeprefix(beginning)[:-7]
            version = hashlib.sha256(text.encode()).hexdigest()[:36]
            return {"ARN": arn, "Name": name, "SecretString": text, "VersionId": version, "CreatedDate": call.now}
    raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")


@answer("ssm", "GetParameter")
def get_parameter(call: Call, world: World) -> Mapping[str, Any]:
    """Show a parameter by its name or its ARN."""
    asked = str(call.parameters["Name"])
    beginning = f"arn:aws:ssm:{call.region}:{call.caller.account_id}:parameter/"
    arn = asked if asked.startswith("arn:") else f"{beginning}{asked.lstrip('/')}"
    text = world.state(SecretStores).texts.get(arn) if arn.startswith(beginning) else None
    if text is None:
        raise AwsError("ParameterNotFound", f"Parameter {asked} not found.")
    shown = text if call.parameters.get("WithDecryption") else base64.b64encode(text.encode()[::-1]).decode()
    return {"Parameter": {"ARN": arn, "Name": asked, "Type": "SecureString", "Value": shown, "Version": 1}}
