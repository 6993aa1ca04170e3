"""The tenants: their records, lists of them, and which were replicated longest ago."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from tasks.model.desired import Lifecycle, TenantId
from tasks.model.handles import HANDLES, Handles
from tasks.model.replication import State
from tasks.state.database import Part
from tasks.state.parameters import Page, microseconds, milliseconds
from tasks.state.records import TenantRecord, TenantSummary, summary_of, tenant_of

PAGE = 500  # tenants of one round trip
SHOWN = ("landing_zone", "handles", "state", "updated_at", "deletion", "deleted_at", "last")  # what a list needs


@dataclass(frozen=True)
class Selection:
    """Which tenants are asked for; None: any."""

    workspace: str | None = None
    project: str | None = None
    platform: str | None = None
    landing_zone: str | None = None
    state: State | None = None
    updated_since: datetime | None = None
    lifecycle: Lifecycle | None = None
    contains: str = ""  # a part of the name

    @property
    def prefix(self) -> str:
        """What the names begin with."""
        return "" if self.workspace is None else f"{self.workspace}."

    @property
    def groups(self) -> list[str]:
        """What else they are listed under: `shared/listing.lua`."""
        wanted = {
            "project": self.project,
            "platform": self.platform,
            "zone": self.landing_zone,
            "state": self.state,
            "lifecycle": self.lifecycle,
        }
        return [f"{field} {value}" for field, value in wanted.items() if value is not None]

    def fits(self, tenant: TenantSummary) -> bool:
        """Tell whether a tenant is one of those, whatever its state."""
        wanted = (
            (self.workspace, tenant.id.workspace),
            (self.project, tenant.id.project),
            (self.platform, tenant.id.platform),
            (self.landing_zone, tenant.landing_zone),
        )
        since = self.updated_since
        alike = all(asked in (None, found) for asked, found in wanted)
        return alike and self.contains in str(tenant.id) and (since is None or tenant.updated_at >= since)


class Sorting(StrEnum):
    """In which order tenants are listed."""

    NAME = "name"
    STATE = "state"  # what may need a person first
    NEWEST = "newest"  # by their last change
    OLDEST = "oldest"


class Tenants(Part):
    """Reads tenants. Raises redis.RedisError when Redis is away."""

    def find(self, tenant: TenantId) -> TenantRecord | None:
        """Read a tenant; None: nobody has ordered it."""
        with self._redis.pipeline(transaction=False) as pipeline:
            pipeline.hgetall(self._keys.tenant(tenant))
            pipeline.hmget(self._keys.pauses, [str(tenant), tenant.platform])
            row, pauses = pipeline.execute()
        if not row:
            return None
        return tenant_of(tenant, row, next(filter(None, pauses), None))

    def listed(self, prefix: str = "") -> Iterator[TenantSummary]:
        """Yield every tenant whose name starts with `prefix`, sorted by name; a few hundred each round trip."""
        start = f"[{prefix}" if prefix else "-"
        stop = f"({prefix}\xff" if prefix else "+"
        for names in self._pages(start, stop):
            yield from self._summaries(names)

    def page(
        self, selection: Selection, first: int, size: int, sorting: Sorting = Sorting.NAME
    ) -> tuple[list[TenantSummary], int]:
        """Read some of the tenants that fit, from a rank on; and tell how many there are.

        Two round trips, however many tenants there are.
        """
        since = selection.updated_since
        total, *names = json.loads(
            self._run(
                Page(
                    starts=selection.prefix,
                    groups=selection.groups,
                    contains=selection.contains,
                    sorting=sorting.value,
                    since=None if since is None else microseconds(since),
                    first=first,
                    size=size,
                )
            )
        )
        return list(self._summaries(names)), total

    def those(self, names: Sequence[str]) -> Iterator[TenantSummary]:
        """Read what lists show of these tenants, which must be known; some hundreds each round trip."""
        for first in range(0, len(names), PAGE):
            yield from self._summaries(names[first : first + PAGE])

    def handles(self) -> Iterator[Handles]:
        """Yield the handles of every tenant; a few hundred each round trip."""
        for names in self._pages("-", "+"):
            with self._redis.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.hget(self._keys.tenant(name), "handles")
                yield from (HANDLES.validate_json(row) for row in pipeline.execute())

    def names(self) -> Iterator[str]:
        """Yield the name of every tenant, sorted."""
        for names in self._pages("-", "+"):
            yield from names

    def there_are_any(self) -> bool:
        """Tell whether a tenant was ever ordered."""
        return bool(self._redis.exists(self._keys.tenants))

    def with_account(self, account_id: str) -> TenantId | None:
        """Name the tenant that has an account, or has ordered it; None: none has."""
        owner = self._redis.hget(self._keys.owners, f"account {account_id}")
        return TenantId.parse(owner) if owner else None

    def raw(self, tenant: TenantId) -> tuple[dict[str, str], list[dict[str, str]]]:
        """Read the fields of a tenant and of its replications, the oldest first, as they stand: for backups."""
        with self._redis.pipeline() as pipeline:
            pipeline.hgetall(self._keys.tenant(tenant))
            pipeline.zrange(self._keys.history(tenant), 0, -1)
            row, replications = pipeline.execute()
            for replication in replications:
                pipeline.hgetall(self._keys.replication(replication))
            return row, [each for each in pipeline.execute() if each]

    def idle(self, since: timedelta, most: int) -> list[TenantId]:
        """Name tenants whose last replication ended longer than `since` ago, the oldest first."""
        before = self._database.now() - milliseconds(since)
        found = self._redis.zrangebyscore(self._keys.replicated, "-inf", before, 0, most)
        return [TenantId.parse(name) for name in found]

    def longest_ago(self) -> datetime | None:
        """Tell when the last replication ended of the tenant that has waited longest for another; None: none has."""
        first = self._redis.zrange(self._keys.replicated, 0, 0, withscores=True)
        return datetime.fromtimestamp(first[0][1] / 1000, UTC) if first else None

    def postpone(self, tenant: TenantId) -> None:
        """Count a tenant as replicated now, although it was not."""
        self._redis.zadd(self._keys.replicated, {str(tenant): self._database.now()})

    def _summaries(self, names: Sequence[str]) -> Iterator[TenantSummary]:
        with self._redis.pipeline(transaction=False) as pipeline:
            for name in names:
                pipeline.hmget(self._keys.tenant(name), SHOWN)
            for name, row in zip(names, pipeline.execute(), strict=True):
                yield summary_of(name, row)

    def _pages(self, start: str, stop: str) -> Iterator[list[str]]:
        """Yield the names of tenants, sorted, in pages."""
        while names := self._redis.zrangebylex(self._keys.tenants, start, stop, 0, PAGE):
            yield names
            start = f"({names[-1]}"
