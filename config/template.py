"""CloudFormation templates beside the documents: read, and checked as far as can be told without AWS."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import MappingNode

from config.patterns import Pattern
from config.yaml_nodes import PLAIN_TAGS, check_tree, compose, entries

LARGEST_BODY = 51_200
"""Bytes that CloudFormation takes as TemplateBody; more needs an address. Source: CloudFormation, CreateStack."""

_CONDITIONS = ("!And", "!Condition", "!Equals", "!If", "!Not", "!Or")
_LOOKUPS = ("!FindInMap", "!GetAZs", "!GetAtt", "!ImportValue", "!Ref", "!Select")
_TEXTS = ("!Base64", "!Cidr", "!Join", "!Length", "!Split", "!Sub", "!ToJsonString", "!Transform")
_TAGS = PLAIN_TAGS.union(_CONDITIONS, _LOOKUPS, _TEXTS)


def read_template(path: Path) -> str:
    """Return the text of a template file. Raises ValueError that says why CloudFormation would refuse it."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror} ({path})") from error
    if len(content) > LARGEST_BODY:
        raise ValueError(f"has {len(content)} bytes; as a file at most {LARGEST_BODY} are allowed, use templateUrl")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8 text") from error
    _check(text)
    return text


def fill_in(text: str, values: Mapping[str, str | int]) -> str:
    """Return a parameter's text with its placeholders filled in; one without any is taken as it is.

    Raises PatternError for an unknown placeholder, and for one that has no value.

    >>> fill_in("logs-#{workspaceIdentifier:%.3s}", {"workspaceIdentifier": "likvid"}), fill_in("50%s", {})
    ('logs-lik', '50%s')
    """
    return Pattern.parse(text).render(values) if "#{" in text else text


def is_template(fields: dict[str, Any]) -> bool:
    """Tell whether a document with these fields is a CloudFormation template rather than one of ours."""
    return "kind" not in fields and ("Resources" in fields or "AWSTemplateFormatVersion" in fields)


def _check(text: str) -> None:
    if text.lstrip().startswith("{"):
        _check_json(text)
        return
    documents = compose(text)
    if len(documents) != 1:
        raise ValueError("must be one YAML document")
    for problem in () if documents[0] is None else check_tree(documents[0], _TAGS):
        raise ValueError(problem)
    resources = entries(documents[0]).get("Resources")
    if not (isinstance(resources, MappingNode) and resources.value):
        raise ValueError("must be a CloudFormation template: a mapping with at least one entry in Resources")


def _check_json(text: str) -> None:
    try:
        template = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("is neither JSON nor YAML") from None
    if not (isinstance(template, dict) and isinstance(template.get("Resources"), dict) and template["Resources"]):
        raise ValueError("must be a CloudFormation template: a mapping with at least one entry in Resources")
