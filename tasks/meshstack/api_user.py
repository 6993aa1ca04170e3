"""What meshStack takes from an API user only: usage reports and imports of meshObjects, with media types of their own.

Source: docs.meshcloud.io, meshResourceUsageReport of the metering API, and Declarative Import. Both answer 200 with
rows, and a row says whether its object was taken.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tasks.meshstack.client import WHOLE_SECONDS, Answer, MeshStack
from tasks.meshstack.errors import NotLetIn, Refused
from tasks.meshstack.media import IMPORT
from tasks.meshstack.objects import ROOT

TAKEN = "SUCCESS"
NOT_ALLOWED = frozenset({401, 403})


class ApiUser:
    """Sends as an API user. Methods raise Away, NotLetIn when the user is not accepted, or Refused."""

    def __init__(self, meshstack: MeshStack, user: str) -> None:
        """Make it; `user` is `name:password`."""
        self._meshstack = meshstack
        self._authorization = f"Basic {b64encode(user.encode()).decode()}"

    def put_usage_report(self, account: str, month: str, report: Mapping[str, Any]) -> None:
        """Put the report of an account's month, written as 2026-10; again is the same, the newest replaces the older.

        Numbers may be Decimals, which are written to the last digit.
        """
        self._put(f"{ROOT}/meshresourceusagereports/{quote(account, safe='')}/{month}-01Z", report)

    def import_objects(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Import meshObjects; Refused names what was not taken, and all others were."""
        self._put(ROOT, documents)

    def _put(self, path: str, document: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> None:
        try:
            answer = self._meshstack.exchange("PUT", path, IMPORT, self._authorization, document, WHOLE_SECONDS, {})
        except Refused as refused:
            if refused.status in NOT_ALLOWED:
                raise NotLetIn(f"meshStack does not allow the API user to do this ({refused})") from refused
            raise
        _check(answer)


def _check(answer: Answer) -> None:
    """Raise Refused when a row of an answer says no, or when there is none."""
    try:
        found = json.loads(answer.content)
    except ValueError as error:
        raise Refused(answer.status, "the answer is not JSON") from error
    rows = found if isinstance(found, list) else [found]
    wrong = [row for row in rows if not isinstance(row, dict) or row.get("status") != TAKEN]
    if wrong or not rows:
        raise Refused(answer.status, "; ".join(map(_said, wrong)) or "no object was accepted")


def _said(row: object) -> str:
    if not isinstance(row, dict):
        return "a row that cannot be read"
    return f"{row.get('meshObject')}: {row.get('resultCode')}, {row.get('message')}"
