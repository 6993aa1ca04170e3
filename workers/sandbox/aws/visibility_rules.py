"""What decides in place of chance how late AWS's writes are seen: rules of the control API, each until it is told.

::

    {"rule": "hide", "kind": "account", "id": "500000000007"}   this thing is not there for anybody who reads
    {"rule": "delay", "kind": "group"}                          what is next made, changed or deleted is seen late
    {"rule": "delay", "operation": "TagResource", "seconds": 5, "times": -1}
    {"rule": "stale", "operation": "ListAccounts"}              the operation knows nothing newer than this moment

`seconds` ends a rule by itself; without it everything is seen again when the rules are taken back.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, TypeAdapter


class Kind(StrEnum):
    """The things that are seen late; behind them what their ids are made of."""

    ACCOUNT = "account"
    UNIT = "organizational_unit"
    CREATION = "account_creation"  # of CreateAccount
    CONTROL_POLICY = "control_policy"
    USER = "user"
    GROUP = "group"
    MEMBERSHIP = "membership"  # group/user
    ASSIGNMENT = "account_assignment"  # account/permission set/GROUP or USER/principal
    ROLE = "role"  # account/name
    SAML_PROVIDER = "saml_provider"  # its ARN
    ALIAS = "account_alias"  # the account
    STACK = "stack"  # its ARN
    STACK_INSTANCE = "stack_instance"  # account/region
    STACK_OPERATION = "stack_set_operation"
    PRODUCT = "provisioned_product"


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Hide(_Rule):
    """One thing is not there for readers, however old it is."""

    rule: Literal["hide"] = "hide"
    kind: Kind
    id: str
    seconds: NonNegativeFloat | None = None


class Delay(_Rule):
    """What is written next is seen later: of a kind, of one thing, or by an operation (an operator's action too)."""

    rule: Literal["delay"] = "delay"
    kind: Kind | None = None
    id: str | None = None
    operation: str | None = None
    seconds: NonNegativeFloat | None = None  # from the write on
    skip: NonNegativeInt = 0  # let that many such changes be seen as usual first
    times: int = Field(default=1, ge=-1)  # then that many are seen later; -1 without end

    def fits(self, kind: Kind, name: str, operation: str) -> bool:
        """Say whether the rule is about this change."""
        wanted = ((self.kind, kind), (self.id, name), (self.operation, operation))
        return all(mine is None or mine == its for mine, its in wanted)


class Stale(_Rule):
    """An operation answers by what was true when the rule was given."""

    rule: Literal["stale"] = "stale"
    operation: str
    service: str | None = None
    seconds: NonNegativeFloat | None = None


Rule = Annotated[Hide | Delay | Stale, Field(discriminator="rule")]
RULES: TypeAdapter[list[Hide | Delay | Stale]] = TypeAdapter(list[Rule])


@dataclass
class InForce:
    """A rule, until when it holds, the last write before it, and to how many changes it could have applied."""

    rule: Hide | Delay | Stale
    ends: float
    number: int
    matched: int = 0


@dataclass
class Rules:
    """All rules in force, in the order in which they were given; the first one that fits decides."""

    given: list[InForce] = field(default_factory=list)

    def add(self, rule: Hide | Delay | Stale, now: float, number: int) -> None:
        """Take a rule; `number` is that of the last write."""
        ends = math.inf if isinstance(rule, Delay) or rule.seconds is None else now + rule.seconds
        self.given.append(InForce(rule, ends, number))

    def delay_of(self, kind: Kind, name: str, operation: str) -> float | None:
        """Say for how long a change is not seen; None: no rule is about it. Counts it."""
        for each in self.given:
            rule = each.rule
            if not isinstance(rule, Delay) or not rule.fits(kind, name, operation):
                continue
            each.matched += 1
            if each.matched > rule.skip and (rule.times == -1 or each.matched <= rule.skip + rule.times):
                return math.inf if rule.seconds is None else rule.seconds
        return None

    def hidden(self, kind: Kind, now: float) -> set[str]:
        """Name the things of a kind that are hidden."""
        hides = [each.rule for each in self.given if isinstance(each.rule, Hide) and now < each.ends]
        return {rule.id for rule in hides if rule.kind is kind}

    def newest(self, service: str, operation: str, now: float) -> float:
        """Give the number of the last write that the operation may know of."""
        stale = [
            each.number
            for each in self.given
            if isinstance(each.rule, Stale)
            and now < each.ends
            and each.rule.operation == operation
            and each.rule.service in (None, service)
        ]
        return min(stale, default=math.inf)

    def oldest_stale(self, now: float) -> float:
        """Give the number of the last write that some operation knows of: newer ones must be remembered."""
        numbers = [each.number for each in self.given if isinstance(each.rule, Stale) and now < each.ends]
        return min(numbers, default=math.inf)

    def show(self) -> Iterator[dict[str, Any]]:
        """Show the rules, and to how many changes each could have applied."""
        for each in self.given:
            yield {**each.rule.model_dump(mode="json"), "matched": each.matched}
