"""The protocol of building block runs: claim one, say which steps it has, report how they stand.

Claims and reports are sent once; a claim must never be sent again blindly, and a report may (it says how things stand,
not what has changed). Source: docs.meshcloud.io, meshBuildingBlockRun; `docs/meshstack.md`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import quote

from tasks.meshstack.client import WHOLE_SECONDS, Answer, MeshStack
from tasks.meshstack.errors import Away, Refused, Unauthorised
from tasks.meshstack.media import OCTETS, RUN

PATH = "/api/meshobjects/meshbuildingblockruns"
CLAIM_SECONDS = 300.0  # for one claim: it is never given up early, for meshStack would think that we have the run
ARTIFACT_SECONDS = 120.0
REFUSALS = 4  # of a run's own token in a row, until our API key is tried
NOTHING = frozenset({404, 409})  # to a claim: there is no run, or somebody was faster


class Told(Enum):
    """What meshStack makes of a report."""

    TAKEN = auto()
    ABORTING = auto()  # taken, and somebody wants the run to stop
    ABORTED = auto()  # not taken: somebody has aborted the run
    CLOSED = auto()  # the run is not in progress any more; why, this answer does not say


@dataclass(frozen=True)
class Address:
    """Where one run is reported, and the token for it."""

    run: str  # uuid
    token: str | None = field(default=None, repr=False)  # None: our API key
    register: str | None = None  # link
    update: str | None = None  # link with {sourceId}
    own: str | None = None  # link of the run itself
    artifact: str | None = None  # link of the plan that was approved

    def path(self, link: str | None, *parts: str) -> str:
        """Return a link, or the path that it has by the documentation."""
        return link or "/".join([PATH, quote(self.run, safe=""), *parts])


class Runs:
    """Speaks of runs; safe for threads. Methods raise Away or Refused."""

    def __init__(self, meshstack: MeshStack, source: str) -> None:
        """Make it; `source` names us in every report: the runner's uuid."""
        self._meshstack = meshstack
        self._source = source
        self._refusals: Counter[str] = Counter()

    def claim(self) -> dict[str, Any] | None:
        """Claim a run; None: there is none for us."""
        try:
            answer = self._meshstack.send(
                "POST", f"{PATH}/create", RUN, within=CLAIM_SECONDS, forRunnerUuid=self._source
            )
        except Refused as refused:
            if refused.status in NOTHING:
                return None
            raise
        return answer.document() if answer.content.strip() else None

    def register(self, address: Address, steps: Sequence[Mapping[str, Any]]) -> None:
        """Name the steps of a run, in the order in which they are shown; again is the same."""
        body = {"source": {"id": self._source}, "steps": list(steps)}
        try:
            self._scoped("POST", address, address.path(address.register, "status", "source"), body)
        except Refused as refused:
            if refused.status != 409:  # else they are named already, or the run is closed: the first report tells
                raise

    def update(self, address: Address, report: Mapping[str, Any]) -> Told:
        """Report how a run stands."""
        link = address.path(address.update, "status", "source", "{sourceId}")
        link = link.replace("{sourceId}", quote(self._source, safe="")).replace("%7BsourceId%7D", self._source)
        try:
            answer = self._scoped("PATCH", address, link, report)
        except Refused as refused:
            if refused.status == 409:
                return Told.ABORTED if _aborted(refused.text) else Told.CLOSED
            raise
        return Told.ABORTING if _aborted(answer.content.decode(errors="replace")) else Told.TAKEN

    def status(self, address: Address) -> str | None:
        """Read how meshStack sees a run, with our API key; None: it does not say, or we may not read it."""
        try:
            answer = self._with_key("GET", address, address.path(address.own), RUN)
            status = answer.document().get("status")
        except Refused:
            return None
        return status if isinstance(status, str) else None

    def behavior(self, run: str) -> str | None:
        """Read what a run was to do, with our API key; None: there is none, or we may not read it."""
        try:
            document = self._with_key("GET", Address(run), Address(run).path(None), RUN).document()
        except Refused:
            return None
        spec = document.get("spec")
        found = spec.get("behavior") if isinstance(spec, dict) else None
        return found.upper() if isinstance(found, str) else None

    def artifact(self, address: Address) -> bytes:
        """Read the plan that was approved."""
        link = address.path(address.artifact, "plan-artifact")
        return self._scoped("GET", address, link, media=OCTETS, within=ARTIFACT_SECONDS).content

    def _scoped(
        self,
        method: str,
        address: Address,
        link: str,
        body: Mapping[str, Any] | None = None,
        media: str = RUN,
        within: float = WHOLE_SECONDS,
    ) -> Answer:
        """Send with the run's own token; with our API key when meshStack keeps refusing that."""
        token = address.token
        if token is None or self._refusals[address.run] >= REFUSALS:
            return self._with_key(method, address, link, media, body, within)
        try:
            answer = self._meshstack.send(method, link, media, token=token, body=body, within=within)
        except Unauthorised as refused:
            self._refusals[address.run] += 1
            raise Away(f"meshStack does not accept the run's token ({refused})") from refused
        self._refusals.pop(address.run, None)
        return answer

    def _with_key(
        self,
        method: str,
        address: Address,
        link: str,
        media: str,
        body: Mapping[str, Any] | None = None,
        within: float = WHOLE_SECONDS,
    ) -> Answer:
        self._refusals.pop(address.run, None)  # whatever comes of it, the token has its turn again
        try:
            return self._meshstack.send(method, link, media, body=body, within=within)
        except Unauthorised as refused:  # also after a new login: later it may be accepted
            raise Away(f"meshStack does not accept the API key ({refused})") from refused


def _aborted(text: str) -> bool:
    try:
        found = json.loads(text)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("runAborted") is True
