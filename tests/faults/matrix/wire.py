"""Between the clients and the network: records the calls of a process, and strikes some of them.

botocore asks the handlers of `before-send` for an answer before it sends a signed request, and httpx2 sends through the
transport that a client was made with. So the fault stands where a real one does, below everything of ours: the request
has been made, and what is given or raised here goes through the client's own parsers.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tasks.aws.clients import Clients
from tasks.aws.session import Sessions
from tests.faults.matrix.fault import KILLS, NOT_PERFORMED, VISIBILITY, Call, Fault, Strike
from workers.sandbox.aws import errors
from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.encoding import Response, encode_error
from workers.sandbox.aws.visibility import LATE_HEADER
from workers.sandbox.scim import SERVICE as SCIM
from workers.sandbox.scim.wire import decode as decode_scim

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
LATE_SECONDS = "0.8"  # by which AWS is late: twice that is less than the look-up grace
NO_ANSWER_OF_AWS = b"<html><head><title>Bad Gateway</title></head><body>The proxy is tired.</body></html>"


@dataclass
class Wire:
    """Every call of this process passes it."""

    strikes: tuple[Strike, ...] = ()
    witness: Path | None = None  # file in which each strike is noted before it happens: a killed process tells nothing
    calls: list[Call] = field(default_factory=list)
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def meet(self, service: str, operation: str, perform: Callable[[], object]) -> Fault | None:
        """Count a call; answer the fault that its caller must see, None: it is to be sent as always.

        perform  lets AWS perform the call
        """
        self._counts[service, operation] += 1
        call = Call(service, operation, self._counts[service, operation])
        self.calls.append(call)
        fault = next((strike.fault for strike in self.strikes if strike.call == call), None)
        if fault is None:
            return None
        self._note(Strike(call, fault))
        if fault in VISIBILITY:
            return fault
        if fault is Fault.FROZEN:
            os.kill(os.getpid(), signal.SIGSTOP)
            return None
        if fault not in NOT_PERFORMED:
            perform()
        if fault in KILLS:
            os.kill(os.getpid(), signal.SIGKILL)
        return fault

    def _note(self, strike: Strike) -> None:
        if self.witness is not None:
            with self.witness.open("a") as file:
                file.write(f"{strike}\n")

    def before_send(self, event_name: str, request: AWSPreparedRequest, **_: object) -> AWSResponse | None:
        """Be botocore's handler of `before-send`: answer instead of AWS, raise, or answer None."""
        service, operation = event_name.split(".")[1:]
        if service == "sts":
            operation = _with_role(operation, request)
        fault = self.meet(service, operation, lambda: URLLib3Session(max_pool_connections=1).send(request))
        match fault:
            case None:
                return None
            case Fault.HIDDEN | Fault.STALE:
                request.headers[LATE_HEADER] = LATE_SECONDS
                return None
            case Fault.LOST:
                raise ConnectionClosedError(endpoint_url=request.url)
            case Fault.LATE:
                raise ReadTimeoutError(endpoint_url=request.url)
        answer = instead(fault, service)
        return AWSResponse(request.url, answer.status, answer.headers, Body(answer.body))


class WiredTransport(httpx2.BaseTransport):
    """httpx2's own transport on the wire, for SCIM."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._inner = httpx2.HTTPTransport()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, or give or raise what its fault says."""
        operation, _ = decode_scim(request.method, request.url.path, "", b"")
        fault = self._wire.meet(SCIM, operation, lambda: self._inner.handle_request(request).read())
        match fault:
            case None:
                return self._inner.handle_request(request)
            case Fault.HIDDEN | Fault.STALE:
                request.headers[LATE_HEADER] = LATE_SECONDS
                return self._inner.handle_request(request)
            case Fault.LOST:
                raise httpx2.RemoteProtocolError("Server disconnected without sending a response.", request=request)
            case Fault.LATE:
                raise httpx2.ReadTimeout("The read operation timed out", request=request)
        answer = instead(fault, SCIM)
        return httpx2.Response(answer.status, headers=answer.headers, content=answer.body)


class WiredSessions(Sessions):
    """The product's own sessions, with every client on the wire."""

    def __init__(self, wire: Wire) -> None:
        clients = Clients()
        super().__init__(clients=clients)
        self.wire = wire
        clients.session.register("before-send", wire.before_send)

    def _scim_transport(self) -> httpx2.BaseTransport:
        return WiredTransport(self.wire)


class Body:
    """A response's body as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: object) -> Iterator[bytes]:
        """Give everything at once."""
        yield self._content


def _with_role(operation: str, request: AWSPreparedRequest) -> str:
    """Name the role that is assumed: how often one is tried until it is there differs from run to run."""
    text = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
    [arn] = parse_qs(text).get("RoleArn", [""])
    return f"{operation} {arn.rpartition('/')[2]}".rstrip()


def instead(fault: Fault, service: str) -> Response:
    """Return what is answered instead of AWS's own answer."""
    match fault:
        case Fault.MALFORMED:
            return Response(200, NO_ANSWER_OF_AWS, {"Content-Type": "text/html"})
        case Fault.THROTTLED:
            error = errors.throttled(service)
        case Fault.UNAVAILABLE:
            error = AwsError("ServiceUnavailable", "The service is temporarily unavailable.", 503)
        case _:
            code = "ServiceException" if service == "organizations" else "InternalFailure"
            error = AwsError(code, "AWS could not complete the request because of an internal failure.", 500)
    return encode_error(service, error, REQUEST_ID)
