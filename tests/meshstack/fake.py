"""A strict meshStack: media types, tokens, the states of a run, what a report may say. It notes every violation.

Transport-free: `handle` takes a request and gives an answer, or raises `Dropped` for a connection that breaks. It is
served by `transport.py`, in this process or over HTTP. Written from meshStack's documentation, apart from the
connector's own client: neither may import the other.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock, RLock
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from tests.meshstack.fake_run import FINAL, PATH, RUN, RUNNER_UUID, Dropped, FakeRun, Reply
from tests.meshstack.faults import Fault, NoFaults

RUNNER = "application/vnd.meshcloud.api.meshbuildingblockrunner.v1-preview.hal+json"
PAGES = {"html": 502, "page": 200, "404 page": 404}  # of a proxy
OBJECTS = {
    "meshtenants": "application/vnd.meshcloud.api.meshtenant.v4.hal+json",
    "meshprojects": "application/vnd.meshcloud.api.meshproject.v2.hal+json",
    "meshworkspaces": "application/vnd.meshcloud.api.meshworkspace.v2.hal+json",
    "meshpaymentmethods": "application/vnd.meshcloud.api.meshpaymentmethod.v2.hal+json",
}
CLIENT_ID = "0d4bbd0a-54a1-4d2f-8bba-4e4f4d9be2c3"
CLIENT_SECRET = "the-secret-of-the-api-key-0123456789"


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
    largest: int = 1_000_000  # bytes of a report
    empty: bool = False  # what a run does not say is null, and not left out
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
            run = FakeRun(
                *(str(uuid4()), number, block, behavior, found, self.violations, self.clock),
                outputs=outputs if behavior == "APPLY" else frozenset(),
            )
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
        if fault.name in PAGES:
            return Reply(PAGES[fault.name], media="text/html; charset=utf-8", content=b"<html>Not meshStack</html>")
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
            document = run.document(with_token=True)
            return Reply(201, _with_nulls(document) if self.empty else document, media=RUN)

    def _time_out(self) -> None:
        for run in self.runs.values():
            if run.status == "IN_PROGRESS" and self.clock() - run.heard_at > self.run_seconds:
                self.queue_again(run)

    def _read_run(self, uuid: str, headers: Mapping[str, str]) -> Reply:
        if refused := self._refused(headers, RUN, body=False, run=self.runs.get(uuid)):
            return refused
        with self._lock:
            run = self.runs.get(uuid)
            return Reply(404) if run is None else Reply(200, run.document(), media=RUN)

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
                if len(body) > self.largest:
                    return Reply(413, {"message": "too large"})
                found = json.loads(body)
                if method == "POST" and source is None:
                    return run.register(found)
                if method == "PATCH" and source == RUNNER_UUID:
                    return run.update(found, body, headers.get("x-block-runner-node-id", ""))
                self._violation(f"{method} of source {source}")
                return Reply(404)
        finally:
            with self._busy:
                self._reporting.discard(uuid)

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


def _with_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """Write null where a run says nothing, as some serializers do, and fields that nobody knows."""
    spec = document["spec"]
    block = spec["buildingBlock"]
    nothing = dict.fromkeys(("projectIdentifier", "fullPlatformIdentifier", "parentBuildingBlocks", "new"))
    inputs = [{**each, "isSensitive": None, "isEnvironment": None, "new": 1} for each in block["spec"]["inputs"]]
    block = {**block, "spec": {**nothing, **block["spec"], "inputs": inputs, "displayName": None}}
    links = {**document["_links"], "planArtifact": None, "predecessor": None, "self": None}
    spec = {**spec, "buildingBlock": block, "trigger": None}
    return {**document, "kind": "MESHBUILDINGBLOCKRUN", "spec": spec, "_links": links, "new": {"a": []}}
