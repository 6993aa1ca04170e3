"""The one seam every AWS call passes: guard, metric, audit, error translation.

Nothing is ever sent twice here: the SDK's retries are off (tasks/aws/session.py) and a failed call becomes one of our
errors, which sends the whole step into the due index. So there is one retry in the house, and it holds no thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.parsers import ResponseParserError

from config import tracing
from tasks.aws.actions import Kind, check_declared
from tasks.aws.fault_table import EXPIRED
from tasks.aws.faults import is_not_yet, not_ready, translate, translate_unanswered
from tasks.aws.sign_in import UNKNOWN_KEY, is_of_platform, is_unsigned, sign_in_refused
from tasks.aws.visibility import DELETED, SHOWN, NothingYoung, YoungThings, gone, made, missed, named
from tasks.errors import NotFound, StepError, Unanswered
from tasks.model.call import CallRecord, Intent


class Response(dict[str, Any]):
    """A decoded AWS response, or a part of it. A member that AWS always gives and that is missing: garbled."""

    def __init__(self, members: Mapping[str, Any], request_id: str | None = None) -> None:
        """Wrap a response and every part of it; `request_id` is None for the whole, which names it."""
        self._request_id = request_id or members.get("ResponseMetadata", {}).get("RequestId")
        super().__init__({name: self._part(value) for name, value in members.items()})

    def __missing__(self, member: str) -> Any:
        raise Unanswered("MalformedAnswer", f"AWS answered without {member}", self._request_id)

    def _part(self, value: Any) -> Any:
        if isinstance(value, dict):
            return Response(value, self._request_id)
        return [self._part(each) for each in value] if isinstance(value, list) else value


def _unnoted(intent: Intent) -> None:
    """Note no write."""


def _kept() -> None:
    """Keep the credentials."""


def _unlimited(service: str) -> None:
    """Let every call of the service pass."""


@dataclass(frozen=True)
class Observer:
    """What happens around each call."""

    before_write: Callable[[Intent], None]  # the last thing before a write; raises Superseded when it may not be sent
    after_call: Callable[[CallRecord], None]
    before_call: Callable[[str], None] = _unlimited  # is given the service; raises RateReached when it is not our turn
    note_write: Callable[[Intent], None] = _unnoted  # notes a write ahead; what cannot be noted is not sent
    young: YoungThings = field(default_factory=NothingYoung)


class Calls:
    """The calls of one client of the SDK: `read` for Get, List and Describe, `write` for everything that changes AWS.

    A call that `actions.py` does not declare is a defect: it raises UndeclaredCall, and nothing is sent.
    """

    def __init__(
        self,
        client: Any,
        observer: Observer,
        account_id: str | None = None,
        *,
        young: bool = False,
        inside: bool = False,
        gate: str | None = None,
        expired: Callable[[], None] = _kept,
        refused: Callable[[], None] = _kept,
    ) -> None:
        """Wrap a client.

        account_id  whose calls these are, for the records; None where the credentials alone say so
        young       the account is new: what it refuses because its role or services are still being made is NotReady
        inside      a role of that account makes them, and not the platform's own
        gate        where tenants wait when the platform's own credentials are refused; None: each for itself
        expired     is called when AWS says that the credentials have expired
        refused     is called when AWS does not know the key, or it does not fit
        """
        self._expired = expired
        self._refused = refused
        self._client = client
        self._observer = observer
        self._account_id = account_id
        self._young = young
        self._inside = inside
        self._gate = gate
        self.request_id: str | None = None  # of the newest answer: what it reports is asked after by this id
        self._service: str = client.meta.service_model.service_name
        self._region: str = getattr(client.meta, "region_name", "")
        self._protocol: str = client.meta.service_model.resolved_protocol
        self._title: str = getattr(client.meta.service_model, "service_id", self._service)
        self._names: Mapping[str, str] = getattr(
            client.meta, "method_to_api_mapping", {}
        )  # snake case -> AWS's own name

    def read(self, operation: str, **parameters: Any) -> Response:
        """Call an operation that changes nothing; raises StepError."""
        return self._call(Intent(self._service, operation, self._account_id, parameters), write=False)

    def pages(self, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
        """Yield every item of `result` over all pages; an empty page is no end. Raises StepError."""
        token: dict[str, str] = {}
        while True:
            answer = self.read(operation, **parameters, **token)
            yield from answer.get(result) or ()
            next_token = answer.get("NextToken")
            if not next_token:
                return
            token = {"NextToken": next_token}

    def write(self, operation: str, **parameters: Any) -> Response:
        """Call an operation that changes something; raises StepError, Superseded when another worker took over."""
        return self.write_about({}, operation, **parameters)

    def write_about(self, about: Mapping[str, str], operation: str, **parameters: Any) -> Response:
        """As `write`; `about` tells the audit log what the call concerns that its parameters do not name."""
        return self._call(Intent(self._service, operation, self._account_id, parameters, about), write=True)

    def _call(self, intent: Intent, *, write: bool) -> Response:
        name = self._names.get(intent.operation, intent.operation)
        about = {"rpc.system": "aws-api", "rpc.service": self._title, "rpc.method": name, "cloud.region": self._region}
        with tracing.span(f"{self._service}:{name}", about, tracing.Kind.CLIENT) as span:
            return self._sent(intent, span, write=write)

    def _sent(self, intent: Intent, span: tracing.Span, *, write: bool) -> Response:
        operation, parameters = intent.operation, intent.arguments
        check_declared(self._service, operation, Kind.WRITE if write else Kind.READ)
        self._observer.before_call(self._service)
        if write:
            self._observer.note_write(intent)
        started = monotonic()
        code: str | None = None
        request_id: str | None = None
        names: dict[str, str] = {}
        try:
            if write:
                self._observer.before_write(intent)  # the note may have taken long, and the lease may be gone by now
            answer = Response(getattr(self._client, operation)(**parameters))
            request_id = answer["ResponseMetadata"].get("RequestId")
            self._check_readable(operation, answer, write=write)
            self._note_made(intent, answer)
            names = named(self._service, operation, parameters, answer)
            self._check_stands(intent, request_id)
            return answer
        except StepError as ours:  # a garbled answer, or nothing to sign in with
            code = ours.code
            if self._gate is not None and is_unsigned(ours):
                raise sign_in_refused(ours, self._gate) from ours
            raise
        except (ClientError, BotoCoreError, HTTPClientError, ResponseParserError, ValueError, KeyError) as error:
            failure = self._translated(intent, error)
            code, request_id = failure.code, failure.request_id
            if isinstance(failure, Unanswered):
                self._note_made(intent, {})
            raise failure from error
        finally:
            self.request_id = request_id
            record = CallRecord(
                self._service, operation, write, self._account_id, request_id, code, monotonic() - started, names
            )
            self._observer.after_call(record)
            span.note({"aws.request_id": request_id, "cloud.account.id": self._account_id})
            if code is not None:
                span.fail(code, "")

    def _check_readable(self, operation: str, answer: Response, *, write: bool) -> None:
        """Refuse a read that has no member at all: botocore makes that of a JSON body it cannot decode."""
        if not write and self._protocol == "json" and answer.keys() <= {"ResponseMetadata"}:
            raise Unanswered("MalformedAnswer", f"{self._service}:{operation}: the answer cannot be read")

    def _translated(self, intent: Intent, error: Exception) -> StepError:
        if not isinstance(error, ClientError):
            return translate_unanswered(self._service, intent.operation, error)
        failure = translate(self._service, error, self._region, self._account_id)
        if failure.code in EXPIRED:
            self._expired()
        if failure.code in UNKNOWN_KEY and not self._young:
            self._refused()
        of_platform = is_of_platform(failure, error, self._region, inside=self._inside, young=self._young)
        if self._gate is not None and of_platform:
            return sign_in_refused(failure, self._gate)
        early = self._young and is_not_yet(failure.code, error.operation_name, failure.message)
        return not_ready(failure, self._region) if early or self._names_young(intent, failure) else failure

    def _note_made(self, intent: Intent, answer: Mapping[str, Any]) -> None:
        """Note what a call has made, and what it has deleted when it has answered."""
        names = self._keys(made(self._service, intent.operation, intent.arguments, answer))
        if names:
            self._observer.young.note(names)
        over = self._keys(gone(intent.operation, intent.arguments)) if answer else []
        if over:
            self._observer.young.forget(over)
        deleted = DELETED.get((self._service, intent.operation))
        if deleted is not None and answer:
            self._observer.young.bury(self._key(intent, deleted))

    def _check_stands(self, intent: Intent, request_id: str | None) -> None:
        """Believe no answer that shows what was deleted a moment ago."""
        shown = SHOWN.get((self._service, intent.operation))
        if shown is not None and self._observer.young.is_gone(self._key(intent, shown)):
            message = f"{intent.arguments[shown]} was deleted a moment ago, and AWS shows it still"
            raise NotFound("StillShown", message, request_id)

    def _names_young(self, intent: Intent, failure: StepError) -> bool:
        """Tell whether AWS knows nothing of a thing that was made a moment ago."""
        if not isinstance(failure, NotFound) and "does not exist" not in failure.message:
            return False
        return self._observer.young.any_of(self._keys(missed(intent.arguments, failure.message)))

    def _keys(self, names: Iterable[str]) -> list[str]:
        """Names of an account are its own: a role of that name stands in many."""
        return [f"{self._account_id or ''}:{name}" for name in names]

    def _key(self, intent: Intent, parameter: str) -> str:
        return self._keys([str(intent.arguments[parameter])])[0]
