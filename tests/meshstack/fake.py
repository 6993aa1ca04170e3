"""A strict meshStack: media types, tokens, the states of a run, what a report may say. It notes every violation.

Transport-free: `handle` takes a request and gives an answer, or raises `Dropped` for a connection that breaks. It is
served by `transport.py`, in this process or over HTTP. Written from meshStack's documentation, apart from the
connector's own client: neither may import the other.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.meshstack.faults import Fault, NoFaults

RUN = "application/vnd.meshcloud.api.meshbuildingblockrun.v1.hal+json"
RUNNER = "application/vnd.meshcloud.api.meshbuildingblockrunner.v1-preview.hal+json"
OBJECTS = {
    "meshtenants": "application/vnd.meshcloud.api.meshtenant.v4.hal+json",
    "meshprojects": "application/vnd.meshcloud.api.meshproject.v2.hal+json",
    "meshworkspaces": "application/vnd.meshcloud.api.meshworkspace.v2.hal+json",
    "meshpaymentmethods": "application/vnd.meshcloud.api.meshpaymentmethod.v2.hal+json",
}
BASE = "https://mesh-backend.example"  # in links: not where the connector reaches it
PATH = "/api/meshobjects/meshbuildingblockruns"
FINAL = frozenset({"SUCCEEDED", "FAILED", "ABORTED"})
STATUSES = FINAL | {"PENDING", "IN_PROGRESS"}
OUTPUT_TYPES = frozenset({"STRING", "INTEGER", "BOOLEAN", "CODE"})
STEP_FIELDS = frozenset({"id", "displayName", "status", "userMessage", "systemMessage", "outputs"})
REPORT_FIELDS = frozenset({"status", "steps", "changesDetected", "artifact"})
LONGEST_MESSAGE = 500
MOST_STEPS = 50
RUNNER_UUID = "5f2f5d8e-9c0b-4a62-8a5e-4d5a4b1f7c11"
CLIENT_ID = "0d4bbd0a-54a1-4d2f-8bba-4e4f4d9be2c3"
CLIENT_SECRET = "the-secret-of-the-api-key-0123456789"


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


@dataclass
class FakeMeshStack:
    """One meshStack with one runner."""

    faults: Fault = field(default_factory=NoFaults)
    clock: Callable[[], float] = time.monotonic
    run_seconds: float = 3600.0  # a run that nobody has reported for so long is handed out again
    token_seconds: int = 300
    claim_seconds: float = 0.0
    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)  # kinds that the API key may not read
    away: bool = False
    processes: int = 0  # runners that were started: each logs in for itself, one login at a time
    violations: list[str] = field(default_factory=list)
    runs: dict[str, FakeRun] = field(default_factory=dict)
    runner: dict[str, Any] | None = None
    logins: int = 0
    requests: int = 0
    _tokens: dict[str, float] = field(default_factory=dict)
    _claiming: int = 0
    _logging_in: int = 0
    _reporting: set[str] = field(default_factory=set)
    _lock: RLock = field(default_factory=RLock)
    _numbers: dict[str, int] = field(default_factory=dict)
    _busy: Lock = field(default_factory=Lock)

    # What a test does

    def queue(
        self,
        inputs: list[dict[str, Any]] | None = None,
        *,
        behavior: str = "APPLY",
        block: str | None = None,
        outputs: frozenset[str] = frozenset({"account_id", "sign_in_url", "summary"}),
        predecessor: str | None = None,
        plan_artifact: bool = False,
        **spec: Any,
    ) -> FakeRun:
        """Queue a run."""
        with self._lock:
            block = block or str(uuid4())
            number = self._numbers[block] = self._numbers.get(block, 0) + 1
            found = {"displayName": "AWS account", "workspaceIdentifier": "likvid", **spec, "inputs": inputs or []}
            run = FakeRun(str(uuid4()), number, block, behavior, found, outputs if behavior == "APPLY" else frozenset())
            run.predecessor, run.plan_artifact = predecessor, plan_artifact
            self.runs[run.uuid] = run
            return run

    def queue_again(self, run: FakeRun) -> None:
        """Hand a run out once more, as after its time-out."""
        with self._lock:
            if run.status == "IN_PROGRESS":
                run.status = "QUEUED"

    def abort(self, run: FakeRun, *, at_once: bool = False) -> None:
        """Abort a run: the next report hears it, or at once is refused."""
        with self._lock:
            if run.status in FINAL:
                return
            run.abort_wanted = True
            if at_once or run.status == "QUEUED":
                run.status = "ABORTED"

    def expire_tokens(self) -> None:
        """Let every token of the API key end now."""
        with self._lock:
            self._tokens.clear()

    def ended(self) -> bool:
        """Tell whether every run has ended."""
        with self._lock:
            return all(run.status in FINAL for run in self.runs.values())

    # The server

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer a request; raises Dropped when the connection breaks."""
        parts = urlsplit(target)
        lower = {name.lower(): value for name, value in headers.items()}
        with self._busy:
            self.requests += 1
        if self.away:
            raise Dropped
        kind = self._kind(method, parts.path)
        fault = self.faults.choose(kind)
        if fault is not None and fault.before:
            return self._faulty(fault)
        reply = self._answer(method, parts.path, parse_qs(parts.query), lower, body)
        if fault is not None:  # it was done, and the answer is lost, so nobody was told anything
            for run in self.runs.values():
                run.abort_told = None if run.uuid in target else run.abort_told
            raise Dropped
        return reply

    def _kind(self, method: str, path: str) -> str:
        if path == "/api/login":
            return "login"
        if path == f"{PATH}/create":
            return "claim"
        if path.endswith("/plan-artifact"):
            return "artifact"
        if path.startswith(PATH) and method == "GET":
            return "status"
        if path.startswith(PATH):
            return "register" if method == "POST" else "update"
        return "read"

    def _faulty(self, fault: Any) -> Reply:
        if fault.name == "drop":
            raise Dropped
        if fault.name == "401":
            return Reply(401, {"message": "unauthorised"})
        headers = {"Retry-After": "1"} if fault.name in ("429", "503") else {}
        if fault.name == "html":
            return Reply(502, media="text/html", content=b"<html>Bad Gateway</html>")
        return Reply(int(fault.name), {"message": "no"}, headers=headers)

    def _answer(
        self, method: str, path: str, query: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes
    ) -> Reply:
        if method == "POST" and path == "/api/login":
            return self._login(headers, body)
        if method == "POST" and path == f"{PATH}/create":
            return self._claim(query, headers, body)
        if found := re.fullmatch(rf"{PATH}/([^/]+)/status/source(?:/([^/]+))?", path):
            return self._source(method, found[1], found[2], headers, body)
        if found := re.fullmatch(rf"{PATH}/([^/]+)/plan-artifact", path):
            return self._artifact(found[1], headers)
        if (found := re.fullmatch(rf"{PATH}/([^/]+)", path)) and method == "GET":
            return self._read_run(found[1], headers)
        if found := re.fullmatch(r"/api/meshobjects/meshbuildingblockrunners(?:/([^/]+))?", path):
            return self._runner(method, found[1], headers, body)
        if (found := re.fullmatch(r"/api/meshobjects/(\w+)/([^/]+)", path)) and method == "GET":
            return self._object(found[1], found[2], headers)
        self._violation(f"nothing is at {method} {path}")
        return Reply(404, {"message": "not found"})

    # Login and tokens

    def _login(self, headers: Mapping[str, str], body: bytes) -> Reply:
        with self._busy:
            self._logging_in += 1
            if self._logging_in > max(self.processes, 1):
                self._violation("two logins at once")
        try:
            if not headers.get("content-type", "").startswith("application/json"):
                self._violation("a login that is not JSON")
            found = json.loads(body)
            if found != {"clientId": CLIENT_ID, "clientSecret": CLIENT_SECRET}:
                return Reply(401, {"message": "unknown client"})
            with self._lock:
                self.logins += 1
                token = secrets.token_urlsafe(24)
                self._tokens[token] = self.clock() + self.token_seconds
            return Reply(
                200,
                {
                    "access_token": token,
                    "expires_in": self.token_seconds,
                    "refresh_expires_in": 0,
                    "token_type": "Bearer",
                },
            )
        finally:
            with self._busy:
                self._logging_in -= 1

    def _refused(
        self, headers: Mapping[str, str], media: str, *, body: bool, run: FakeRun | None = None
    ) -> Reply | None:
        """Check token and media types; None: all is well."""
        if headers.get("accept", "").lower() != media:
            self._violation(f"Accept is {headers.get('accept')}, wanted {media}")
            return Reply(406)
        if body and headers.get("content-type", "").lower() != media:
            self._violation(f"Content-Type is {headers.get('content-type')}, wanted {media}")
            return Reply(415)
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            self._violation("no bearer token")
            return Reply(401)
        with self._lock:
            ours = self._tokens.get(token, 0.0) > self.clock()
            of_run = run is not None and token in run.tokens
            if run is None and any(token in each.tokens for each in self.runs.values()):
                self._violation("the token of a run where the API key is wanted")
            if not ours and not of_run:
                return Reply(401, {"message": "unauthorised"})
            if of_run and run is not None and run.status in FINAL and run.finals:
                return Reply(401, {"message": "the run's key is gone"})
        return None

    # Runs

    def _claim(self, query: Mapping[str, list[str]], headers: Mapping[str, str], body: bytes) -> Reply:
        with self._busy:
            self._claiming += 1
            if self._claiming > 1:
                self._violation("two claims at once")
        try:
            if refused := self._refused(headers, RUN, body=True):
                return refused
            if body:
                self._violation("a claim with a body")
            if query.get("forRunnerUuid") != [RUNNER_UUID]:
                self._violation(f"a claim for {query}")
                return Reply(404)
            if self.claim_seconds:
                time.sleep(self.claim_seconds)
            return self._hand_out()
        finally:
            with self._busy:
                self._claiming -= 1

    def _hand_out(self) -> Reply:
        with self._lock:
            self._time_out()
            busy = {run.block for run in self.runs.values() if run.status == "IN_PROGRESS"}
            run = next(
                (each for each in self.runs.values() if each.status == "QUEUED" and each.block not in busy), None
            )
            if run is None:
                return Reply(404, {"message": "no run"})
            run.status = "IN_PROGRESS"
            run.claims += 1
            run.token = f"run-{secrets.token_urlsafe(24)}"
            run.tokens.append(run.token)
            run.claimed_steps = {}
            run.handed_out_at = run.heard_at = self.clock()
            return Reply(201, self._document(run, with_token=True), media=RUN)

    def _time_out(self) -> None:
        for run in self.runs.values():
            if run.status == "IN_PROGRESS" and self.clock() - run.heard_at > self.run_seconds:
                self.queue_again(run)

    def _document(self, run: FakeRun, *, with_token: bool = False) -> dict[str, Any]:
        own = f"{BASE}{PATH}/{run.uuid}"
        links: dict[str, Any] = {
            "self": {"href": own},
            "registerSource": {"href": f"{own}/status/source"},
            "updateSource": {"href": f"{own}/status/source/{{sourceId}}", "templated": True},
            "meshstackBaseUrl": {"href": BASE},
        }
        if run.predecessor:
            links["predecessor"] = {"href": f"{BASE}{PATH}/{run.predecessor}"}
        if run.plan_artifact:
            links["planArtifact"] = {"href": f"{own}/plan-artifact"}
        spec = {
            "runNumber": run.number,
            "behavior": run.behavior,
            "buildingBlock": {"uuid": run.block, "spec": {**run.spec, "parentBuildingBlocks": []}},
            "buildingBlockDefinition": {
                "uuid": "b23cfb9a-6974-444f-9d33-62134a632373",
                "spec": {"workspaceIdentifier": "platform-team", "version": 1, "implementation": {"type": "TERRAFORM"}},
            },
            "trigger": {"reason": "BUILDING_BLOCK_CREATION"},
        }
        if with_token:
            spec["runToken"] = run.token
        status = "FAILED" if run.status == "ABORTED" else run.status
        head = {"kind": "meshBuildingBlockRun", "apiVersion": "v1", "metadata": {"uuid": run.uuid}}
        return {**head, "spec": spec, "status": status, "_links": links}

    def _read_run(self, uuid: str, headers: Mapping[str, str]) -> Reply:
        if refused := self._refused(headers, RUN, body=False, run=self.runs.get(uuid)):
            return refused
        with self._lock:
            run = self.runs.get(uuid)
            return Reply(404) if run is None else Reply(200, self._document(run), media=RUN)

    def _source(self, method: str, uuid: str, source: str | None, headers: Mapping[str, str], body: bytes) -> Reply:
        run = self.runs.get(uuid)
        if run is None:
            self._violation(f"a report of an unknown run {uuid}")
            return Reply(404)
        if refused := self._refused(headers, RUN, body=True, run=run):
            return refused
        with self._busy:
            if uuid in self._reporting:
                self._violation("two reports of one run at once")
            self._reporting.add(uuid)
        try:
            with self._lock:
                found = json.loads(body)
                if method == "POST" and source is None:
                    return self._register(run, found)
                if method == "PATCH" and source == RUNNER_UUID:
                    return self._update(run, found, body, headers.get("x-block-runner-node-id", ""))
                self._violation(f"{method} of source {source}")
                return Reply(404)
        finally:
            with self._busy:
                self._reporting.discard(uuid)

    def _register(self, run: FakeRun, found: Any) -> Reply:
        steps = found.get("steps", [])
        if found.get("source", {}).get("id") != RUNNER_UUID or set(found) - {"source", "steps"}:
            self._violation(f"a registration that says {found}")
        if len(steps) > MOST_STEPS or len({step["id"] for step in steps}) != len(steps):
            self._violation(f"{len(steps)} steps, or one twice")
        if run.status != "IN_PROGRESS":
            return Reply(409, {"runAborted": run.abort_wanted})
        self._heard(run)
        if run.registered:
            return Reply(409, {"message": "registered already"})
        run.registered = True
        for step in steps:
            if not step.get("displayName") or set(step) - {"id", "displayName", "status"}:
                self._violation(f"a step that says {step}")
            run.steps.setdefault(step["id"], {**step, "status": step.get("status", "PENDING")})
        return Reply(200)

    def _update(self, run: FakeRun, found: Any, body: bytes, node: str) -> Reply:
        if run.status != "IN_PROGRESS":
            if run.final_body is not None and body != run.final_body and found.get("status") in FINAL:
                self._violation(f"run {run.uuid} ended {run.status}, and then {found.get('status')} was sent")
            return Reply(409, {"runAborted": run.abort_wanted})
        if not run.registered:
            self._violation("a report before the steps were named")
        self._check(run, found)
        self._heard(run)
        run.reports += 1
        status = found.get("status")
        if run.abort_told == node and status == "SUCCEEDED":
            self._violation(f"run {run.uuid} succeeds after it was told to stop")
        if run.abort_told == node and status not in FINAL:
            self._violation(f"run {run.uuid} goes on after it was told to stop")
        for step in found.get("steps") or []:
            self._step(run, step)
        run.changes_detected = found.get("changesDetected", run.changes_detected)
        if found.get("artifact"):
            run.artifact = base64.b64decode(found["artifact"], validate=True)
        if status in FINAL:
            self._finish(run, status, body)
        elif run.abort_wanted:
            run.abort_told = node
        return Reply(200, {"runAborted": run.abort_wanted and status != "ABORTED"}, media=RUN)

    def _check(self, run: FakeRun, found: Any) -> None:
        if set(found) - REPORT_FIELDS:
            self._violation(f"a report with {sorted(set(found) - REPORT_FIELDS)}")
        if found.get("status") not in STATUSES - {"PENDING"}:
            self._violation(f"the status of a run is {found.get('status')}")
        for step in found.get("steps") or []:
            if set(step) - STEP_FIELDS or step.get("status", "PENDING") not in STATUSES:
                self._violation(f"a step that says {step}")
            for name in ("userMessage", "systemMessage"):
                if len(step.get(name) or "") > LONGEST_MESSAGE:
                    self._violation(f"{name} of {step['id']} has {len(step[name])} characters")

    def _step(self, run: FakeRun, step: dict[str, Any]) -> None:
        before = run.claimed_steps.get(step["id"])
        if step["id"] not in run.steps and not step.get("displayName"):
            self._violation(f"step {step['id']} has no name")
        if before is not None and before["status"] in FINAL and step.get("status", "") not in FINAL:
            self._violation(f"step {step['id']} of {run.uuid} went from {before['status']} to {step.get('status')}")
        for name, output in (step.get("outputs") or {}).items():
            if (
                set(output) != {"value", "type", "isSensitive"}
                or output["type"] not in OUTPUT_TYPES
                or output["isSensitive"]
            ):
                self._violation(f"an output that says {output}")
            run.sent[name] = output["value"]
        run.claimed_steps[step["id"]] = step
        run.steps[step["id"]] = {**run.steps.get(step["id"], {}), **step}
        if len(run.steps) > MOST_STEPS:
            self._violation(f"{len(run.steps)} steps")

    def _finish(self, run: FakeRun, status: str, body: bytes) -> None:
        if status == "SUCCEEDED":
            if missing := run.outputs - run.sent.keys():
                self._violation(f"run {run.uuid} succeeded without {sorted(missing)}")
            if unknown := run.sent.keys() - run.outputs:
                self._violation(f"outputs that nobody has defined: {sorted(unknown)}")
            if open_steps := [each["id"] for each in run.steps.values() if each["status"] != "SUCCEEDED"]:
                self._violation(f"run {run.uuid} succeeded with {open_steps}")
        run.status, run.final_body = status, body
        run.finals += 1

    def _heard(self, run: FakeRun) -> None:
        run.longest_silence = max(run.longest_silence, self.clock() - run.heard_at)
        run.heard_at = self.clock()

    def _artifact(self, uuid: str, headers: Mapping[str, str]) -> Reply:
        run = self.runs.get(uuid)
        if refused := self._refused(headers, "application/octet-stream", body=False, run=run):
            return refused
        before = self.runs.get(run.predecessor or "") if run else None
        if before is None or before.artifact is None:
            return Reply(404)
        return Reply(200, media="application/octet-stream", content=before.artifact)

    # meshObjects

    def _object(self, kind: str, name: str, headers: Mapping[str, str]) -> Reply:
        if kind not in OBJECTS:
            self._violation(f"nothing is at {kind}")
            return Reply(404)
        if refused := self._refused(headers, OBJECTS[kind], body=False):
            return refused
        if kind in self.forbidden:
            return Reply(403, {"message": "the key may not"})
        found = self.objects.get((kind, name))
        return Reply(404) if found is None else Reply(200, found, media=OBJECTS[kind])

    def _runner(self, method: str, uuid: str | None, headers: Mapping[str, str], body: bytes) -> Reply:
        if refused := self._refused(headers, RUNNER, body=method != "GET"):
            return refused
        if method == "POST" and uuid is None:
            found = json.loads(body)
            if "uuid" in found.get("metadata", {}):
                self._violation("a new runner that names itself")
            self.runner = {**found, "metadata": {**found["metadata"], "uuid": RUNNER_UUID}}
            return Reply(201, self.runner, media=RUNNER)
        if self.runner is None or uuid != RUNNER_UUID:
            return Reply(404)
        if method == "PUT":
            self.runner = json.loads(body)
        return Reply(200, self.runner, media=RUNNER)

    def _violation(self, text: str) -> None:
        self.violations.append(text)


