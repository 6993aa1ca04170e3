"""Cost Explorer's filters: which lines an Expression lets through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.cost_book import Line

DIMENSIONS = {
    "LINKED_ACCOUNT": "account",
    "SERVICE": "service",
    "USAGE_TYPE": "usage_type",
    "RECORD_TYPE": "record_type",
}
"""Dimension -> field of a line: those that lines have here."""


def fits(expression: Mapping[str, Any], line: Line) -> bool:
    """Say whether a line fits; AWS's error for an expression that is none."""
    if len(expression) != 1:
        raise _invalid("Expression should contain exactly one of the following: And, Or, Not, Dimensions")
    ((kind, value),) = expression.items()
    match kind:
        case "And" | "Or":
            if len(value) < 2:
                raise _invalid(f"{kind} expression must have at least 2 operands")
            return (all if kind == "And" else any)(fits(each, line) for each in value)
        case "Not":
            return not fits(value, line)
        case "Dimensions":
            return _is_one(value, line)
    raise _invalid(f"{kind} is not supported here")


def _is_one(dimension: Mapping[str, Any], line: Line) -> bool:
    if dimension["Key"] not in DIMENSIONS or not dimension.get("Values"):
        raise _invalid(f"Dimension {dimension['Key']} is not supported, or has no values")
    return getattr(line, DIMENSIONS[dimension["Key"]]) in dimension["Values"]


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
