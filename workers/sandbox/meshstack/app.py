"""The server of the sandbox's meshStack: meshStack's API for one runner, and `/` and `/runs` for people.

    curl -X POST $CONNECTOR_MESHSTACK_URL/runs -d '{"project": "shop", "people": ["ada@example.com"]}'

Media types, log-in and tokens are checked as meshStack does. Nothing here is secret outside the sandbox.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from html import escape
from threading import Thread
from typing import Any

from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request, Response

from workers.sandbox.meshstack.runs import BEHAVIORS, PATH, Document, NoSuchRun, NotInProgress, Run, Runs

RUN = "application/vnd.meshcloud.api.meshbuildingblockrun.v1.hal+json"
RUNNER_UUID = "5f2f5d8e-0000-4a62-8a5e-4d5a4b1f7c11"
CLIENT_ID = "0d4bbd0a-0000-4d2f-8bba-4e4f4d9be2c3"
CLIENT_SECRET = "sandbox-meshstack-secret"  # noqa: S105  # of the sandbox only
TOKEN_SECONDS = 300
REFRESH_SECONDS = 1
PROJECT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class _Refused(Exception):
    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.status = status
        self.text = text


class StandIn:
    """One small meshStack, as a WSGI application."""

    def __init__(self) -> None:
        """Begin without a run."""
        self.runs = Runs()
        self._tokens: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        try:
            response = self._answer(request)
        except _Refused as refused:
            response = _json({"message": refused.text}, status=refused.status)
        except NoSuchRun:
            response = _json({"message": "there is no such run"}, status=404)
        except NotInProgress as error:
            response = _json({"runAborted": error.aborted}, status=409, media=RUN)
        return response(environ, start_response)

    def environment(self, url: str) -> dict[str, str]:
        """Give what a runner is told."""
        return {
            "CONNECTOR_MESHSTACK_URL": url,
            "CONNECTOR_MESHSTACK_CLIENT_ID": CLIENT_ID,
            "CONNECTOR_MESHSTACK_CLIENT_SECRET": CLIENT_SECRET,
            "CONNECTOR_RUNNER_UUID": RUNNER_UUID,
        }

    def _answer(self, request: Request) -> Response:
        match request.method, request.path:
            case "GET", "/":
                return Response(_page(self.runs.all()), mimetype="text/html")
            case "GET", "/runs":
                return _json(self.runs.all())
            case "POST", "/runs":
                return _json(self._queued(_body(request)).shown(), status=201)
            case "POST", "/api/login":
                return self._login(_body(request))
        if (found := re.fullmatch(r"/runs/([^/]+)/abort", request.path)) and request.method == "POST":
            self.runs.abort(found[1])
            return Response(status=202)
        if request.path.startswith(f"{PATH}/"):
            return self._protocol(request, request.path.removeprefix(f"{PATH}/"))
        self._check_token(request, None)
        raise _Refused(404, "the sandbox's meshStack knows building block runs only")

    def _queued(self, wanted: Document) -> Run:
        project, behavior = str(wanted.get("project", "")), str(wanted.get("behavior", "APPLY"))
        if not PROJECT.fullmatch(project) or behavior not in BEHAVIORS:
            raise _Refused(422, f"name a project in small letters, and a behavior: {', '.join(BEHAVIORS)}")
        names = wanted.get("people")
        return self.runs.queue(project, behavior, None if names is None else [_person(str(name)) for name in names])

    def _login(self, found: Document) -> Response:
        if (found.get("clientId"), found.get("clientSecret")) != (CLIENT_ID, CLIENT_SECRET):
            raise _Refused(401, "unknown client")
        token = secrets.token_urlsafe(24)
        self._tokens.add(token)
        return _json({"access_token": token, "expires_in": TOKEN_SECONDS, "token_type": "Bearer"})

    def _protocol(self, request: Request, rest: str) -> Response:
        if request.method == "POST" and rest == "create":
            self._check_token(request, None)
            if request.args.get("forRunnerUuid") != RUNNER_UUID:
                raise _Refused(404, "that runner is not known here")
            run = self.runs.claim()
            if run is None:
                raise _Refused(404, "no run waits")
            return _json(run.document(request.host_url.rstrip("/")), status=201, media=RUN)
        uuid, _, part = rest.partition("/")
        run = self.runs.find(uuid)
        self._check_token(request, run)
        match request.method, part:
            case "GET", "":
                return _json(run.document(request.host_url.rstrip("/")), media=RUN)
            case "POST", "status/source":
                self.runs.register(uuid, _body(request))
                return Response(status=200)
            case "PATCH", part if part == f"status/source/{RUNNER_UUID}":
                return _json({"runAborted": self.runs.update(uuid, _body(request))}, media=RUN)
        raise _Refused(404, "nothing is here")

    def _check_token(self, request: Request, run: Run | None) -> None:
        """Refuse wrong tokens and media types."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self._tokens and (run is None or token != run.token):
            raise _Refused(401, "the token is not known")
        if run is not None or request.path == f"{PATH}/create":
            if request.headers.get("Accept", "").lower() != RUN:
                raise _Refused(406, f"send Accept: {RUN}")
            if request.method != "GET" and request.headers.get("Content-Type", "").lower() != RUN:
                raise _Refused(415, f"send Content-Type: {RUN}")


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: the page shows it."""


class _Server(ThreadedWSGIServer):
    daemon_threads = True


@contextmanager
def standing_in() -> Iterator[tuple[StandIn, str]]:
    """Serve a meshStack on a free port of 127.0.0.1; gives it with its URL."""
    stand_in = StandIn()
    server = _Server("127.0.0.1", 0, stand_in, handler=_Quiet)
    thread = Thread(target=server.serve_forever, name="meshstack", daemon=True)
    thread.start()
    try:
        yield stand_in, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _body(request: Request) -> Document:
    try:
        found = json.loads(request.get_data())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise _Refused(400, "the body is not a JSON object")
    return found


def _json(document: object, status: int = 200, media: str = "application/json") -> Response:
    return Response(json.dumps(document), status=status, content_type=media)


def _person(name: str) -> Document:
    return {"meshIdentifier": name, "username": name, "email": name, "euid": name, "roles": ["admin"]}


def _page(runs: list[Document]) -> str:
    """Show every run with its steps, as a team and its operators see them."""
    head = f'<meta charset="utf-8"><meta http-equiv="refresh" content="{REFRESH_SECONDS}"><title>meshStack</title>'
    style = "<style>body{font:14px sans-serif;margin:2em}td{padding:2px 12px 2px 0;vertical-align:top}</style>"
    return f"<!doctype html>{head}{style}<h1>Building block runs</h1>{''.join(map(_run, runs)) or 'There are none.'}"


def _run(run: Document) -> str:
    title = f"<h2>{escape(run['tenant'])}: {run['behavior']} {run['status']}</h2>"
    outputs = "".join(_row(name, "", str(value)) for name, value in run["outputs"].items())
    steps = (_row(each.get("displayName", ""), each["status"], each.get("userMessage") or "") for each in run["steps"])
    return f"{title}<table>{''.join(steps)}</table><table>{outputs}</table>"


def _row(*cells: str) -> str:
    return f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
