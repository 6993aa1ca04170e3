"""Rates: token buckets per operation or per service, as AWS throttles an account."""

from __future__ import annotations

from dataclasses import dataclass, field

from workers.sandbox.aws import errors
from workers.sandbox.aws.call import Call
from workers.sandbox.aws.world import World


@dataclass
class Buckets:
    """Name of the rate and account -> tokens left, and the time in seconds when they were counted."""

    levels: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)


def throttle(call: Call, world: World) -> None:
    """Take a token of every bucket the call needs, or raise the service's throttling error."""
    for name in (f"{call.service}:{call.operation}", call.service):
        rate = world.options.rates.get(name)
        if rate is not None and not _take(call, world, name, rate):
            raise errors.throttled(call.service)


def _take(call: Call, world: World, name: str, rate: float) -> bool:
    buckets = world.state(Buckets).levels
    capacity = max(1.0, rate * world.options.burst_seconds)
    key = (name, call.caller.account_id)
    level, counted = buckets.get(key, (capacity, call.now))
    level = min(capacity, level + (call.now - counted) * rate)
    buckets[key] = (level - 1 if level >= 1 else level, call.now)
    return level >= 1
