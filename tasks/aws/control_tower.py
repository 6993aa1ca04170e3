"""Control Tower's landing zone. Source: docs.aws.amazon.com/controltower/latest/APIReference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.aws.calls import Calls
from tasks.errors import PermanentError

EXECUTION_ROLE = "AWSControlTowerExecution"  # by which Control Tower works in an account that it is to enroll


class ControlTower:
    """Control Tower, seen from the management account in its home region."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def own_accounts(self) -> frozenset[str]:
        """Return the ids that the landing zone's manifest names: log archive, audit and the like; never enrolled.

        ListLandingZones and GetLandingZone, 1 call each; PermanentError when there is no landing zone.
        """
        zones = self._calls.read("list_landing_zones")["landingZones"]  # at most one
        if not zones:
            raise PermanentError(
                "NoLandingZone",
                "Control Tower has no landing zone here",
                self._calls.request_id,
                "Set up Control Tower, or set the platform's region to its home region; or set awsEnrollAccount to "
                "false in the landing zone document; then retry.",
            )
        described = self._calls.read("get_landing_zone", landingZoneIdentifier=zones[0]["arn"])["landingZone"]
        return frozenset(_account_ids(described["manifest"]))


def _account_ids(part: Any) -> Iterator[str]:
    """Yield every accountId at any depth: the manifest's parts differ between versions of the landing zone."""
    if isinstance(part, list):
        for item in part:
            yield from _account_ids(item)
    if isinstance(part, dict):
        for key, value in part.items():
            if key.lower().endswith("accountid") and isinstance(value, str):
                yield value
            yield from _account_ids(value)
