"""What a step may raise.

StepError                     names AWS's code, message and request id, and what a person can do
├── TransientError            retried automatically, later
│   ├── NotReady              a service of a new account is still being made
│   ├── Throttled             AWS did nothing: too many requests, a concurrent modification
│   │   ├── RateReached       our own share of an API's rate is used up; the call was not sent
│   │   └── Parked            a quota or a validation: retried slowly, an operator must act
│   │       └── SignInRefused the platform's own credentials: one of its tenants probes, the others wait
│   ├── Unanswered            no definite answer (5xx, time-out, lost, garbled): it may have happened
│   └── LaneFull              our own share of an AWS limit is used up; woken when a place is free
├── PermanentError            retrying changes nothing until a person does something
│   ├── Refused               AWS's own refusal, with its code
│   │   ├── AccessDenied      an IAM policy, trust or SCP does not allow the call
│   │   ├── NotFound          what the call names does not exist
│   │   └── Conflict          it exists already, or belongs to somebody else
│   └── NotOurs               an account, alias or group that nothing proves to be this tenant's
│       └── AccountNotOurs    the account itself: nothing more is done in it
├── Stopping                  this worker is asked to end; another one continues at once
├── Replaced                  a newer order replaces this replication, or somebody has cancelled it
└── Superseded                another worker has taken over; nothing of this run may be written any more

Every argument goes to `Exception.__init__`, so that an error survives Celery's JSON (it is rebuilt as `cls(*args)`).
"""

from __future__ import annotations

import re


class StepError(Exception):
    """A step could not do its work."""

    default_remedy = "Look up the code in the AWS documentation of this call, fix the cause, then retry."

    def __init__(
        self,
        code: str,
        message: str,
        request_id: str | None = None,
        remedy: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(code, message, request_id, remedy, retry_after)
        self.code = code
        self.message = message
        self.request_id = request_id
        self.remedy = remedy or self.default_remedy
        self.retry_after = retry_after  # seconds AWS asked us to wait; None: our own backoff

    @property
    def documentation(self) -> str:
        """Where the code is explained; a code that is not on the page leads to its top, which says what to do then."""
        return f"docs/errors.md#{re.sub('[^a-z0-9_-]', '', self.code.lower())}"

    def __repr__(self) -> str:
        return f"{self}. {self.remedy}"  # what Flower shows of a task that failed

    def __str__(self) -> str:
        request = f" (AWS request id {self.request_id})" if self.request_id else ""
        return f"{self.code}: {self.message}{request}"


class TransientError(StepError):
    """It may work later without anybody's help."""

    default_remedy = "No action needed: the connector retries automatically."


class NotReady(TransientError):
    """A service of the account is not there yet, as in the first minutes of a new account."""


class Throttled(TransientError):
    """AWS did not take the request: too many of them, or a concurrent modification."""


class RateReached(Throttled):
    """All workers together call an API as often as they may; our turn comes in `seconds`. Nothing was sent."""

    def __init__(self, rate: str, seconds: float) -> None:
        super().__init__("RateReached", f"waiting for {rate}", retry_after=seconds)
        self.args = (rate, seconds)
        self.rate = rate
        self.seconds = seconds


class Parked(Throttled):
    """AWS takes it only when a person has raised a quota or completed a validation; `retry_after` says how slowly."""

    default_remedy = "Ask AWS for a higher quota or free some of it; the connector retries automatically, slowly."
    gate: str | None = None  # where it waits with all who are refused for the same reason; None: this tenant alone is


CONTINUE = "All tenants that wait for it then continue automatically."


class SignInRefused(Parked):
    """AWS does not let the platform in, and did nothing: its tenants wait together until a person has mended that."""

    default_remedy = f"Correct the credentials in the platform document. {CONTINUE}"


class Unanswered(TransientError):
    """AWS may or may not have done it: look, never send blindly again."""


class LaneFull(TransientError):
    """All places of a shared AWS limit are taken, or others came earlier."""

    def __init__(self, lane: str) -> None:
        super().__init__("LaneFull", f"waiting for {lane}")
        self.args = (lane,)
        self.lane = lane


class PermanentError(StepError):
    """Retrying changes nothing until a person does something."""


class Refused(PermanentError):
    """AWS refused the call for good."""


class AccessDenied(Refused):
    """A policy, trust policy or service control policy does not allow the call."""

    default_remedy = "Allow the call in the policy of the role that AWS names (see the published policies), then retry."


class NotFound(Refused):
    """What the call names does not exist."""

    default_remedy = "Check the id in the platform or landing zone document, then retry."


class Conflict(Refused):
    """It exists already or is being changed by somebody else."""


class NotOurs(PermanentError):
    """Nothing proves that it belongs to this tenant, so it is left alone."""


class AccountNotOurs(NotOurs):
    """The account is not this tenant's: the replication ends, and nothing more is done in it."""


class Replaced(StepError):
    """A newer order replaces this replication, or somebody has cancelled it: the next call is not made any more."""

    def __init__(self) -> None:
        super().__init__("Replaced", "not finished: replaced by a newer order, or cancelled")
        self.args = ()


class Stopping(StepError):
    """The worker was asked to end: its running call is finished, the next one is made by another worker."""

    def __init__(self) -> None:
        super().__init__("Stopping", "this worker is stopping, another one continues")
        self.args = ()


class Superseded(StepError):
    """Another worker runs this replication now; this run must not write any more."""

    def __init__(self, replication: str) -> None:
        super().__init__("Superseded", f"replication {replication} is now run by another worker")
        self.args = (replication,)
