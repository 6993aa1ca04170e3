"""Faults on order: which requests are refused, throttled, delayed, garbled or cut off."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt

from workers.sandbox.aws import errors
from workers.sandbox.aws.call import AwsError, Call


class FaultKind(StrEnum):
    """What happens to a request."""

    ERROR = "error"  # an AWS error instead of the answer
    THROTTLE = "throttle"  # too many requests, in the service's own words
    LOST_RESPONSE = "lost_response"  # performed, then the connection is closed without an answer
    RESET = "reset"  # the connection is closed, nothing is performed
    DELAY = "delay"  # the answer comes later
    HOLD = "hold"  # performed later, then answered, whether or not the caller still waits
    MALFORMED = "malformed"  # performed, and answered with something that is not AWS's protocol


PERFORMED_FIRST = {FaultKind.LOST_RESPONSE, FaultKind.DELAY, FaultKind.MALFORMED}


class Fault(BaseModel):
    """One rule. The first rule that matches a request wins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    service: str = "*"
    operation: str = "*"
    kind: FaultKind = FaultKind.ERROR
    code: str = "ServiceException"
    message: str = "AWS could not complete the request because of an internal failure."
    status: int = 500
    fields: dict[str, Any] = Field(default_factory=dict)  # further members of the error: Reason, RetryAfterSeconds
    seconds: NonNegativeFloat = 0.0  # of a delay or a hold
    skip: NonNegativeInt = 0  # let that many matching requests pass first
    times: int = Field(default=1, ge=-1)  # then strike that often; -1 without end
    chance: float = Field(default=1.0, ge=0, le=1)
    match: dict[str, Any] = Field(default_factory=dict)  # parameters that the request must have
    before: bool | None = None  # strike instead of the operation, not after it; None: as the kind says

    def fits(self, call: Call) -> bool:
        """Say whether the rule is about this request."""
        return (
            self.service in ("*", call.service)
            and self.operation in ("*", call.operation)
            and all(call.parameters.get(name) == value for name, value in self.match.items())
        )

    @property
    def strikes_before(self) -> bool:
        """Say whether the operation is not performed; a delay always performs it first."""
        if self.kind is FaultKind.DELAY:
            return False
        return self.before if self.before is not None else self.kind not in PERFORMED_FIRST

    def error(self, service: str) -> AwsError:
        """Give the error that the rule answers."""
        if self.kind is FaultKind.THROTTLE:
            return errors.throttled(service)
        return AwsError(self.code, self.message, self.status, self.fields)


@dataclass
class Rule:
    """A fault and how often it has matched and struck."""

    fault: Fault
    matched: int = 0
    struck: int = 0


@dataclass
class Faults:
    """All rules in force, in the order in which they were given."""

    rules: list[Rule] = field(default_factory=list)
    dice: random.Random | None = None  # None: not thrown yet

    def strike(self, call: Call, seed: int) -> Fault | None:
        """Find the fault that hits this request, and count it."""
        if self.dice is None:
            self.dice = random.Random(seed)  # noqa: S311  # no secret: repeatable tests
        for rule in self.rules:
            if rule.fault.fits(call) and self._strikes(rule, self.dice):
                return rule.fault
        return None

    def _strikes(self, rule: Rule, dice: random.Random) -> bool:
        fault = rule.fault
        rule.matched += 1
        exhausted = fault.times != -1 and rule.struck >= fault.times
        if rule.matched <= fault.skip or exhausted or dice.random() >= fault.chance:
            return False
        rule.struck += 1
        return True

    def show(self) -> list[Mapping[str, Any]]:
        """Show the rules and how often they struck."""
        return [{**rule.fault.model_dump(mode="json"), "struck": rule.struck} for rule in self.rules]
