"""One run of a building block as meshStack keeps it: its states, what a report may say, what is shown of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

RUN = "application/vnd.meshcloud.api.meshbuildingblockrun.v1.hal+json"
BASE = "https://mesh-backend.example"  # in links: not where the connector reaches it
PATH = "/api/meshobjects/meshbuildingblockruns"
RUNNER_UUID = "5f2f5d8e-9c0b-4a62-8a5e-4d5a4b1f7c11"
FINAL = frozenset({"SUCCEEDED", "FAILED", "ABORTED"})
STATUSES = FINAL | {"PENDING", "IN_PROGRESS"}
OUTPUT_TYPES = frozenset({"STRING", "INTEGER", "BOOLEAN", "CODE"})
STEP_FIELDS = frozenset({"id", "displayName", "status", "userMessage", "systemMessage", "outputs"})
REPORT_FIELDS = frozenset({"status", "steps", "changesDetected", "artifact"})
LONGEST_MESSAGE = 500
MOST_STEPS = 50


class Dropped(Exception):
    """The connection breaks before the answer has come."""


@dataclass
class Reply:
    """An answer."""

    status: int
    document: Any = None
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def body(self) -> bytes:
        """The answer's bytes."""
        if self.content is not None:
            return self.content
        return b"" if self.document is None else json.dumps(self.document).encode()


