"""The scripts of lanes in any order of events, against what must always be true of a line.

No place too many, nobody forgotten, nobody overtaken, nobody looked at before its turn: after each event, whoever was
killed, cancelled, paused or replaced, whatever ended by itself or was lost with Redis.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tasks.chain import REPLICATION
from tasks.model.batch import Batch, Wants
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Handles
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.parameters import microseconds
from tasks.state.store import Store

LANE, LIMIT = "account creation in 111111111111", 2
LEASE = timedelta(minutes=5)
ZONES = ("development", "production")
OFFER = "offer to "
WAYS: list[tuple[State, dict[str, Any]]] = [
    (State.WAITING, {"polls": True}),
    (State.WAITING, {"polls": True, "handles": Handles(email="learned@example.com")}),
    (State.WAITING, {"parked": True}),
    (State.WAITING, {}),  # an error that time mends
    (State.SUCCEEDED, {}),
    (State.FAILED, {}),
]
TENANTS = 5
tenants = st.integers(0, TENANTS - 1)


def name(number: int) -> str:
    return f"likvid.p{number}.aws.sandbox"


class Line(RuleBasedStateMachine):
    """Some tenants, one lane of two places, workers that do anything in any order."""

    store: Store
    redis: Any

    def __init__(self) -> None:
        super().__init__()
        self.redis.flushall()
        self.running: dict[str, tuple[str, str]] = {}  # replication -> its tenant and its worker
        self.woken: set[str] = set()  # may be looked at whatever the line does: by a person, or to try again
        self.limit = LIMIT
        self.taken = 0

    # What people do

    @rule(number=tenants, zone=st.sampled_from(ZONES), wake=st.booleans())
    def order(self, number: int, zone: str, *, wake: bool) -> None:
        """A person orders; other content replaces what is under way."""
        tenant = TenantId("likvid", f"p{number}", "aws.sandbox")
        replication = self.store.orders.submit(Order(tenant, Desired(landing_zone=zone), wake=wake))
        if wake:
            self.woken.add(replication)

    @rule(number=tenants, which=st.sampled_from(["current", "next"]))
    def cancel(self, number: int, which: str) -> None:
        """A person cancels."""
        self.store.orders.cancel(self.redis.hget(f"connector:tenant:{name(number)}", which) or "none")

    @rule(number=tenants)
    def pause(self, number: int) -> None:
        """A person pauses a tenant."""
        self.store.pauses.pause(name(number))

    @rule(number=tenants)
    def resume(self, number: int) -> None:
        """A person resumes a tenant; all that is suspended is due again."""
        self.store.pauses.resume(name(number))

    # What workers do

    @rule(room=st.integers(1, 4))
    def pump(self, room: int) -> None:
        """A pump looks, and workers begin what it takes."""
        line = self.line()
        for dispatch in self.store.work.pump("queue", room, LEASE, LEASE, "w"):
            waited = dispatch.replication in line and dispatch.replication not in self.offered()
            assert not waited or dispatch.replication in self.woken, "looked at before a place is free"
            if self.store.work.begin(dispatch, f"worker of {dispatch.number}", LEASE):
                self.running[dispatch.replication] = (dispatch.tenant, f"worker of {dispatch.number}")

    @initialize(numbers=st.permutations(range(TENANTS)))
    def all_come(self, numbers: list[int]) -> None:
        """Everybody orders and asks for a place."""
        for number in numbers:
            self.comes(number)

    @rule(number=tenants)
    def comes(self, number: int) -> None:
        """A tenant is ordered, and asks for a place at once."""
        self.order(number=number, zone=ZONES[0], wake=False)
        self.pump(room=TENANTS)
        self.enter(number=number)

    @rule(number=tenants)
    def enter(self, number: int) -> None:
        """A step asks for a place, and records that it waits when there is none."""
        wants = Wants(f"kind {number % 2}", f"account of {number}", ("r",), "all", "declared")
        for replication, holder in self.runs(number):
            if self.store.limits.enter(LANE, name(number), replication, self.limit, wants) not in (-1, None):
                self.record(replication, holder, State.WAITING, lane=LANE)

    @rule(number=tenants)
    def go_together(self, number: int) -> None:
        """Who has a place takes along who waits for the same; each of them finds that in its handles."""
        batch = Batch(f"kind {number % 2}", "op", datetime.now(UTC), 2)
        for replication, holder in self.runs(number):
            if name(number) in self.places(replication):
                line = self.line()
                self.store.limits.gather(LANE, name(number), batch, replication, holder)
                gone = set(line) - set(self.line())
                assert all(self.redis.hget(f"connector:replication:{each}", "joined") for each in gone)
                self.woken |= gone  # they look at their own part of the work

    @rule(number=tenants)
    def disband(self, number: int) -> None:
        """AWS refuses, and those who were taken along ask by themselves."""
        for replication, holder in self.runs(number):
            if name(number) in self.places(replication):
                self.store.limits.disband(LANE, name(number), "op", replication, holder)

    @rule(number=tenants, leaves=st.booleans(), way=st.sampled_from(WAYS))
    def work(self, number: int, way: tuple[State, dict[str, Any]], *, leaves: bool) -> None:
        """A step ends in one of many ways, and may have given its place back before."""
        for replication, holder in self.runs(number):
            if leaves:
                self.store.limits.leave(LANE, name(number), replication)
            self.record(replication, holder, way[0], **way[1])

    @rule(number=tenants)
    def die(self, number: int) -> None:
        """A worker is killed, and the lease of what it ran ends."""
        for replication, _ in self.runs(number):
            del self.running[replication]
            if self.redis.zscore("connector:due", replication) is not None:
                self.redis.hset(f"connector:replication:{replication}", "lease", 0)
                self.make_due(replication)

    # What time does

    @rule()
    def time_passes(self) -> None:
        """Whatever ends by itself has ended: lingering places, offers that nobody took."""
        holders = f"connector:holders:{LANE}"
        for place, until in self.redis.zrange(holders, 0, -1, withscores=True):
            if until != math.inf:
                self.redis.zadd(holders, {place: 0})
        for lane in self.redis.zrange("connector:looks", 0, -1):
            self.redis.zadd("connector:looks", {lane: 0})
        for replication, due in self.redis.zrange("connector:due", 0, -1, withscores=True):
            if due != math.inf and replication not in self.running:
                self.make_due(replication)
        self.pump(room=1)

    @rule(number=tenants)
    def redis_loses_a_holder(self, number: int) -> None:
        """A replication is gone without an end, and its place is left behind."""
        replication = (self.redis.hget(f"connector:held_by:{LANE}", name(number)) or "").partition(" ")[0]
        if not replication or self.redis.hget(f"connector:tenant:{name(number)}", "next"):
            return
        counted = self.redis.hget(f"connector:replication:{replication}", "counted")
        self.redis.zrem(f"connector:under_way:{counted}", replication)
        self.redis.delete(f"connector:places:{replication}")
        if self.redis.hget(f"connector:tenant:{name(number)}", "current") == replication:
            self.redis.hset(f"connector:tenant:{name(number)}", "current", "")
        for index in ("due", "urgent", "placed"):
            self.redis.zrem(f"connector:{index}", replication)
        self.running.pop(replication, None)
        self.time_passes()
        open_ones = set(self.redis.zrange("connector:due", 0, -1))
        held = [ids.split() for ids in self.redis.hgetall(f"connector:held_by:{LANE}").values()]
        assert all(open_ones & set(ids) for ids in held if replication in ids) or not self.line()

    @rule(limit=st.integers(1, 3))
    def other_limit(self, limit: int) -> None:
        """The settings change: a lane may have more places than it should until some are given back."""
        self.limit = limit

    # What must be true

    @invariant()
    def no_place_too_many(self) -> None:
        """A lane never takes more than it has; after it was made smaller, nothing is added."""
        taken = self.redis.zcount(f"connector:holders:{LANE}", self.store.work._database.now(), "+inf")
        assert taken <= max(self.taken, int(self.redis.hget("connector:lanes", LANE) or 0))
        self.taken = taken

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """Who is open is due some time, or stands in a line at which the pumps look, or is paused."""
        line = self.line()
        assert not line or self.redis.zscore("connector:looks", LANE) is not None
        for replication, due in self.redis.zrange("connector:due", 0, -1, withscores=True):
            suspended = self.redis.hexists(f"connector:replication:{replication}", "suspended")
            assert due != math.inf or replication in line or suspended, replication

    @invariant()
    def no_place_is_idle(self) -> None:
        """While anybody stands in line there is no free place, but one that has ended by itself just now."""
        limit = int(self.redis.hget("connector:lanes", LANE) or 0)
        if self.line():
            assert self.redis.zcard(f"connector:holders:{LANE}") >= limit

    @invariant()
    def nobody_is_overtaken(self) -> None:
        """Who was offered a place came before all who stand in line still."""
        line = self.redis.zrange(f"connector:waiters:{LANE}", 0, 0, withscores=True)
        for replication in self.offered():
            came = self.redis.hget(f"connector:replication:{replication}", f"came:{LANE}")
            late = [other for other, time in line if time < float(came)]
            assert all(self.redis.hexists(f"connector:replication:{other}", f"came:{LANE}") for other in late)

    @invariant()
    def the_books_agree(self) -> None:
        """Each place is written down twice, and who has one is looked at before the rest."""
        held = self.redis.hgetall(f"connector:held_by:{LANE}")
        assert set(held) == set(self.redis.zrange(f"connector:holders:{LANE}", 0, -1))
        for place, until in self.redis.zrange(f"connector:holders:{LANE}", 0, -1, withscores=True):
            holders = held[place].split()
            assert holders
            assert until != math.inf or all(
                place in self.places(each) for each in holders if self.redis.zscore("connector:due", each) is not None
            )
        placed = set()
        for replication in self.redis.zrange("connector:due", 0, -1):
            places = self.places(replication)
            assert ("" in places) == (replication in self.line())
            placed |= {replication} if places - {""} else set()
        assert set(self.redis.zrange("connector:placed", 0, -1)) == placed
        assert all(
            self.redis.zscore("connector:due", each) == self.redis.zscore("connector:placed", each) for each in placed
        )

    @invariant()
    def the_census_agrees(self) -> None:
        """What is counted as it changes is what a look at every record finds."""
        tenants, replications = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        paused = self.store.pauses.all()
        for tenant in self.redis.zrange("connector:tenants", 0, -1):
            record = self.redis.hgetall(f"connector:tenant:{tenant}")
            tenants["aws.sandbox", record["state"]] += 1
            changed = datetime.fromisoformat(record["updated_at"])
            assert self.redis.zscore("connector:changed", tenant) == microseconds(changed)
            for which in ("current", "next"):
                found = self.redis.hgetall(f"connector:replication:{record.get(which)}")
                if not found:
                    continue
                where = "PARKED" if found.get("parked") == "1" and found["state"] != "RUNNING" else found["state"]
                apart = tenant in paused and which == "current" and where != "RUNNING"
                replications["aws.sandbox", "PAUSED" if apart else where] += 1
        census = self.store.registry.census()
        assert census.tenants == tenants
        assert census.still_open == replications
        assert census.oldest.keys() == replications.keys()

    # Helpers

    def line(self) -> list[str]:
        return [str(each) for each in self.redis.zrange(f"connector:waiters:{LANE}", 0, -1)]

    def offered(self) -> set[str]:
        holders = self.redis.zrange(f"connector:holders:{LANE}", 0, -1)
        return {place.removeprefix(OFFER) for place in holders if place.startswith(OFFER)}

    def places(self, replication: str) -> set[str]:
        return {entry.partition("\t")[2] for entry in self.redis.smembers(f"connector:places:{replication}")}

    def runs(self, number: int) -> list[tuple[str, str]]:
        return [(each, holder) for each, (tenant, holder) in self.running.items() if tenant == name(number)]

    def make_due(self, replication: str) -> None:
        for index in ("due", "urgent", "placed"):
            self.redis.zadd(f"connector:{index}", {replication: 0}, xx=True)

    def record(self, replication: str, holder: str, state: State, **how: Any) -> None:
        document = StepState(name=REPLICATION.steps[0].name, state=state)
        self.store.work.record(replication, holder, StepRecord(0, document, state, due=timedelta(hours=1), **how))
        del self.running[replication]
        if state is State.WAITING and not how:  # it is tried again, and keeps its turn meanwhile
            self.woken.add(replication)
        else:
            self.woken.discard(replication)


@pytest.mark.parametrize("few", [2, pytest.param(25, marks=pytest.mark.thorough)])
def test_whatever_happens_a_line_is_fair_and_nobody_is_forgotten(store: Store, redis: Any, few: int) -> None:
    machine = type("Line", (Line,), {"store": store, "redis": redis})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(os.environ.get("EXAMPLES", few)),
            stateful_step_count=50,
            deadline=None,
            derandomize="EXAMPLES" not in os.environ,
            database=None,
            phases=[Phase.generate],  # to shrink takes minutes
            suppress_health_check=list(HealthCheck),
        ),
    )
