"""Speak to a running AWS simulator's control API, and run one as a subprocess. For tests, benchmarks and the demo."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from tasks.outgoing import transport

LOG = logging.getLogger(__name__)
START_SECONDS = 60.0
"""How long a simulator may take to start: importing moto takes seconds on a busy machine."""
STOP_SECONDS = 5.0


class SimulatorError(Exception):
    """The simulator did not start, or refused a request to its control API."""


@dataclass(frozen=True)
class RecordedCall:
    """One request that the simulator was sent."""

    index: int
    time: float  # seconds since the epoch
    service: str
    operation: str
    account: str
    caller: str
    region: str
    write: bool
    outcome: str  # "ok", an error code, or the fault that hid the answer
    performed: bool
    request_id: str
    user_agent: str


@dataclass(frozen=True)
class Counts:
    """How often each service:Operation was called, and the totals."""

    operations: Mapping[str, int]
    calls: int
    reads: int
    writes: int
    assume_role: int


class SimulatorClient:
    """The control API of one simulator; usable from several threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = httpx2.Client(base_url=f"{url}/_simulator", timeout=30.0, transport=transport(url))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def mark(self) -> int:
        """Give the index of the last call, to be handed to calls and writes_since."""
        return int(self._ask("GET", "counts")["totals"]["calls"])

    def calls(self, since: int = 0) -> list[RecordedCall]:
        """List the calls after an index, oldest first."""
        return [RecordedCall(**call) for call in self._ask("GET", f"calls?since={since}")["calls"]]

    def writes_since(self, mark: int) -> list[RecordedCall]:
        """List the calls after a mark that change something (also those that were refused)."""
        return [call for call in self.calls(mark) if call.write]

    def counts(self) -> Counts:
        """Count all calls."""
        body = self._ask("GET", "counts")
        return Counts(operations=body["operations"], **body["totals"])

    def inject(self, *faults: Mapping[str, Any], **fault: Any) -> None:
        """Order faults, as `service="organizations", operation="CreateAccount", kind="lost_response"`."""
        self._ask("POST", "faults", [*faults, *([fault] if fault else [])])

    def faults(self) -> list[dict[str, Any]]:
        """List the faults in force, with how often each struck."""
        return list(self._ask("GET", "faults"))

    def clear_faults(self) -> list[dict[str, Any]]:
        """Take all faults back; answer them with how often each struck."""
        return list(self._ask("DELETE", "faults"))

    def state(self) -> dict[str, Any]:
        """Show the whole world: accounts, organizational_units, creations, and a section per service."""
        return dict(self._ask("GET", "state"))

    def account(self, name: str) -> dict[str, Any]:
        """Show the one account of that name; SimulatorError if there are none or several."""
        found = [account for account in self.state()["accounts"].values() if account["name"] == name]
        if len(found) != 1:
            raise SimulatorError(f"{len(found)} accounts are named {name}")
        return dict(found[0])

    def options(self) -> dict[str, Any]:
        """Show all options."""
        return dict(self._ask("GET", "options"))

    def set_options(self, **options: Any) -> None:
        """Change options while the simulator runs."""
        self._ask("PATCH", "options", options)

    def hide(self, kind: str, identifier: str, seconds: float | None = None) -> None:
        """Let one thing not be there for readers (kinds: `workers.sandbox.aws.visibility_rules`); None: until told."""
        self._ask("POST", "visibility", {"rule": "hide", "kind": kind, "id": identifier, "seconds": seconds})

    def delay(self, **rule: Any) -> None:
        """Let the next write be seen late: of a `kind`, of one `id`, by an `operation`; `seconds`, `skip`, `times`."""
        self._ask("POST", "visibility", {"rule": "delay", **rule})

    def make_stale(self, operation: str, service: str | None = None, seconds: float | None = None) -> None:
        """Let an operation know nothing newer than this moment; None: until told."""
        rule = {"rule": "stale", "operation": operation, "service": service, "seconds": seconds}
        self._ask("POST", "visibility", rule)

    def visibility(self) -> dict[str, Any]:
        """Show the seed, the rules and what is `late`: the writes that not everybody sees yet."""
        return dict(self._ask("GET", "visibility"))

    def show_everything(self) -> None:
        """Take the rules of visibility back, and let everybody see everything."""
        self._ask("DELETE", "visibility")

    def operator(self, action: str, **body: Any) -> dict[str, Any]:
        """Do what a person would do in AWS by hand: see `workers.sandbox.aws.operator_actions`."""
        return dict(self._ask("POST", "operator", {"action": action, **body}))

    def deny(self, operation: str, account: str = "*", principal: str = "*") -> None:
        """Forbid an action such as organizations:MoveAccount, by patterns with *."""
        self.operator("deny", operation=operation, account=account, principal=principal)

    def allow_all(self) -> None:
        """Take every denial back."""
        self.operator("allow")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body)
        answer = self._http.request(method, f"/{path}", content=content)
        if answer.status_code != httpx2.codes.OK:
            raise SimulatorError(f"{method} {path}: {answer.text}")
        return answer.json()


@contextmanager
def running_simulator(options: Mapping[str, Any] | None = None, port: int = 0) -> Iterator[SimulatorClient]:
    """Run a simulator as a subprocess with SimulatorOptions; it ends with the block, or with this process."""
    command = [sys.executable, "-m", "workers.sandbox.aws", "--port", str(port), "--options", json.dumps(options or {})]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our module
    try:
        ready = _read_ready(process)
        LOG.info("the simulator at %s has the seed %s", ready["url"], ready["seed"])
        client = SimulatorClient(ready["url"])
        try:
            yield client
        finally:
            client.close()
    finally:
        _stop(process)


def _read_ready(process: subprocess.Popen[str]) -> Mapping[str, Any]:
    """Wait for the line with the URL and the seed; SimulatorError when the process ends or hangs instead."""
    hung = threading.Timer(START_SECONDS, process.kill)
    hung.start()
    try:
        line = process.stdout.readline() if process.stdout is not None else ""
    finally:
        hung.cancel()
    if not line:
        raise SimulatorError(f"the simulator did not start (exit code {process.wait()}); its output says why")
    ready: Mapping[str, Any] = json.loads(line)
    return ready


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
