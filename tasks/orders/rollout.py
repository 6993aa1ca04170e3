"""Roll a changed landing zone out: replicate every tenant that has it, as one piece of work that can be looked at.

Each tenant's replication stands in the due index as any other: whoever asked for the rollout may go, and AWS's limits
hold for all of them together. What is kept of it is only which replications belong to it, and who was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from pydantic import Field

from config import tracing
from tasks.connector import Connector
from tasks.model.desired import Document
from tasks.model.replication import ENDED, Replication, State, StepState
from tasks.orders.producer import RequestRefused, replicate_again
from tasks.state.records import TenantRecord


class Rollout(Document):
    """Which replications belong to a rollout, and which tenants were left out."""

    id: str
    landing_zone: str
    platform: str | None = Field(default=None, description="<platform>.<location>; none: every platform")
    requested_at: datetime
    requested_by: str | None = Field(default=None, description="name of the API token")
    replications: dict[str, str] = Field(description="tenant -> id of its replication")
    refused: dict[str, str] = Field(description="tenant -> why it cannot be replicated as it is configured now")
    paused: list[str] = Field(default=[], description="skipped tenants, because they are paused")


class UnknownLandingZone(ValueError):
    """No document describes the landing zone, or the platform; nothing was stored."""


@dataclass(frozen=True)
class Progress:
    """A rollout, and how each of its replications fares."""

    rollout: Rollout
    replications: list[Replication]  # of their steps only those that failed and the one that stands next


def roll_out(landing_zone: str, platform: str | None, connector: Connector, *, by: str | None = None) -> Rollout:
    """Replicate every tenant of a landing zone again, also those whose replication has passed some steps already.

    Tenants that are being deleted, or paused, are left out: a rollout that waits for a person would never end.
    platform   only tenants of this one; None: of all
    by         who asks, for the record
    Raises UnknownLandingZone, redis.RedisError when Redis is away: asking again does no harm.
    """
    _check(landing_zone, platform, connector)
    replications: dict[str, str] = {}
    refused: dict[str, str] = {}
    paused: list[str] = []
    for record in _tenants(landing_zone, platform, connector):
        if record.paused is not None:
            paused.append(str(record.id))
            continue
        try:
            with tracing.begin("roll out to a tenant", {"connector.tenant": str(record.id)}):  # a trace for each
                accepted = replicate_again(record, connector, wake=True, anew=True, by=by)
            replications[accepted.tenant] = accepted.replication
        except RequestRefused as error:  # one tenant never stops the others
            refused[str(record.id)] = str(error)
    rollout = Rollout(
        id=uuid4().hex,
        landing_zone=landing_zone,
        platform=platform,
        requested_at=datetime.now(UTC),
        requested_by=by,
        replications=replications,
        refused=refused,
        paused=paused,
    )
    connector.store.rollouts.keep(rollout.id, rollout.model_dump_json())
    return rollout


def find_rollout(rollout: str, connector: Connector) -> Progress | None:
    """Tell how a rollout fares; None: unknown, or asked for longer ago than the retention."""
    document = connector.store.rollouts.find(rollout)
    if document is None:
        return None
    found = Rollout.model_validate_json(document)
    return look_at(found, connector)


def newest_rollouts(connector: Connector, most: int) -> list[Rollout]:
    """Return the rollouts that were asked for last, without how they fare."""
    return [Rollout.model_validate_json(each) for each in connector.store.rollouts.newest(most)]


def look_at(rollout: Rollout, connector: Connector) -> Progress:
    """Tell how each replication of a rollout fares."""
    found = connector.store.replications.those(rollout.replications.values())
    return Progress(rollout, [each.model_copy(update={"steps": telling(each.steps)}) for each in found])


def telling(steps: Iterable[StepState]) -> list[StepState]:
    """Choose the steps that tell how a replication fares: those that failed, and the first that has not ended."""
    steps = list(steps)
    failed = [step for step in steps if step.state is State.FAILED]
    return [*failed, *[step for step in steps if step.state not in ENDED][:1]]


def _tenants(landing_zone: str, platform: str | None, connector: Connector) -> Iterator[TenantRecord]:
    """Yield the tenants of a landing zone that stay."""
    for summary in connector.store.tenants.listed():
        if summary.landing_zone != landing_zone or platform not in (None, summary.id.platform):
            continue
        record = connector.store.tenants.find(summary.id)
        if record is not None and record.deletion is None:
            yield record


def _check(landing_zone: str, platform: str | None, connector: Connector) -> None:
    known = connector.catalog.landing_zones
    if landing_zone not in known:
        raise UnknownLandingZone(f"Landing zone {landing_zone} not found; known: {', '.join(sorted(known)) or 'none'}.")
    if platform is not None and platform not in connector.catalog.platforms:
        names = ", ".join(sorted(connector.catalog.platforms))
        raise UnknownLandingZone(f"Platform {platform} not found; known: {names}.")
