"""A small HTTP server that answers as the connector's API does, from a script, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tasks.chain import REPLICATION

Answer = tuple[int, Mapping[str, Any]]
SECOND = REPLICATION.steps[1].name


@dataclass
class FakeApi:
    """Answers each (method, path) with its scripted answers in turn; the last one stays."""

    url: str = ""
    script: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    pages: dict[str, tuple[int, str, str]] = field(default_factory=dict)  # path -> status, type, text

    def answer(self, method: str, path: str) -> Answer:
        """Give the next answer."""
        self.asked.append((method, path))
        answers = self.script.get((method, path))
        if not answers:
            return problem(404, "Nothing is here.")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def problem(status: int, detail: str, errors: list[dict[str, str]] | None = None) -> Answer:
    """Make a problem document."""
    document = {"title": "Refused", "status": status, "detail": detail, "instance": "/", "errors": errors}
    return status, document


def accepted(tenant: str, replication: str) -> Answer:
    """Make the answer to an order."""
    return 202, {"tenant": tenant, "replicationId": replication, "state": "QUEUED"}


def replication(tenant: str, number: str, state: str, last_step: Mapping[str, Any]) -> Answer:
    """Make a replication whose second step is `last_step`, those before it done and those after it queued."""
    names = [step.name for step in REPLICATION.steps]
    steps = [{"name": names[0], "state": "SUCCEEDED"}, {"name": SECOND, "state": "RUNNING", **last_step}]
    steps += [{"name": name, "state": "QUEUED"} for name in names[2:]]
    ended = {"endedAt": "2026-01-01T10:00:07Z"} if state in ("SUCCEEDED", "FAILED", "CANCELLED") else {}
    known = {"id": number, "tenant": tenant, "state": state, "steps": steps, "requestedAt": "2026-01-01T10:00:00Z"}
    return 200, {**known, **ended}


def tenant(name: str, state: str, account: str | None = "500000000001") -> Answer:
    """Make a tenant."""
    workspace, project, platform, location = name.split(".")
    return 200, {
        "tenant": name,
        "workspace": workspace,
        "project": project,
        "platform": f"{platform}.{location}",
        "landingZone": "development",
        "status": state,
        "accountId": account,
        "updatedAt": "2026-01-01T10:00:00Z",
        "createdAt": "2026-01-01T10:00:00Z",
        "desired": {},
        "replicationId": "r1",
        "steps": [],
    }


@contextmanager
def running_fake_api() -> Iterator[FakeApi]:
    """Serve on a free port of 127.0.0.1."""
    fake = FakeApi()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            fake.tokens.add(self.headers.get("authorization", ""))
            if self.path in fake.pages:
                status, kind, text = fake.pages[self.path]
            else:
                status, document = fake.answer(self.command, self.path)
                kind, text = "application/json", json.dumps(document)
            body = text.encode()
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_DELETE = _answer  # noqa: N815  # the standard library's names

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the standard library
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