@dataclass
class FakeRun:
    """One run, as meshStack keeps it."""

    uuid: str
    number: int
    block: str
    behavior: str
    spec: dict[str, Any]  # of the building block
    violations: list[str] = field(repr=False)  # of the protocol, by whomever
    clock: Callable[[], float] = field(repr=False)
    outputs: frozenset[str] = frozenset()  # that the definition defines
    status: str = "QUEUED"
    token: str = ""
    tokens: list[str] = field(default_factory=list)
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)  # in the order in which they were named
    claimed_steps: dict[str, dict[str, Any]] = field(default_factory=dict)  # reported since it was last handed out
    sent: dict[str, Any] = field(default_factory=dict)  # outputs
    registered: bool = False
    abort_wanted: bool = False
    abort_told: str | None = None  # which process of the runner was told; another one cannot know of it yet
    predecessor: str | None = None
    plan_artifact: bool = False
    artifact: bytes | None = None
    changes_detected: bool | None = None
    claims: int = 0
    finals: int = 0
    handed_out_at: float = 0.0
    heard_at: float = 0.0
    longest_silence: float = 0.0
    final_body: bytes | None = None
    reports: int = 0

    @property
    def last_messages(self) -> list[str]:
        """What the team reads, of every step."""
        return [step["userMessage"] for step in self.steps.values() if step.get("userMessage")]

    @property
    def operators_messages(self) -> list[str]:
        """What operators read, of every step."""
        return [step["systemMessage"] for step in self.steps.values() if step.get("systemMessage")]

    def register(self, found: Any) -> Reply:
        steps = found.get("steps", [])
        if found.get("source", {}).get("id") != RUNNER_UUID or set(found) - {"source", "steps"}:
            self.violations.append(f"a registration that says {found}")
        if len(steps) > MOST_STEPS or len({step["id"] for step in steps}) != len(steps):
            self.violations.append(f"{len(steps)} steps, or one twice")
        if self.status != "IN_PROGRESS":
            return Reply(409, {"runAborted": self.abort_wanted})
        self.heard()
        if self.registered:
            return Reply(409, {"message": "registered already"})
        self.registered = True
        for step in steps:
            if not step.get("displayName") or set(step) - {"id", "displayName", "status"}:
                self.violations.append(f"a step that says {step}")
            self.steps.setdefault(step["id"], {**step, "status": step.get("status", "PENDING")})
        return Reply(200)

    def update(self, found: Any, body: bytes, node: str) -> Reply:
        if self.status != "IN_PROGRESS":
            if self.final_body is not None and body != self.final_body and found.get("status") in FINAL:
                self.violations.append(f"run {self.uuid} ended {self.status}, and then {found.get('status')} was sent")
            return Reply(409, {"runAborted": self.abort_wanted})
        if not self.registered:
            self.violations.append("a report before the steps were named")
        self._check(found)
        self.heard()
        self.reports += 1
        status = found.get("status")
        if self.abort_told == node and status == "SUCCEEDED":
            self.violations.append(f"run {self.uuid} succeeds after it was told to stop")
        if self.abort_told == node and status not in FINAL:
            self.violations.append(f"run {self.uuid} goes on after it was told to stop")
        for step in found.get("steps") or []:
            self._step(step)
        self.changes_detected = found.get("changesDetected", self.changes_detected)
        if found.get("artifact"):
            self.artifact = base64.b64decode(found["artifact"], validate=True)
        if status in FINAL:
            self._finish(status, body)
        elif self.abort_wanted:
            self.abort_told = node
        return Reply(200, {"runAborted": self.abort_wanted and status != "ABORTED"}, media=RUN)

    def _check(self, found: Any) -> None:
        if set(found) - REPORT_FIELDS:
            self.violations.append(f"a report with {sorted(set(found) - REPORT_FIELDS)}")
        if found.get("status") not in STATUSES - {"PENDING"}:
            self.violations.append(f"the status of a run is {found.get('status')}")
        for step in found.get("steps") or []:
            if set(step) - STEP_FIELDS or step.get("status", "PENDING") not in STATUSES:
                self.violations.append(f"a step that says {step}")
            for name in ("userMessage", "systemMessage"):
                if len(step.get(name) or "") > LONGEST_MESSAGE:
                    self.violations.append(f"{name} of {step['id']} has {len(step[name])} characters")

    def _step(self, step: dict[str, Any]) -> None:
        before = self.claimed_steps.get(step["id"])
        if step["id"] not in self.steps and not step.get("displayName"):
            self.violations.append(f"step {step['id']} has no name")
        if before is not None and before["status"] in FINAL and step.get("status", "") not in FINAL:
            self.violations.append(
                f"step {step['id']} of {self.uuid} went from {before['status']} to {step.get('status')}"
            )
        for name, output in (step.get("outputs") or {}).items():
            if (
                set(output) != {"value", "type", "isSensitive"}
                or output["type"] not in OUTPUT_TYPES
                or output["isSensitive"]
            ):
                self.violations.append(f"an output that says {output}")
            self.sent[name] = output["value"]
        self.claimed_steps[step["id"]] = step
        self.steps[step["id"]] = {**self.steps.get(step["id"], {}), **step}
        if len(self.steps) > MOST_STEPS:
            self.violations.append(f"{len(self.steps)} steps")

    def _finish(self, status: str, body: bytes) -> None:
        if status == "SUCCEEDED":
            if missing := self.outputs - self.sent.keys():
                self.violations.append(f"run {self.uuid} succeeded without {sorted(missing)}")
            if unknown := self.sent.keys() - self.outputs:
                self.violations.append(f"outputs that nobody has defined: {sorted(unknown)}")
            if open_steps := [each["id"] for each in self.steps.values() if each["status"] != "SUCCEEDED"]:
                self.violations.append(f"run {self.uuid} succeeded with {open_steps}")
        self.status, self.final_body = status, body
        self.finals += 1

    def heard(self) -> None:
        self.longest_silence = max(self.longest_silence, self.clock() - self.heard_at)
        self.heard_at = self.clock()

    def document(self, *, with_token: bool = False) -> dict[str, Any]:
        own = f"{BASE}{PATH}/{self.uuid}"
        links: dict[str, Any] = {
            "self": {"href": own},
            "registerSource": {"href": f"{own}/status/source"},
            "updateSource": {"href": f"{own}/status/source/{{sourceId}}", "templated": True},
            "meshstackBaseUrl": {"href": BASE},
        }
        if self.predecessor:
            links["predecessor"] = {"href": f"{BASE}{PATH}/{self.predecessor}"}
        if self.plan_artifact:
            links["planArtifact"] = {"href": f"{own}/plan-artifact"}
        spec = {
            "runNumber": self.number,
            "behavior": self.behavior,
            "buildingBlock": {"uuid": self.block, "spec": {**self.spec, "parentBuildingBlocks": []}},
            "buildingBlockDefinition": {
                "uuid": "b23cfb9a-6974-444f-9d33-62134a632373",
                "spec": {"workspaceIdentifier": "platform-team", "version": 1, "implementation": {"type": "TERRAFORM"}},
            },
            "trigger": {"reason": "BUILDING_BLOCK_CREATION"},
        }
        if with_token:
            spec["runToken"] = self.token
        status = "FAILED" if self.status == "ABORTED" else self.status
        head = {"kind": "meshBuildingBlockRun", "apiVersion": "v1", "metadata": {"uuid": self.uuid}}
        return {**head, "spec": spec, "status": status, "_links": links}
