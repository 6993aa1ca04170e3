"""Our own side: Redis as it must be set up, workers, limits that are not above AWS's, and where costs are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType

from redis import RedisError

from config.printable import counted
from tasks.aws import Lane
from tasks.doctor.finding import Finding, error, ok, warning
from tasks.doctor.patient import Patient
from tasks.limits.lanes import places

SILENCE = timedelta(seconds=5)  # at least; a worker that has paused for less is only busy
LOOKS = 10  # a worker that has missed so many looks at the due index is gone
REDIS: Mapping[str, str] = MappingProxyType({"maxmemory-policy": "noeviction", "appendonly": "yes"})
AWS_ALLOWS: Mapping[Lane, int] = MappingProxyType(  # by default. Source: AWS Organizations and Identity Center quotas
    {Lane.ACCOUNT_CREATION: 5, Lane.ACCOUNT_CLOSURE: 3, Lane.CONTROL_TOWER: 5}
)


def redis(patient: Patient) -> Iterator[Finding]:
    """See that Redis answers and keeps what it acknowledges. PING, CONFIG GET."""
    server = patient.worker.store.server
    try:
        server.ping()
    except RedisError as away:
        remedy = "Start Redis, or correct CONNECTOR_REDIS_URL."
        yield error(f"Redis does not answer: {type(away).__name__}: {away}", remedy)
        return
    yield ok("Redis answers")
    for name, wanted in REDIS.items():
        actual = server.setting(name)
        if actual not in (None, wanted):
            remedy = f"Set {name} {wanted} in redis.conf, otherwise orders may be lost when Redis stops."
            yield warning(f"Redis has {name} {actual or 'empty'}", remedy)


def workers(patient: Patient) -> Iterator[Finding]:
    """See that workers look for work."""
    interval = patient.worker.settings.pump_interval
    names = patient.worker.store.work.workers(max(SILENCE, LOOKS * interval))
    if names:
        yield ok(f"{counted(len(names), 'worker')} online")
    else:
        yield warning("no worker is online: orders are accepted and wait", "Start a worker.")


def limits(patient: Patient) -> Iterator[Finding]:
    """See that our limits are not above AWS's own."""
    own = places(patient.worker.settings, patient.platform)
    for lane, allowed in AWS_ALLOWS.items():
        if own[lane] > allowed:
            remedy = "Lower it, unless AWS has raised its quota for this organization."
            yield warning(f"{own[lane]} places for {lane}; AWS allows {allowed} by default", remedy)
    yield ok(", ".join(f"{count} at once for {lane}" for lane, count in own.items()))


def cost_database(patient: Patient) -> Iterator[Finding]:
    """See that a file for costs could be written here. Writes nothing; asks no database elsewhere."""
    settings = patient.worker.settings
    if patient.platform.metering is None or settings.metering_database_url is not None:
        return
    directory = settings.data_dir.absolute()
    there = next(each for each in (directory, *directory.parents) if each.exists())
    if there.is_dir() and os.access(there, os.W_OK):
        yield ok(f"costs are kept in a file below {directory}")
        return
    remedy = "Set CONNECTOR_METERING_DATABASE_URL, or remove the section metering from the platform document."
    yield warning(f"costs cannot be kept: nothing can be written to CONNECTOR_DATA_DIR, {directory}", remedy)
