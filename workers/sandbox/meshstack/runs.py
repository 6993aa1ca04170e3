"""The runs of the sandbox's meshStack, and the states that they may pass: QUEUED, IN_PROGRESS, then an end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import RLock
from typing import Any
from uuid import uuid4

ENDS = frozenset({"SUCCEEDED", "FAILED", "ABORTED"})
BEHAVIORS = ("APPLY", "DETECT", "DESTROY")
OUTPUTS = frozenset({"account_id", "sign_in_url", "summary"})  # that the definition of the building block has
PATH = "/api/meshobjects/meshbuildingblockruns"
WORKSPACE, PLATFORM = "likvid", "aws.sandbox"
Document = dict[str, Any]


class NoSuchRun(KeyError):
    """Nobody has queued it."""


class NotInProgress(Exception):
    """It cannot be reported any more, or not yet."""

    def __init__(self, *, aborted: bool) -> None:
        super().__init__(aborted)
        self.aborted = aborted


@dataclass
class Run:
    """One run of a building block."""

    number: int
    block: str
    behavior: str
    project: str
    people: list[Document]
    uuid: str = field(default_factory=lambda: str(uuid4()))
    token: str = field(default_factory=lambda: f"run-{uuid4().hex}", repr=False)
    status: str = "QUEUED"
    steps: dict[str, Document] = field(default_factory=dict)  # in the order in which they were named
    outputs: dict[str, Any] = field(default_factory=dict)
    abort: bool = False
    changes_detected: bool | None = None

    def shown(self) -> Document:
        """Return it as people are shown it."""
        return {
            "uuid": self.uuid,
            "behavior": self.behavior,
            "tenant": f"{WORKSPACE}.{self.project}.{PLATFORM}",
            "status": self.status,
            "steps": list(self.steps.values()),
            "outputs": self.outputs,
            "changesDetected": self.changes_detected,
        }

    def document(self, base: str) -> Document:
        """Return it as the runner gets it."""
        own = f"{base}{PATH}/{self.uuid}"
        update = {"href": f"{own}/status/source/{{sourceId}}", "templated": True}
        links = {"self": {"href": own}, "registerSource": {"href": f"{own}/status/source"}, "updateSource": update}
        block = {
            "displayName": "AWS account",
            "workspaceIdentifier": WORKSPACE,
            "projectIdentifier": self.project,
            "fullPlatformIdentifier": PLATFORM,
            "inputs": [
                _input("landing_zone", "development"),
                _input("users", json.dumps(self.people), "CODE"),
            ],
        }
        return {
            "kind": "meshBuildingBlockRun",
            "apiVersion": "v1",
            "metadata": {"uuid": self.uuid},
            "status": self.status,
            "spec": {
                "runNumber": self.number,
                "behavior": self.behavior,
                "runToken": self.token,
                "buildingBlock": {"uuid": self.block, "spec": block},
            },
            "_links": links,
        }


def _input(key: str, value: str, kind: str = "STRING") -> Document:
    return {"key": key, "value": value, "type": kind, "isSensitive": False, "isEnvironment": False}


class Runs:
    """Every run, safe for threads."""

    def __init__(self) -> None:
        """Begin without any."""
        self._runs: dict[str, Run] = {}
        self._blocks: dict[str, str] = {}  # project -> building block
        self._lock = RLock()

    def queue(self, project: str, behavior: str = "APPLY", people: list[Document] | None = None) -> Run:
        """Queue a run, as when a team orders, changes or deletes a tenant."""
        with self._lock:
            block = self._blocks.setdefault(project, str(uuid4()))
            before = [each for each in self._runs.values() if each.block == block]
            who = people if people is not None else (before[-1].people if before else [])
            run = Run(len(before) + 1, block, behavior, project, who)
            self._runs[run.uuid] = run
            return run

    def find(self, uuid: str) -> Run:
        """Return a run; raises NoSuchRun."""
        try:
            return self._runs[uuid]
        except KeyError:
            raise NoSuchRun(uuid) from None

    def all(self) -> list[Document]:
        """Show every run, the newest first."""
        with self._lock:
            return [each.shown() for each in reversed(self._runs.values())]

    def claim(self) -> Run | None:
        """Hand out the oldest run that waits, one of each building block at a time; None: there is none."""
        with self._lock:
            busy = {each.block for each in self._runs.values() if each.status == "IN_PROGRESS"}
            for run in self._runs.values():
                if run.status == "QUEUED" and run.block not in busy:
                    run.status = "IN_PROGRESS"
                    return run
            return None

    def abort(self, uuid: str) -> None:
        """Abort a run: its next report hears it."""
        with self._lock:
            run = self.find(uuid)
            run.abort = True
            if run.status == "QUEUED":
                run.status = "ABORTED"

    def register(self, uuid: str, found: Mapping[str, Any]) -> None:
        """Take the names of a run's steps; raises NotInProgress."""
        with self._lock:
            run = self._in_progress(uuid)
            for step in found.get("steps", []):
                run.steps.setdefault(step["id"], {"status": "PENDING", **step})

    def update(self, uuid: str, found: Mapping[str, Any]) -> bool:
        """Take a report; tells whether somebody wants the run to stop. Raises NotInProgress."""
        with self._lock:
            run = self._in_progress(uuid)
            for step in found.get("steps") or []:
                run.steps[step["id"]] = {**run.steps.get(step["id"], {}), **_without_outputs(step)}
                run.outputs |= {name: each["value"] for name, each in (step.get("outputs") or {}).items()}
            run.changes_detected = found.get("changesDetected", run.changes_detected)
            if (status := found.get("status")) in ENDS:
                lacks = run.behavior == "APPLY" and not run.outputs.keys() >= OUTPUTS
                run.status = "FAILED" if status == "SUCCEEDED" and lacks else status
            return run.abort and run.status not in ENDS

    def _in_progress(self, uuid: str) -> Run:
        run = self.find(uuid)
        if run.status != "IN_PROGRESS":
            raise NotInProgress(aborted=run.abort)
        return run


def _without_outputs(step: Mapping[str, Any]) -> Document:
    return {name: value for name, value in step.items() if name != "outputs" and value is not None}
