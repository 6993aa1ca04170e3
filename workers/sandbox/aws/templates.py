"""Read CloudFormation templates as strictly as AWS does, without deploying anything.

Functions inside resources are only checked for dangling references; in outputs Ref, GetAtt, Sub, Join and Select are
resolved. Transforms and conditions are not evaluated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from workers.sandbox.aws.call import AwsError

MAXIMUM_BODY_BYTES = 51_200
SECTIONS = {
    "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings", "Conditions",
    "Transform", "Resources", "Outputs", "Hooks",
}  # fmt: skip
IAM_NAME_PROPERTIES = {
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
}
IAM_TYPES = {*IAM_NAME_PROPERTIES, "AWS::IAM::AccessKey", "AWS::IAM::Policy", "AWS::IAM::UserToGroupAddition"}
RESOURCE_TYPE = re.compile(r"Custom::[A-Za-z0-9_@-]+|[A-Za-z0-9]+::[A-Za-z0-9]+::[A-Za-z0-9]+(::MODULE)?")
REFERENCE_IN_TEXT = re.compile(r"\$\{([^!][^}]*)\}")


@dataclass(frozen=True)
class Template:
    """A template that has passed the checks of its format."""

    body: str
    document: Mapping[str, Any]

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """The declared parameters by name."""
        return self.document.get("Parameters") or {}

    @property
    def resources(self) -> Mapping[str, Mapping[str, Any]]:
        """The declared resources by logical id."""
        resources: Mapping[str, Mapping[str, Any]] = self.document["Resources"]
        return resources

    @property
    def description(self) -> str | None:
        """The template's own description."""
        return self.document.get("Description")

    @property
    def simulated_failure(self) -> str | None:
        """The reason for which the simulator lets this template fail: Metadata.SimulateFailure."""
        return (self.document.get("Metadata") or {}).get("SimulateFailure")

    def capabilities(self) -> list[str]:
        """Answer the capabilities that a caller must acknowledge."""
        types = {resource["Type"] for resource in self.resources.values()}
        needed = ["CAPABILITY_NAMED_IAM" if self._names_iam() else "CAPABILITY_IAM"] if types & IAM_TYPES else []
        return [*needed, *(["CAPABILITY_AUTO_EXPAND"] if self.document.get("Transform") else [])]

    def _names_iam(self) -> bool:
        return any(
            IAM_NAME_PROPERTIES.get(resource["Type"]) in (resource.get("Properties") or {})
            for resource in self.resources.values()
        )


def invalid(message: str) -> AwsError:
    """Make CloudFormation's ValidationError."""
    return AwsError("ValidationError", message)


def unfit(name: str, value: str, constraint: str) -> AwsError:
    """Make CloudFormation's ValidationError of a request parameter that breaks its model."""
    return invalid(
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
    )


@lru_cache(maxsize=256)
def read_template(body: str) -> Template:
    """Read a YAML or JSON body; raise ValidationError "Template format error: …" when it is broken."""
    document = _parse_json(body) if body.lstrip().startswith("{") else _parse_yaml(body)
    if not isinstance(document, dict):
        raise invalid("Template format error: unsupported structure.")
    unknown = sorted(str(section) for section in document if section not in SECTIONS)
    if unknown:
        raise invalid(f"Invalid template property or properties [{', '.join(unknown)}]")
    _check_members(document)
    template = Template(body, document)
    _check_references(template)
    return template


def _parse_json(body: str) -> Any:
    try:
        return json.loads(body)
    except json.JSONDecodeError as error:
        message = f"Template format error: JSON not well-formed. (line {error.lineno}, column {error.colno})"
        raise invalid(message) from error


def _parse_yaml(body: str) -> Any:
    reader = YAML(typ="safe", pure=True)
    reader.Constructor = TemplateConstructor
    try:
        return reader.load(body)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise invalid(f"Template format error: YAML not well-formed.{place}") from error


class TemplateConstructor(SafeConstructor):
    """Plain YAML plus CloudFormation's short function forms: !Ref, !GetAtt, !Sub and the rest."""


def _construct_function(constructor: TemplateConstructor, suffix: Any, node: Node) -> Any:
    name = str(suffix).lstrip("!")
    value: Any
    if isinstance(node, ScalarNode):
        value = constructor.construct_scalar(node)
    elif isinstance(node, MappingNode):
        value = constructor.construct_mapping(node, deep=True)
    else:
        value = constructor.construct_sequence(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in ("Ref", "Condition") else f"Fn::{name}": value}


TemplateConstructor.add_multi_constructor("!", _construct_function)


def _check_members(document: Mapping[str, Any]) -> None:
    resources = document.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise invalid("Template format error: At least one Resources member must be defined.")
    for name, resource in resources.items():
        if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
            where = f"[/Resources/{name}]"
            raise invalid(f"Template format error: {where} Every Resources object must contain a Type member.")
        if not RESOURCE_TYPE.fullmatch(resource["Type"]):
            raise invalid(f"Template format error: Unrecognized resource types: [{resource['Type']}]")
    for declaration in (document.get("Parameters") or {}).values():
        if not isinstance(declaration, dict) or not isinstance(declaration.get("Type"), str):
            raise invalid("Template format error: Every Parameters object must contain a Type member.")


def _check_references(template: Template) -> None:
    known = {*template.parameters, *template.resources}
    for section in ("Resources", "Outputs"):
        missing = {name for name in _references(template.document.get(section) or {}) if name not in known}
        dangling = sorted(name for name in missing if not name.startswith("AWS::"))
        if dangling:
            block = f"Unresolved resource dependencies [{', '.join(dangling)}] in the {section} block of the template"
            raise invalid(f"Template format error: {block}")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _references(item)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key == "Ref" and isinstance(inner, str):
            yield inner
        elif key == "Fn::GetAtt" and inner:
            yield inner[0] if isinstance(inner, list) else inner.split(".", 1)[0]
        elif key == "Fn::Sub":
            yield from _references_in_text(inner)
        else:
            yield from _references(inner)


def _references_in_text(inner: Any) -> Iterator[str]:
    text, variables = (inner, {}) if isinstance(inner, str) else (inner[0], inner[1])
    yield from _references(variables)
    for name in REFERENCE_IN_TEXT.findall(text):
        if name not in variables:
            yield name.split(".", 1)[0]
