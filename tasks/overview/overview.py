"""The overview: put together of what stands in Redis, in as many round trips for many tenants as for few."""

from __future__ import annotations

from datetime import UTC, datetime

from config.celery import QUEUES
from tasks.connector import Connector
from tasks.documents import LimitUse, Machinery, Overview, UnderWay
from tasks.model.lane import ours
from tasks.overview.matters import matters
from tasks.state.census import Census
from tasks.state.limits import Usage
from tasks.state.runs import AWAKE
from tasks.state.work import alive_within


def overview(connector: Connector) -> Overview:
    """Look at everything; raises redis.RedisError when Redis is away."""
    store, now = connector.store, datetime.now(UTC)
    census, working = store.registry.census(), machinery(connector)
    organizations = {each.management_account_id for each in connector.catalog.platforms.values()}
    return Overview(
        at=now,
        needs=matters(connector, census, working, now),
        under_way=_under_way(census),
        limits=_limits(store.limits.usage()),
        machinery=working,
        tenants=_by_state(census),
        oldest_look=store.tenants.longest_ago(),
        drifted=store.drifts.numbers().total(),
        unmanaged=store.unmanaged.number(organizations),
    )


def machinery(connector: Connector) -> Machinery:
    """See who works."""
    store = connector.store
    beat = store.ticks.last()
    return Machinery(
        workers=len(store.work.workers(alive_within(connector.settings.pump_interval))),
        queued=store.work.queued(*QUEUES),
        late_seconds=store.work.overdue().total_seconds(),
        beat_at=datetime.fromtimestamp(beat, UTC) if beat else None,
        runners=len(store.runs.runners(AWAKE)),
    )


def _by_state(census: Census) -> dict[str, int]:
    found: dict[str, int] = {}
    for (_, state), number in sorted(census.tenants.items()):
        found[state] = found.get(state, 0) + number
    return found


def _under_way(census: Census) -> list[UnderWay]:
    """Add the platforms up."""
    found: dict[str, UnderWay] = {}
    for group, number in sorted(census.still_open.items()):
        state, since = group[1], census.oldest[group]
        before = found.get(state, UnderWay(state=state, number=0, since=since))
        found[state] = UnderWay(state=state, number=before.number + number, since=min(before.since, since))
    return list(found.values())


def _limits(usage: dict[str, Usage]) -> list[LimitUse]:
    """Show first where the most wait; what is ours, as a share of threads, only where somebody waits."""
    counts = {name: use.waiting or use.slowed < 1 or (use.taken and not ours(name)) for name, use in usage.items()}
    used = [(name, use) for name, use in usage.items() if counts[name]]
    return [
        LimitUse(
            name=name,
            places=use.places,
            taken=use.taken,
            waiting=use.waiting,
            waiting_since=use.waiting_since,
            slowed=round(use.slowed, 2),
        )
        for name, use in sorted(used, key=lambda each: (-each[1].waiting, each[0]))
    ]
