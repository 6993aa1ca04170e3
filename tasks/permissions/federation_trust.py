"""Whom an IAM role trusts, where people sign in by federation: pure functions on trust policies.

Our statement is found again by its Sid, so that it can be renewed or taken off a role that is not ours.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-idp_saml.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from config.platform import Platform
from config.policy_document import PolicyDocument

SID = "MeshstackIdentityFederation"
AUDIENCES = {  # by partition, where it is not signin.aws.amazon.com
    "aws-cn": "https://signin.amazonaws.cn/saml",
    "aws-us-gov": "https://signin.amazonaws-us-gov.com/saml",
}
# A trust policy needs a statement, so a role that trusted our provider alone trusts nobody in so many words.
NOBODY = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}


def provider_arn(platform: Platform, account_id: str, name: str) -> str:
    """Return the ARN of a SAML provider of an account."""
    return f"arn:{platform.partition}:iam::{account_id}:saml-provider/{name}"


def trust_statement(platform: Platform, provider: str) -> dict[str, Any]:
    """Return the statement that lets people in whom the provider names, into AWS's console and CLI only."""
    audience = AUDIENCES.get(platform.partition, "https://signin.aws.amazon.com/saml")
    return {
        "Sid": SID,
        "Effect": "Allow",
        "Principal": {"Federated": provider},
        "Action": "sts:AssumeRoleWithSAML",
        "Condition": {"StringEquals": {"SAML:aud": audience}},
    }


def whole_trust(statement: PolicyDocument) -> PolicyDocument:
    """Return the trust policy of a role of ours: nobody else gets in."""
    return {"Version": "2012-10-17", "Statement": [statement]}


def same_trust(one: PolicyDocument, other: PolicyDocument) -> bool:
    """Tell whether two trust policies say the same: AWS may write one thing where a list of one was sent."""
    return bool(_plain(one) == _plain(other))


def with_trust(document: PolicyDocument, statement: PolicyDocument) -> PolicyDocument:
    """Return the document with our statement, in place of an older one of ours."""
    return {**document, "Statement": [*_foreign(document), statement]}


def without_trust(document: PolicyDocument) -> PolicyDocument:
    """Return the document without our statement."""
    return {**document, "Statement": _foreign(document) or [NOBODY]}


def is_ours(document: PolicyDocument) -> bool:
    """Tell whether a trust policy holds a statement of ours."""
    return len(_foreign(document)) < len(_listed(document.get("Statement")))


def _foreign(document: PolicyDocument) -> list[Any]:
    return [statement for statement in _listed(document.get("Statement")) if statement.get("Sid") != SID]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value is not None else []


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list):
        parts = [_plain(part) for part in value]
        return parts[0] if len(parts) == 1 else parts
    return value
