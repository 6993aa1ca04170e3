"""Roll a changed landing zone out: replicate every tenant that has it, as one piece of work that can be looked at.

Each tenant's replication stands in the due index as any other: whoever asked for the rollout may go, and AWS's limits
hold for all of them together. What is kept of it is only which replications belong to it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import Field

from tasks.connector import Connector
from tasks.model import ENDED, Document, Replication, State, StepState
from tasks.producer import RequestRefused, replicate_again


class Rollout(Document):
    """Which replications belong to a rollout, and which tenants could not be replicated."""

    id: str
    landing_zone: str
    platform: str | None = Field(default=None, description="<platform>.<location>; none: every platform")
    requested_at: datetime
    replications: dict[str, str] = Field(description="tenant -> id of its replication")
    refused: dict[str, str] = Field(description="tenant -> why it cannot be replicated as it is configured now")


class UnknownLandingZone(ValueError):
    """No document describes the landing zone, or the platform; nothing was stored."""


@dataclass(frozen=True)
class Progress:
    """A rollout, and how each of its replications fares."""

    rollout: Rollout
    replications: list[Replication]  # of their steps only those that failed and the one that stands next


def roll_out(landing_zone: str, platform: str | None, through: Connector) -> Rollout:
    """Replicate every tenant of a landing zone again, also those whose replication has passed some steps already.

    platform   only tenants of this one; None: of all
    Raises UnknownLandingZone, redis.RedisError when Redis is away: asking again does no harm.
    """
    _check(landing_zone, platform, through)
    replications: dict[str, str] = {}
    refused: dict[str, str] = {}
    for summary in through.store.tenants():
        if summary.landing_zone != landing_zone or platform not in (None, summary.id.platform):
            continue
        record = through.store.tenant(summary.id)
        if record is None or record.deletion is not None:
            continue
        try:
            accepted = replicate_again(record, through, wake=True, anew=True)
            replications[accepted.tenant] = accepted.replication
        except RequestRefused as error:  # one tenant never stops the others
            refused[str(summary.id)] = str(error)
    rollout = Rollout(
        id=uuid4().hex,
        landing_zone=landing_zone,
        platform=platform,
        requested_at=datetime.now(UTC),
        replications=replications,
        refused=refused,
    )
    through.store.keep_rollout(rollout.id, rollout.model_dump_json())
    return rollout


def find_rollout(rollout: str, through: Connector) -> Progress | None:
    """Tell how a rollout fares; None: unknown, or asked for longer ago than the retention."""
    document = through.store.rollout(rollout)
    if document is None:
        return None
    found = Rollout.model_validate_json(document)
    return look_at(found, through)


def look_at(rollout: Rollout, through: Connector) -> Progress:
    """Tell how each replication of a rollout fares."""
    found = through.store.replications(rollout.replications.values())
    return Progress(rollout, [each.model_copy(update={"steps": telling(each.steps)}) for each in found])


def telling(steps: Iterable[StepState]) -> list[StepState]:
    """Choose the steps that tell how a replication fares: those that failed, and the first that has not ended."""
    steps = list(steps)
    failed = [step for step in steps if step.state is State.FAILED]
    return [*failed, *[step for step in steps if step.state not in ENDED][:1]]


def _check(landing_zone: str, platform: str | None, through: Connector) -> None:
    known = through.catalog.landing_zones
    if landing_zone not in known:
        raise UnknownLandingZone(
            f"No landing zone is named {landing_zone}; known: {', '.join(sorted(known)) or 'none'}."
        )
    if platform is not None and platform not in through.catalog.platforms:
        names = ", ".join(sorted(through.catalog.platforms))
        raise UnknownLandingZone(f"No platform is named {platform}; known: {names}.")
