"""A small evaluator of IAM policy documents: what allows, what denies, and which trust policy lets whom in.

Understood: Effect, Action/NotAction with wildcards, Resource with wildcards, Principal AWS/Federated, and the string
conditions below. An operator it does not know raises, so that a policy is never half understood.
Source: IAM user guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

Context = Mapping[str, str | Sequence[str]]


class Decision(Enum):
    """What a set of policies says of one action on one resource."""

    ALLOWED = "allowed"
    DENIED = "explicitly denied"
    SILENT = "not allowed"


def evaluate(documents: Iterable[Mapping[str, Any]], action: str, resource: str, context: Context) -> Decision:
    """Decide by identity policies: a Deny wins, else an Allow, else nothing is said."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _list(document.get("Statement"))
        if _fits(statement, action, resource, context)
    }
    if "Deny" in effects:
        return Decision.DENIED
    return Decision.ALLOWED if "Allow" in effects else Decision.SILENT


def trusts(document: Mapping[str, Any], action: str, principals: Mapping[str, Sequence[str]], context: Context) -> bool:
    """Say whether a trust policy lets one of these principals in (kind -> names, as {"AWS": [arn, root arn]})."""
    effects = {
        statement["Effect"]
        for statement in _list(document.get("Statement"))
        if _is_principal(statement.get("Principal"), principals)
        and _matches_one(_list(statement.get("Action")), action, re.IGNORECASE)
        and _conditions_hold(statement.get("Condition", {}), context)
    }
    return effects == {"Allow"}


def _fits(statement: Mapping[str, Any], action: str, resource: str, context: Context) -> bool:
    if "NotAction" in statement:
        acts = not _matches_one(_list(statement["NotAction"]), action, re.IGNORECASE)
    else:
        acts = _matches_one(_list(statement.get("Action")), action, re.IGNORECASE)
    return (
        acts
        and _matches_one(_list(statement.get("Resource")), resource)
        and _conditions_hold(statement.get("Condition", {}), context)
    )


def _is_principal(element: Any, principals: Mapping[str, Sequence[str]]) -> bool:
    if element == "*":
        return True
    return any(name in _list((element or {}).get(kind)) for kind, names in principals.items() for name in names)


def _conditions_hold(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    return all(
        _condition_holds(operator, [str(item) for item in _list(wanted)], context.get(key))
        for operator, pairs in conditions.items()
        for key, wanted in pairs.items()
    )


def _condition_holds(operator: str, wanted: list[str], actual: str | Sequence[str] | None) -> bool:
    if operator.startswith("ForAllValues:"):
        each = operator.removeprefix("ForAllValues:")
        return all(_condition_holds(each, wanted, value) for value in ([] if actual is None else _list(actual)))
    name = operator.removeprefix("ForAnyValue:")
    if name.endswith("IfExists"):
        if actual is None:
            return True
        name = name.removesuffix("IfExists")
    if name not in OPERATORS:
        raise ValueError(f"condition operator {operator} is not understood by the simulator")
    values = [] if actual is None else _list(actual)
    if name in NEGATIONS:
        return not any(OPERATORS[name](pattern, value) for pattern in wanted for value in values)
    return any(OPERATORS[name](pattern, value) for pattern in wanted for value in values)


def _like(pattern: str, value: str) -> bool:
    return bool(_wildcards(pattern, 0).fullmatch(value))


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda pattern, value: pattern == value,
    "StringEqualsIgnoreCase": lambda pattern, value: pattern.lower() == value.lower(),
    "StringNotEquals": lambda pattern, value: pattern == value,
    "StringLike": _like,
    "StringNotLike": _like,
    "ArnEquals": _like,
    "ArnLike": _like,
    "ArnNotEquals": _like,
    "ArnNotLike": _like,
    "Bool": lambda pattern, value: pattern.lower() == value.lower(),
}
NEGATIONS = ("StringNotEquals", "StringNotLike", "ArnNotEquals", "ArnNotLike")


def _matches_one(patterns: list[Any], value: str, flags: int = 0) -> bool:
    return any(_wildcards(str(pattern), flags).fullmatch(value) for pattern in patterns)


@cache
def _wildcards(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), flags | re.DOTALL)


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
