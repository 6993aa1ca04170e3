"""Lambda functions in the automation account, or in one that lets its role in.

Source: docs.aws.amazon.com/lambda/latest/api/ (API_Invoke, API_GetFunctionConfiguration)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, HTTPClientError

from tasks.aws.calls import Calls
from tasks.aws.statuses import known
from tasks.errors import Unanswered

MOST_BYTES = 65_536  # of an answer that are read; Lambda allows 6 MB, and people read less
UNFINISHED = "ReadTimeoutError"  # botocore's: the request was sent, and no answer came within the client's time
PATH = "/invocations"  # in botocore's message about our request; not in one about signing in, which comes before it


class FunctionState(StrEnum):
    """`FunctionConfiguration.State`."""

    PENDING = "Pending"
    ACTIVE = "Active"
    INACTIVE = "Inactive"
    FAILED = "Failed"
    DEACTIVATING = "Deactivating"
    DEACTIVATED = "Deactivated"
    ACTIVE_NON_INVOCABLE = "ActiveNonInvocable"
    DELETING = "Deleting"


READY = frozenset({FunctionState.ACTIVE, FunctionState.INACTIVE, FunctionState.PENDING})
"""What an invocation may find; Lambda wakes an idle function up."""


@dataclass(frozen=True)
class FunctionSummary:
    """What a function is set up as."""

    state: FunctionState
    timeout: timedelta  # after which Lambda ends it
    reason: str | None = None  # why it is not Active


@dataclass(frozen=True)
class Invocation:
    """How one invocation ended."""

    answered: bool = True  # False: the function may be at work still
    failure: str | None = None  # in the function's own words; None: it has not failed


class Functions:
    """The functions of one region, invoked for as long as the client reads."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def describe(self, arn: str) -> FunctionSummary:
        """Return how a function is set up; NotFound when there is none. GetFunctionConfiguration."""
        answer = self._calls.read("get_function_configuration", FunctionName=arn)
        state = known(FunctionState, answer.get("State") or FunctionState.ACTIVE.value)
        return FunctionSummary(state, timedelta(seconds=answer["Timeout"]), answer.get("StateReason"))

    def invoke(self, arn: str, payload: Mapping[str, str]) -> Invocation:
        """Run a function with a JSON object and wait for its end. Invoke; raises StepError when it was not run."""
        try:
            answer = self._calls.write(
                "invoke",
                FunctionName=arn,
                InvocationType="RequestResponse",
                Payload=json.dumps(payload).encode(),
            )
        except Unanswered as unanswered:
            if unanswered.code == UNFINISHED and PATH in unanswered.message:
                return Invocation(answered=False)
            raise
        if self._calls.request_id is None:  # every answer of AWS has one: this is somebody else's
            raise Unanswered("MalformedAnswer", "lambda:Invoke: the answer cannot be read")
        text = _text(answer.get("Payload"))
        error = answer.get("FunctionError")  # Handled or Unhandled
        return Invocation(failure=f"{error}: {_told(text)}" if error else None)


def _text(body: Any) -> str:
    """Read what the function answered. The status came first, so a broken rest takes away no more than words."""
    try:
        return str(body.read(MOST_BYTES).decode(errors="replace"))
    except (BotoCoreError, HTTPClientError):
        return ""
    finally:
        body.close()


def _told(text: str) -> str:
    """Find the message in a failed function's answer: {"errorType": …, "errorMessage": …, "stackTrace": …}."""
    try:
        told = json.loads(text)
    except ValueError:
        return text
    if not isinstance(told, dict) or "errorMessage" not in told:
        return text
    return f"{told.get('errorType', 'Error')}: {told['errorMessage']}"
