"""meshObjects that are read or written by their names. What our API key may not see is as if it were not there."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any
from urllib.parse import quote

from tasks.meshstack.client import MeshStack
from tasks.meshstack.errors import Away, Refused, Unauthorised
from tasks.meshstack.media import RUNNER, media

ROOT = "/api/meshobjects"
UNSEEN = frozenset({400, 403, 404, 406, 415, 422})
FORBIDDEN = 403
BLIND_SECONDS = 600.0  # for which a kind is not asked for again that we may not see
OTHER_VERSION = frozenset({406, 415})  # this meshStack has not the version that we ask for
TENANT_VERSIONS = ("v4", "v4-preview")


class Objects:
    """Reads and writes meshObjects. Methods raise Away or Refused."""

    def __init__(self, meshstack: MeshStack, clock: Callable[[], float] = monotonic) -> None:
        self._meshstack = meshstack
        self._clock = clock
        self._blind_until: dict[str, float] = {}

    def tenant(self, uuid: str) -> dict[str, Any] | None:
        """Read a meshTenant; None: there is none that we may see."""
        return self._seen("meshtenants", uuid, *(media("meshTenant", version) for version in TENANT_VERSIONS))

    def project(self, workspace: str, project: str) -> dict[str, Any] | None:
        """Read a meshProject; None: there is none that we may see."""
        return self._seen("meshprojects", f"{workspace}.{project}", media("meshProject", "v2"))

    def workspace(self, name: str) -> dict[str, Any] | None:
        """Read a meshWorkspace; None: there is none that we may see."""
        return self._seen("meshworkspaces", name, media("meshWorkspace", "v2"))

    def payment_method(self, name: str) -> dict[str, Any] | None:
        """Read a meshPaymentMethod; None: there is none that we may see."""
        return self._seen("meshpaymentmethods", name, media("meshPaymentMethod", "v2"))

    def runner(self, uuid: str) -> dict[str, Any]:
        """Read a meshBuildingBlockRunner."""
        return self._get("meshbuildingblockrunners", uuid, RUNNER)

    def put_runner(self, uuid: str, document: dict[str, Any]) -> dict[str, Any]:
        """Change a meshBuildingBlockRunner that is there."""
        path = f"{ROOT}/meshbuildingblockrunners/{quote(uuid, safe='')}"
        return self._meshstack.send("PUT", path, RUNNER, body=document).document()

    def create_runner(self, document: dict[str, Any]) -> dict[str, Any]:
        """Create a meshBuildingBlockRunner; meshStack names it."""
        return self._meshstack.send("POST", f"{ROOT}/meshbuildingblockrunners", RUNNER, body=document).document()

    def _seen(self, kind: str, name: str, *versions: str) -> dict[str, Any] | None:
        """Read an object in the first version that this meshStack has."""
        if self._clock() < self._blind_until.get(kind, 0.0):
            return None
        for wanted in versions:
            try:
                return self._get(kind, name, wanted)
            except Unauthorised as refused:  # also after a new login: later it may be accepted
                raise Away(f"meshStack does not accept the API key ({refused})") from refused
            except Refused as refused:
                if refused.status == FORBIDDEN:
                    self._blind_until[kind] = self._clock() + BLIND_SECONDS
                if refused.status not in UNSEEN:
                    raise
                if refused.status not in OTHER_VERSION:
                    return None
        return None

    def _get(self, kind: str, name: str, wanted: str) -> dict[str, Any]:
        return self._meshstack.send("GET", f"{ROOT}/{kind}/{quote(name, safe='')}", wanted).document()
