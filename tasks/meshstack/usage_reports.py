"""Usage reports as meshStack takes them: by an API user, one for each account and month, the newest replaces the older.

Source: docs.meshcloud.io, meshResourceUsageReport.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tasks.meshstack.client import WHOLE_SECONDS, MeshStack
from tasks.meshstack.media import USAGE_REPORT
from tasks.meshstack.objects import ROOT


class UsageReports:
    """Sends reports. Methods raise Away or Refused."""

    def __init__(self, meshstack: MeshStack, user: str) -> None:
        """Make it; `user` is `name:password`."""
        self._meshstack = meshstack
        self._authorization = f"Basic {b64encode(user.encode()).decode()}"

    def put(self, account: str, month: str, report: Mapping[str, Any]) -> None:
        """Put the report of an account's month, written as 2026-10; again is the same."""
        path = f"{ROOT}/meshresourceusagereports/{quote(account, safe='')}/{month}-01Z"
        self._meshstack.exchange("PUT", path, USAGE_REPORT, self._authorization, report, WHOLE_SECONDS, {})
