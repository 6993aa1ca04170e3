"""The store: everything of ours in Redis, by subject.

AWS is the truth; here stands only what AWS cannot tell. The keys and what is in them: `keys.py`. Every change that must
not be left half done is one Lua script: `scripts.py`. Nothing outside `tasks/state` talks to Redis in another way, but
for the broker (Celery) and the API's event streams.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from redis import Redis, asyncio

from tasks.chain import DELETION, REPLICATION
from tasks.state.audit import Audit
from tasks.state.census import Registry
from tasks.state.counts import Counts
from tasks.state.daily_rounds import DailyRounds
from tasks.state.database import Database
from tasks.state.documents import Documents
from tasks.state.drifts import Drifts
from tasks.state.events import Events
from tasks.state.keys import PREFIX, Keys
from tasks.state.limits import Limits
from tasks.state.locks import Locks
from tasks.state.objects import Objects
from tasks.state.orders import AsyncOrders, Orders
from tasks.state.outbox import Outbox
from tasks.state.parameters import Common
from tasks.state.pauses import Pauses
from tasks.state.pulls import Pulls
from tasks.state.questions import Questions
from tasks.state.replications import Replications
from tasks.state.retries import Retries
from tasks.state.rollouts import Rollouts
from tasks.state.runs import Runs
from tasks.state.scripts import Scripts
from tasks.state.server import Server
from tasks.state.sessions import Sessions
from tasks.state.shared_lists import SharedLists
from tasks.state.snapshots import Snapshots
from tasks.state.tag_index import TagIndex
from tasks.state.tenants import Tenants
from tasks.state.ticks import Ticks
from tasks.state.unmanaged import Unmanaged
from tasks.state.work import Work
from tasks.state.young_things import YoungThings

# AWS's work on an account, an assignment or one account's StackSet instances usually ends within this time. So long the
# place of a replication stays taken that was cancelled or failed in the middle of it.
LINGER = timedelta(minutes=1)


class Store:
    """Our part of Redis. Nothing is connected before it is used."""

    def __init__(
        self,
        redis: Redis,
        retention: timedelta,
        history: int,
        prefix: str = PREFIX,
        linger: timedelta = LINGER,
        replicas: int = 0,
    ) -> None:
        """Make a store; `replicas` of Redis must have what it promises."""
        common = Common(
            prefix=prefix,
            history=history,
            retention=retention,
            linger=linger,
            replication_chain=REPLICATION.name,
            deletion_chain=DELETION.name,
        )
        self._redis = redis
        self.keys = Keys(prefix)
        self._database = database = Database(redis, self.keys, Scripts(redis, common), retention, history, replicas)
        self.orders = Orders(database)
        self.work = Work(database)
        self.limits = Limits(database)
        self.tenants = Tenants(database)
        self.replications = Replications(database)
        self.pauses = Pauses(database)
        self.events = Events(database)
        self.audit = Audit(database)
        self.counts = Counts(database)
        self.registry = Registry(database)
        self.locks = Locks(database)
        self.rollouts = Rollouts(database)
        self.questions = Questions(database)
        self.daily_rounds = DailyRounds(database)
        self.drifts = Drifts(database)
        self.retries = Retries(database)
        self.runs = Runs(database)
        self.objects = Objects(database)
        self.documents = Documents(database)
        self.pulls = Pulls(database)
        self.sessions = Sessions(database)
        self.snapshots = Snapshots(database)
        self.account_lists = SharedLists(database, self.keys.listed)
        self.unit_lists = SharedLists(database, self.keys.units)
        self.unmanaged = Unmanaged(database)
        self.young_things = YoungThings(database)
        self.tag_index = TagIndex(database)
        self.outbox = Outbox(database)
        self.ticks = Ticks(database)
        self.server = Server(database)

    def orders_on_loop(self, redis: asyncio.Redis) -> AsyncOrders:
        """Return what takes orders by a client of redis.asyncio."""
        return AsyncOrders(replace(self._database, redis=redis, scripts=self._database.scripts.by(redis)))

    def now(self) -> datetime:
        """Return the time by the connector's own clock, which all workers share (lua/shared/clock.lua)."""
        return datetime.fromtimestamp(self._database.now() / 1000, UTC)

    def close(self) -> None:
        """Close the connections."""
        self._redis.close()
