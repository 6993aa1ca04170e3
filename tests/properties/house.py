"""A connector in this process: takes what is due, runs step after step, and tells after each of them.

Celery is left out, as in tests/faults/matrix/cell.py. What waits is looked at again at once: every look makes all that
is not ended due, so that only AWS's own time passes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr
from redis import Redis

from config.catalog import Catalog, load_catalog
from config.celery import QUEUE
from config.landing_zone import LandingZone
from config.patterns import Pattern
from config.platform import AccountClosure
from config.settings import Settings
from tasks.chain import AWAIT_APPROVAL
from tasks.connector import redis_client
from tasks.engine.lease import Leases
from tasks.engine.pump import LONGEST_DELIVERY
from tasks.engine.stretch import Stretch
from tasks.model.desired import TenantId
from tasks.model.replication import Replication, State
from tasks.state.outcome import Dispatch
from tasks.state.records import TenantRecord
from tasks.state.store import Store
from tasks.worker import Worker
from tests.properties.model import FEDERATION, NARROW, NARROW_MAPPINGS, RENAMED, RENAMED_MAPPINGS, STORE, WIDE
from tests.support.waiting import eventually
from workers.sandbox import organization

CONFIG_DIR = Path(__file__).parents[2] / "workers" / "examples" / "config"
EMAIL = "#{rand:%.12s}@example.com"  # a tenant that is ordered again after its deletion gets another account
SETTLED_WITHIN = 120.0  # seconds; a new account takes a few, and the machine may be busy
LOOK = 0.03  # seconds between two looks at what AWS works on


def settings(redis_url: str) -> Settings:
    """Make the product's times short, and let its own limits hold up nobody."""
    return Settings(
        redis_url=SecretStr(redis_url),
        config_dir=CONFIG_DIR,
        lease=timedelta(seconds=10),
        poll_interval=timedelta(seconds=0.1),
        lookup_grace=timedelta(seconds=2),
        visibility_grace=timedelta(seconds=3),
        users_kept=timedelta(milliseconds=1),
        identity_center_calls_per_second=1000,
        organizations_calls_per_second=1000,
    )


def catalog() -> Catalog:
    """Return the examples' platforms, with federation on one, and two landing zones that deploy nothing."""
    examples = load_catalog([CONFIG_DIR])
    closes = AccountClosure(organizational_units=(organization.DEVELOPMENT_OU_ID,))
    common = {"account_closure": closes, "account_email_pattern": Pattern.parse(EMAIL)}
    federated = {"identity_federation": FEDERATION, "self_downgrade_access_role": False}
    platforms = {
        name: each.model_copy(update={**common, **(federated if name == STORE else {})})
        for name, each in examples.platforms.items()
    }
    wide = LandingZone(
        name=WIDE,
        display_name="Wide",
        target_organizational_unit=organization.DEVELOPMENT_OU_ID,
        automate_deletion_approval=True,
        automate_deletion_replication=True,
    )
    narrow = LandingZone(
        name=NARROW,
        display_name="Narrow",
        target_organizational_unit=organization.PRODUCTION_OU_ID,
        role_mappings=NARROW_MAPPINGS,
    )
    renamed = narrow.model_copy(update={"name": RENAMED, "role_mappings": RENAMED_MAPPINGS})
    return replace(examples, platforms=platforms, landing_zones={each.name: each for each in (wide, narrow, renamed)})


@dataclass
class House:
    """One connector, its Redis, and the message that it worked on last."""

    worker: Worker
    redis: Redis
    after_step: Callable[[], None] = lambda: None
    leases: Leases = field(default_factory=Leases)
    last: Dispatch | None = None

    @classmethod
    def built(cls, redis_url: str) -> House:
        """Build one; the environment names the simulator."""
        chosen = settings(redis_url)
        redis = redis_client(chosen)
        store = Store(redis, chosen.retention, chosen.event_history)
        return cls(Worker(chosen, catalog(), store), redis)

    @property
    def store(self) -> Store:
        """What it remembers."""
        return self.worker.store

    def record(self, tenant: TenantId) -> TenantRecord | None:
        """Return what it knows of a tenant."""
        return self.store.tenants.find(tenant)

    def replication(self, tenant: TenantId) -> Replication | None:
        """Return a tenant's newest replication."""
        record = self.record(tenant)
        return self.store.replications.find(record.replication) if record else None

    def work(self, executions: int) -> None:
        """Run that many steps, or fewer when nothing is due."""
        while executions > 0 and (taken := self.take()):
            for dispatch in taken:
                executions -= self.run(dispatch, executions)

    def settle(self) -> None:
        """Work until nothing but what waits for an approval is left to do."""

        def look() -> bool:
            for dispatch in self.take():
                self.run(dispatch, 1000)
            return all(map(self.awaits_approval, self.due()))

        eventually(look, SETTLED_WITHIN, LOOK)

    def take(self) -> list[Dispatch]:
        """Take every replication that has not ended, as the pump does; nobody else works on one."""
        if due := self.due():
            self.redis.zadd(self.store.keys.due, dict.fromkeys(due, 0))
        return self.store.work.pump("nobody's queue", 100, self.worker.settings.lease, LONGEST_DELIVERY, "house")

    def run(self, dispatch: Dispatch, executions: int) -> int:
        """Do what Celery's chain does, for so many steps at most; answers how many it were."""
        self.redis.lpush(QUEUE, "somebody who waits for the thread, so that each step has a message of its own")
        for done in range(1, executions + 1):
            self.last = dispatch
            following = Stretch(self.worker, self.leases, dispatch).run().following
            self.after_step()
            if following is None:
                return done
            dispatch = replace(dispatch, step=following)
        return executions

    def due(self) -> list[str]:
        """Name the replications that have not ended."""
        return [str(each) for each in self.redis.zrange(self.store.keys.due, 0, -1)]

    def awaits_approval(self, replication: str) -> bool:
        """Tell whether a replication waits for a person."""
        found = self.store.replications.find(replication)
        steps = found.steps if found else ()
        return any(each.name == AWAIT_APPROVAL and each.state is State.WAITING for each in steps)
