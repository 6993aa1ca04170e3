"""IAM policy documents beside our documents, JSON or YAML: read, and checked as far as can be told without AWS."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.yaml_nodes import check_tree, compose, plain

LARGEST_FILE = 20_480
"""Bytes: twice what AWS takes for all inline policies of a role, for spaces do not count there. Source: IAM quotas."""

PolicyDocument = Mapping[str, Any]
"""An IAM policy as AWS writes it; a trust policy is one too."""

_FIELDS = {"Version", "Id", "Statement"}
_VERSION = "2012-10-17"


def read_policy(path: Path) -> dict[str, Any]:
    """Return the policy in a file. Raises ValueError that says why it is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror} ({path})") from error
    if len(content) > LARGEST_FILE:
        raise ValueError(f"has {len(content)} bytes; a policy has at most {LARGEST_FILE}")
    try:
        documents = compose(content.decode("utf-8"))  # JSON is YAML
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    if len(documents) != 1 or documents[0] is None:
        raise ValueError("must be one policy document")
    for problem in check_tree(documents[0]):
        raise ValueError(problem)
    return _checked(json.loads(json.dumps(plain(documents[0]), default=str)))  # YAML takes 2012-10-17 for a date


def is_policy(fields: dict[str, Any]) -> bool:
    """Tell whether a document with these fields is an IAM policy rather than one of ours."""
    return "kind" not in fields and "Statement" in fields


def _checked(policy: Any) -> dict[str, Any]:
    if not isinstance(policy, dict) or not policy.keys() <= _FIELDS or policy.get("Version") != _VERSION:
        raise ValueError(f"must be an IAM policy: a mapping with Version: '{_VERSION}' and Statement")
    statements = policy.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    if not statements or not all(isinstance(each, dict) and each.get("Effect") in ("Allow", "Deny") for each in listed):
        raise ValueError("must have at least one Statement, each with Effect: Allow or Deny")
    return policy
