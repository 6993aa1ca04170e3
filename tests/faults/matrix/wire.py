"""Between botocore and the network: records the calls of a process, and strikes one of them with one fault.

botocore asks the handlers of `before-send` for an answer before it sends a signed request. So the fault stands where a
real one does, below everything of ours: the request has been made and signed, and what a handler gives or raises goes
through botocore's own parsers.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NoReturn

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.credentials import Credentials
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from tasks.aws.session import Sessions
from workers.sandbox.aws import errors
from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.call_log import is_write
from workers.sandbox.aws.encoding import Response, encode_error

REQUEST_ID = "00000000-0000-4000-8000-000000000000"
NO_ANSWER_OF_AWS = b"<html><head><title>Bad Gateway</title></head><body>The proxy is tired.</body></html>"


class Fault(StrEnum):
    """What happens to the call."""

    KILLED_BEFORE = "killed before"  # the process is killed, AWS has got nothing
    KILLED_AFTER = "killed after"  # AWS has performed it, the process is killed before it knows
    LOST = "lost"  # performed, then the connection is closed
    LATE = "late"  # performed, the answer comes after the read timeout
    FAILED = "500"  # performed, and answered with an internal error
    UNAVAILABLE = "503"  # not performed
    THROTTLED = "throttled"  # not performed; in the service's own words
    MALFORMED = "malformed"  # performed, and answered by something that is not AWS


KILLS = frozenset({Fault.KILLED_BEFORE, Fault.KILLED_AFTER})
NOT_PERFORMED = frozenset({Fault.KILLED_BEFORE, Fault.UNAVAILABLE, Fault.THROTTLED})


@dataclass(frozen=True, order=True)
class Call:
    """The k-th call of one operation in a replication."""

    service: str
    operation: str
    occurrence: int  # from 1

    def __str__(self) -> str:
        return f"{self.service}:{self.operation} {self.occurrence}"

    @property
    def write(self) -> bool:
        """Say whether it changes something in AWS."""
        return is_write(self.operation)


@dataclass(frozen=True)
class Strike:
    """One fault on one call: a cell of the matrix."""

    call: Call
    fault: Fault

    def __str__(self) -> str:
        return f"{self.call} {self.fault}"


@dataclass
class Wire:
    """The handler of `before-send` of every client of this process."""

    strike: Strike | None = None
    calls: list[Call] = field(default_factory=list)
    struck: bool = False
    _counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __call__(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Answer instead of AWS, raise what botocore raises, end the process, or answer None: to be sent as always."""
        service, operation = event_name.split(".")[1:]
        self._counts[service, operation] += 1
        call = Call(service, operation, self._counts[service, operation])
        self.calls.append(call)
        if self.strike is None or call != self.strike.call:
            return None
        self.struck = True
        if self.strike.fault not in NOT_PERFORMED:
            URLLib3Session(max_pool_connections=1).send(request)
        if self.strike.fault in KILLS:
            _die()
        return _hidden(self.strike.fault, service, request)


class WiredSessions(Sessions):
    """The product's own sessions, with every client on the wire.

    Making a botocore session costs more than ten calls, so some are made ahead for all processes that are forked.
    """

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        self._spare: dict[str, list[boto3.Session]] = {}

    def make_ahead(self, region: str, number: int) -> None:
        """Keep some sessions for later."""
        self._spare[region] = [self._session(region) for _ in range(number)]

    def _session(self, region: str, credentials: Credentials | None = None) -> boto3.Session:
        spare = self._spare.get(region)
        if not spare:
            session = super()._session(region, credentials)
            session.events.register("before-send", self.wire)
            return session
        session = spare.pop()
        if credentials is not None:
            session._session._credentials = credentials  # as the product's own does
        return session


class Body:
    """A response's body as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Iterator[bytes]:
        """Give everything at once."""
        yield self._content


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process goes on")


def _hidden(fault: Fault, service: str, request: AWSPreparedRequest) -> AWSResponse:
    match fault:
        case Fault.LOST:
            raise ConnectionClosedError(endpoint_url=request.url)
        case Fault.LATE:
            raise ReadTimeoutError(endpoint_url=request.url)
        case Fault.MALFORMED:
            return _answer(request, Response(200, NO_ANSWER_OF_AWS, {"Content-Type": "text/html"}))
        case Fault.THROTTLED:
            return _answer(request, encode_error(service, errors.throttled(service), REQUEST_ID))
        case Fault.UNAVAILABLE:
            unavailable = AwsError("ServiceUnavailable", "The service is temporarily unavailable.", 503)
            return _answer(request, encode_error(service, unavailable, REQUEST_ID))
        case _:
            code = "ServiceException" if service == "organizations" else "InternalFailure"
            failed = AwsError(code, "AWS could not complete the request because of an internal failure.", 500)
            return _answer(request, encode_error(service, failed, REQUEST_ID))


def _answer(request: AWSPreparedRequest, response: Response) -> AWSResponse:
    return AWSResponse(request.url, response.status, response.headers, Body(response.body))
