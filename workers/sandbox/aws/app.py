"""The WSGI application: one request of an AWS SDK in, one answer as AWS would give it out.

Order of a request: latency, (lock) decode, authenticate, rates, faults, permissions, operation, log (unlock), delay.
A request that is held waits unlocked and then goes through all of it but the faults.
Operations without a handler of ours go to moto as the caller's account; services that we keep wholly ourselves do not.
"""

from __future__ import annotations

import json
import logging
import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from io import BytesIO
from typing import Any
from urllib.parse import quote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import run_wsgi_app

from workers.sandbox.aws import errors, iam, lambda_functions, permissions, rates
from workers.sandbox.aws.call import AwsError, Call, Caller, Handler, operations
from workers.sandbox.aws.call_log import CallLog, is_write
from workers.sandbox.aws.control import Control
from workers.sandbox.aws.credentials import authenticate
from workers.sandbox.aws.decoding import Decoded, Request, UndecodableError, decode
from workers.sandbox.aws.encoding import Response, UnfitAnswerError, encode, encode_error
from workers.sandbox.aws.faults import Fault, FaultKind, Faults
from workers.sandbox.aws.late_roles import around_moto
from workers.sandbox.aws.visibility import LATE_HEADER
from workers.sandbox.aws.world import World
from workers.sandbox.scim import SERVICE as SCIM

LOG = logging.getLogger(__name__)
OWN_SERVICES = frozenset(
    {
        "organizations",
        "sts",
        "cloudformation",
        "sso-admin",
        "identitystore",
        SCIM,
        "servicecatalog",
        "controltower",
        "lambda",
        "ce",
        "secretsmanager",
        "ssm",
    }
)
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 500: "Server Error"}
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
CUT = {FaultKind.LOST_RESPONSE, FaultKind.RESET}


class ConnectionCutError(ConnectionError):
    """The server must close this connection without an answer."""


@dataclass(frozen=True)
class Reply:
    """What goes back, when, and how it is logged."""

    response: Response
    outcome: str = "ok"
    performed: bool = True
    delay_seconds: float = 0.0
    cut: bool = False
    held_seconds: float = 0.0  # not performed yet: it is served again after this time


class Simulator:
    """The application; one world behind one lock, because moto is not made for threads."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._control = Control(world)
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request, of an SDK or of the control API."""
        request = _read(environ)
        if request.path.startswith("/_simulator/"):
            response = self._control.answer(request)
        else:
            if self.world.options.latency_seconds:
                time.sleep(self.world.options.latency_seconds)
            response = self._answer(request, environ)
        date = formatdate(self.world.now(), usegmt=True)
        headers = {**response.headers, "Date": date, "Content-Length": str(len(response.body))}
        start_response(f"{response.status} {REASONS.get(response.status, 'Answer')}", list(headers.items()))
        return [response.body]

    def _answer(self, request: Request, environ: dict[str, Any]) -> Response:
        try:
            decoded = decode(request)
        except (UndecodableError, ValueError) as error:
            return Response(400, json.dumps({"__type": "UnknownOperationException", "Message": str(error)}).encode())
        request_id = str(uuid.uuid4())
        with self.world.lock:
            reply = self._serve(decoded, request, environ, request_id)
        if reply.held_seconds:
            time.sleep(reply.held_seconds)
            with self.world.lock:
                reply = self._serve(decoded, request, environ, request_id, struck=True)
        if reply.delay_seconds:
            time.sleep(reply.delay_seconds)
        if reply.cut:
            raise ConnectionCutError(f"{decoded.service}:{decoded.operation} {reply.outcome}")
        return reply.response

    def _serve(
        self, decoded: Decoded, request: Request, environ: dict[str, Any], request_id: str, *, struck: bool = False
    ) -> Reply:
        self.world.settle()
        caller = Caller("", "unknown")
        try:
            caller = authenticate(self.world, decoded, request)
            call = _call(decoded, caller, self.world.now())
            rates.throttle(call, self.world)
            serve = self._perform if struck else self._with_faults
            reply = serve(call, environ, request, request_id)
        except AwsError as error:
            reply = _refused(decoded.service, error, request_id)
        if reply.held_seconds:
            return reply
        self.world.state(CallLog).add(
            time=self.world.now(),
            service=decoded.service,
            operation=decoded.operation,
            account=caller.account_id,
            caller=caller.arn,
            region=decoded.region,
            outcome=reply.outcome,
            performed=reply.performed,
            request_id=request_id,
            user_agent=request.headers.get("user-agent", ""),
        )
        return reply

    def _with_faults(self, call: Call, environ: dict[str, Any], request: Request, request_id: str) -> Reply:
        fault = self.world.state(Faults).strike(call, self.world.options.seed)
        if fault is None:
            return self._perform(call, environ, request, request_id)
        if fault.strikes_before:
            return _struck(fault, call, request_id, None)
        return _struck(fault, call, request_id, self._perform(call, environ, request, request_id))

    def _perform(self, call: Call, environ: dict[str, Any], request: Request, request_id: str) -> Reply:
        try:
            permissions.authorize(call, self.world)
            with self.world.visibility.writing(call.operation, late=_late(request)):
                return self._operate(call, environ, request, request_id)
        except AwsError as error:
            return _refused(call.service, error, request_id)
        except UnfitAnswerError as error:
            LOG.exception("%s:%s answered what AWS cannot", call.service, call.operation)
            return _refused(call.service, AwsError("InternalFailure", str(error), 500), request_id)
        except Exception as error:
            LOG.exception("%s:%s failed in the simulator", call.service, call.operation)
            return _refused(call.service, AwsError("InternalFailure", f"simulator: {error!r}", 500), request_id)

    def _operate(self, call: Call, environ: dict[str, Any], request: Request, request_id: str) -> Reply:
        """Perform an operation: on the world as it is if it writes, as the endpoint sees it if it reads."""
        behind = _late(request) or 0.0
        world = self.world if is_write(call.operation) else self.world.seen_by(call.service, call.operation, behind)
        handler = operations.handlers.get((call.service, call.operation))
        if handler is not None:
            response = encode(call.service, call.operation, _handled(handler, call, world), request_id)
            return Reply(response, delay_seconds=lambda_functions.seconds_of(call, world))
        if call.service in OWN_SERVICES:
            raise AwsError("UnknownOperationException", f"The simulator does not know {call.operation}")
        iam.prepare(call, world)
        with around_moto(call, world):
            return self._forward(call, environ, request, request_id)

    def _forward(self, call: Call, environ: dict[str, Any], request: Request, request_id: str) -> Reply:
        forwarded = {**environ, "HTTP_X_MOTO_ACCOUNT_ID": call.caller.account_id}
        forwarded["wsgi.input"] = BytesIO(request.body)
        forwarded["CONTENT_LENGTH"] = str(len(request.body))
        chunks, status, headers = run_wsgi_app(self._moto, forwarded, buffered=True)
        kept = {name: value for name, value in headers.items() if name.lower() != "content-length"}
        if not any(name.lower() in ("x-amzn-requestid", "x-amz-request-id") for name in kept):
            kept["x-amzn-RequestId"] = request_id
        code, body = int(status.split()[0]), b"".join(chunks)
        return Reply(Response(code, body, kept), "ok" if code < 400 else _error_code(code, body), code < 400)


