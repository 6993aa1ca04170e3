"""Parameters of CloudFormation templates: what is given, what was there, what is declared."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.templates import Template, invalid

Values = Mapping[str, str]


def resolve(
    template: Template, given: Sequence[Mapping[str, Any]] | None, previous: Values | None = None
) -> dict[str, str]:
    """Answer every declared parameter's value; raise ValidationError for unknown, missing and forbidden values."""
    refuse_unknown(template, given)
    values = {item["ParameterKey"]: given_value(item, previous) for item in given or ()}
    resolved = {}
    missing = []
    for name, declaration in template.parameters.items():
        if name in values:
            resolved[name] = values[name]
        elif "Default" in declaration:
            resolved[name] = _text(declaration["Default"])
        else:
            missing.append(name)
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in resolved.items():
        check_value(name, value, template.parameters[name])
    return resolved


def refuse_unknown(template: Template, given: Sequence[Mapping[str, Any]] | None) -> None:
    """Raise ValidationError when a parameter is given that the template does not declare."""
    unknown = [item["ParameterKey"] for item in given or () if item["ParameterKey"] not in template.parameters]
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")


def given_value(item: Mapping[str, Any], previous: Values | None) -> str:
    """Answer a given parameter's value, the previous one for UsePreviousValue."""
    name = item["ParameterKey"]
    if not item.get("UsePreviousValue"):
        if item.get("ParameterValue") is None:
            raise invalid(f"Parameters: [{name}] must have values")
        return str(item["ParameterValue"])
    if item.get("ParameterValue") is not None:
        raise invalid(f"Invalid input for parameter key {name}. Cannot specify usePreviousValue as true and value")
    if previous is None or name not in previous:
        raise invalid(f"Invalid input for parameter key {name}. Need to specify either a value or previous value")
    return previous[name]


def check_value(name: str, value: str, declaration: Mapping[str, Any]) -> None:
    """Raise ValidationError when the value breaks the declaration's constraints."""
    allowed = declaration.get("AllowedValues")
    if allowed is not None and value not in [_text(item) for item in allowed]:
        raise invalid(f"Parameter '{name}' must be one of AllowedValues")
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        raise invalid(f"Parameter '{name}' must match pattern {pattern}")
    if len(value) < int(declaration.get("MinLength", 0)):
        raise invalid(f"Parameter '{name}' must contain at least {declaration['MinLength']} characters")
    if "MaxLength" in declaration and len(value) > int(declaration["MaxLength"]):
        raise invalid(f"Parameter '{name}' must contain at most {declaration['MaxLength']} characters")
    if declaration["Type"] == "Number" and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
        raise invalid(f"Parameter '{name}' must be a number")


def check_capabilities(template: Template, given: Sequence[str] | None) -> None:
    """Raise InsufficientCapabilitiesException when the caller has not acknowledged what the template does."""
    accepted = set(given or ())
    if "CAPABILITY_NAMED_IAM" in accepted:
        accepted.add("CAPABILITY_IAM")
    lacking = [capability for capability in template.capabilities() if capability not in accepted]
    if lacking:
        raise AwsError("InsufficientCapabilitiesException", f"Requires capabilities : [{', '.join(lacking)}]")


def shown(template: Template, values: Values) -> list[dict[str, str]]:
    """Answer parameters as AWS shows them: NoEcho values masked."""
    return [
        {"ParameterKey": name, "ParameterValue": "****" if no_echo(template.parameters.get(name, {})) else value}
        for name, value in values.items()
    ]


def declarations(template: Template) -> list[dict[str, Any]]:
    """Answer the members that ValidateTemplate and GetTemplateSummary share."""
    return [
        {
            "ParameterKey": name,
            **({"DefaultValue": _text(declaration["Default"])} if "Default" in declaration else {}),
            "NoEcho": no_echo(declaration),
            **({"Description": declaration["Description"]} if "Description" in declaration else {}),
        }
        for name, declaration in template.parameters.items()
    ]


def no_echo(declaration: Mapping[str, Any]) -> bool:
    """Tell whether AWS hides the parameter's value."""
    return str(declaration.get("NoEcho", False)).lower() == "true"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
