"""SCIM's lists in AWS's dialect: filters with `eq` and `and`, pages by cursor, at most 100 on each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.directory import Entry
from workers.sandbox.aws.paging import page

LIST_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PARAMETERS = frozenset({"filter", "cursor", "count"})  # startIndex, attributes and excludedAttributes: not supported
LARGEST = 100
CONDITION = re.compile(r'\s*([A-Za-z.]+)\s+(?i:eq)\s+("(?:[^"\\]|\\.)*")\s*')
CURSOR = re.compile(r"[-a-zA-Z0-9+=/:_]*")
AND = re.compile(r"(?i:and)\s")
INVALID = "Request is unparsable, syntactically incorrect, or violates schema."


def invalid(message: str = INVALID) -> AwsError:
    """Make SCIM's ValidationException."""
    return AwsError("ValidationException", message, 400)


def conditions(query: Mapping[str, str], allowed: Iterable[frozenset[str]]) -> dict[str, str]:
    """Read the filter: attribute -> value; ValidationException unless its attributes are one of the allowed sets."""
    if query.keys() - PARAMETERS:
        raise invalid(f"Not supported: {', '.join(sorted(query.keys() - PARAMETERS))}")
    if "filter" not in query:
        return {}
    found = _parse(query["filter"])
    if frozenset(found) not in set(allowed):
        raise invalid(f"Filter is not supported: {query['filter']}")
    return found


def listed(
    entries: Iterable[Entry], query: Mapping[str, str], show: Callable[[Entry], dict[str, Any]]
) -> dict[str, Any]:
    """Answer one page. Without a cursor AWS shows the first results only, and says no more than how many these are."""
    asked = {"NextToken": query["cursor"]} if query.get("cursor") else {}
    try:
        size = int(query.get("count", LARGEST))
    except ValueError as error:
        raise invalid() from error
    if not 1 <= size <= LARGEST or not CURSOR.fullmatch(query.get("cursor", "")):
        raise invalid()
    shown, more = page(entries, lambda entry: entry.entry_id, {**asked, "MaxResults": size}, largest=LARGEST)
    answer = {"schemas": [LIST_SCHEMA], "itemsPerPage": len(shown), "Resources": [show(entry) for entry in shown]}
    if "cursor" in query:
        return {**answer, **({"nextCursor": more["NextToken"]} if more else {})}
    return {**answer, "totalResults": len(shown), "startIndex": 1}


def _parse(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    rest = text
    while True:
        match = CONDITION.match(rest)
        if match is None:
            raise invalid(f"Filter is not supported: {text}")
        found[match[1]] = json.loads(match[2])
        rest = rest[match.end() :]
        if not rest:
            return found
        joint = AND.match(rest)
        if joint is None:
            raise invalid(f"Filter is not supported: {text}")
        rest = rest[joint.end() :]