def value(key: str, content: Any, kind: str = "STRING", *, sensitive: bool = False) -> dict[str, Any]:
    """Write an input."""
    return {"key": key, "value": content, "type": kind, "isSensitive": sensitive, "isEnvironment": False}


def people(*names: str, role: str = "admin") -> str:
    """Write USER_PERMISSIONS."""
    return json.dumps(
        [
            {
                "meshIdentifier": f"id-{name}",
                "username": f"{name}@example.com",
                "firstName": name.title(),
                "lastName": "Example",
                "email": f"{name}@example.com",
                "euid": f"{name}@example.com",
                "roles": [role],
            }
            for name in names
        ]
    )


def inputs(of_project: str, /, *names: str, **more: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the inputs of an order."""
    found = {
        "workspace": value("workspace", "likvid"),
        "project": value("project", of_project),
        "platform": value("platform", "aws.sandbox"),
        "users": value("users", people(*names), "CODE"),
        **more,
    }
    return list(found.values())


def sealed(public_pem: str, text: str) -> str:
    """Encrypt a text as meshStack does."""
    public = serialization.load_pem_public_key(public_pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    key, iv = os.urandom(16), os.urandom(12)
    scheme = padding.OAEP(mgf=padding.MGF1(hashes.SHA1()), algorithm=hashes.SHA1(), label=None)
    return base64.b64encode(
        public.encrypt(key, scheme) + len(iv).to_bytes(4, "big") + iv + AESGCM(key).encrypt(iv, text.encode(), None)
    ).decode()