def _read(environ: Mapping[str, Any]) -> Request:
    headers = {
        name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name.startswith("HTTP_")
    }
    headers["content-type"] = str(environ.get("CONTENT_TYPE") or "")
    length = int(environ.get("CONTENT_LENGTH") or 0)
    # urllib's quote, not the raw path: WSGI gives the path decoded
    path = quote(str(environ.get("PATH_INFO") or "/"), safe="/~")
    body = environ["wsgi.input"].read(length) if length else b""
    return Request(str(environ["REQUEST_METHOD"]), path, str(environ.get("QUERY_STRING") or ""), headers, body)


def _late(request: Request) -> float | None:
    """Read by how many seconds a request wants to be late."""
    text = request.headers.get(LATE_HEADER)
    return None if text is None else float(text)


def _call(decoded: Decoded, caller: Caller, now: float) -> Call:
    return Call(decoded.service, decoded.operation, decoded.parameters, caller, decoded.region, now)


def _handled(handler: Handler, call: Call, world: World) -> Mapping[str, Any]:
    """Let a handler answer; an error that AWS's model does not have for the operation is the simulator's mistake."""
    try:
        return handler(call, world)
    except AwsError as error:
        if not errors.is_declared(call.service, call.operation, error.code):
            raise UnfitAnswerError(f"{call.operation} has no error {error.code}: {error.message}") from error
        raise


def _error_code(status: int, body: bytes) -> str:
    """Read the code of an error that moto answered."""
    found = re.search(rb'<Code>(\w+)</Code>|"__type":\s*"(?:[^"]*#)?(\w+)"', body)
    return (found[1] or found[2]).decode() if found else f"HTTP {status}"


def _refused(service: str, error: AwsError, request_id: str) -> Reply:
    return Reply(encode_error(service, error, request_id), error.code, performed=False)


def _struck(fault: Fault, call: Call, request_id: str, performed: Reply | None) -> Reply:
    """Give what a fault makes of a reply; performed is None when the operation has not been performed."""
    if fault.kind is FaultKind.HOLD:
        return Reply(Response(500, b""), performed=False, held_seconds=fault.seconds)
    happened = performed is not None and performed.performed
    if fault.kind in CUT:
        return Reply(Response(500, b""), fault.kind.value, happened, cut=True)
    if fault.kind is FaultKind.MALFORMED:
        return Reply(Response(200, b"<html>502 Bad Gateway"), fault.kind.value, happened)
    if fault.kind is FaultKind.DELAY and performed is not None:
        return Reply(performed.response, performed.outcome, happened, delay_seconds=fault.seconds)
    error = fault.error(call.service)
    return Reply(encode_error(call.service, error, request_id), error.code, happened, delay_seconds=fault.seconds)
