"""Who waits in a lane for the same goes along with whoever's turn comes, and holds its place together with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tasks.chain import REPLICATION
from tasks.model.batch import Batch, Wants
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.state.store import Store

LANE = "StackSet operation in arn:1"
LEASE = timedelta(minutes=5)
NOW = datetime(2026, 3, 1, tzinfo=UTC)
REGION = "eu-central-1"


def tenant(number: int) -> TenantId:
    return TenantId("likvid", f"p{number}", "aws.sandbox")


def wants(number: int, kind: str = "same") -> Wants:
    return Wants(kind, f"account {number}", (REGION,), "digest", "declared")


@pytest.fixture
def line(store: Store) -> list[str]:
    """Five replications: the first has the only place and runs, the others wait, the last for another thing."""
    ids = [store.orders.submit(Order(tenant(number), Desired(landing_zone="development"))) for number in range(5)]
    for dispatch in store.work.pump("queue", 10, LEASE, LEASE, "w"):
        assert store.work.begin(dispatch, "me", LEASE)
    for number, replication in enumerate(ids):
        kind = "other" if number == 4 else "same"
        assert store.limits.enter(LANE, str(tenant(number)), replication, 1, wants(number, kind)) == number - 1
    for replication in ids[1:]:
        waits(store, replication, "me", lane=LANE)
    return ids


def waits(store: Store, replication: str, holder: str = "again", **how: Any) -> None:
    document = StepState(name=REPLICATION.steps[0].name, state=State.WAITING)
    record = StepRecord(0, document, State.WAITING, due=timedelta(hours=1), **how)
    assert store.work.record(replication, holder, record)


def gather(store: Store, line: list[str], most: int = 50, operation: str = "op-1") -> list[str]:
    found = store.limits.gather(LANE, str(tenant(0)), Batch("same", operation, NOW, most), line[0], "me")
    assert found is not None
    return [each.account for each in found]


def begin_all(store: Store, redis: Any) -> dict[str, Any]:
    """Begin all that is due by now; answers the handles of each."""
    running = {
        each for each in redis.zrange("connector:due", 0, -1) if redis.hget(f"connector:replication:{each}", "holder")
    }
    for replication, due in redis.zrange("connector:due", 0, -1, withscores=True):
        if due != float("inf") and replication not in running:
            for index in ("due", "placed"):
                redis.zadd(f"connector:{index}", {replication: 0}, xx=True)
    taken = store.work.pump("queue", 10, LEASE, LEASE, "w")
    begun = {each.replication: store.work.begin(each, "again", LEASE) for each in taken}
    return {replication: each.handles for replication, each in begun.items() if each is not None}


def test_all_that_want_the_same_are_taken_along_and_told_of_it(store: Store, redis: Any, line: list[str]) -> None:
    assert gather(store, line) == ["account 1", "account 2", "account 3"]

    found = begin_all(store, redis)
    assert {each for each in found if each != line[0]} == set(line[1:4])
    for replication in line[1:4]:
        sent = found[replication].stack_instances[REGION]
        assert (sent.operation, sent.sent_at, sent.leader) == ("op-1", NOW, str(tenant(0)))
        assert (sent.digest, sent.declared, sent.accepted) == ("digest", "declared", False)


def test_the_next_ones_turn_comes_when_all_are_done(store: Store, redis: Any, line: list[str]) -> None:
    gather(store, line)

    for replication in line[:3]:
        store.limits.leave(LANE, str(tenant(0)), replication)
        assert redis.zscore("connector:due", line[4]) == float("inf")
    store.limits.leave(LANE, str(tenant(0)), line[3])

    assert redis.zscore("connector:due", line[4]) != float("inf")


def test_when_who_has_sent_is_done_the_others_look_at_once(store: Store, redis: Any, line: list[str]) -> None:
    gather(store, line)
    begin_all(store, redis)
    for replication in line[1:4]:
        waits(store, replication)
    assert store.work.pump("queue", 10, LEASE, LEASE, "w") == []

    store.limits.leave(LANE, str(tenant(0)), line[0])

    assert {each.replication for each in store.work.pump("queue", 10, LEASE, LEASE, "w")} == set(line[1:4])


def test_no_more_are_taken_along_than_one_operation_may_have(store: Store, line: list[str]) -> None:
    assert gather(store, line, most=2) == ["account 1", "account 2"]


def test_who_has_lost_its_lease_takes_nobody_along(store: Store, redis: Any, line: list[str]) -> None:
    batch = Batch("same", "op-1", NOW, 50)

    assert store.limits.gather(LANE, str(tenant(0)), batch, line[0], "somebody who was killed") is None
    assert redis.zcard(f"connector:waiters:{LANE}") == 4


def test_who_runs_just_now_is_not_taken_along(store: Store, line: list[str]) -> None:
    store.orders.submit(Order(tenant(1), wake=True))
    [dispatch] = store.work.pump("queue", 10, LEASE, LEASE, "w")
    assert store.work.begin(dispatch, "me", LEASE)

    assert gather(store, line) == ["account 2", "account 3"]


def test_what_a_killed_worker_gathered_goes_with_the_operation_that_is_sent(
    store: Store, redis: Any, line: list[str]
) -> None:
    gather(store, line, operation="never sent")

    assert gather(store, line, operation="op-2") == ["account 1", "account 2", "account 3"]

    operations = {
        each.stack_instances[REGION].operation for each in begin_all(store, redis).values() if each.stack_instances
    }
    assert operations == {"op-2"}


def test_what_was_noted_while_it_ran_is_not_forgotten_with_what_it_began_with(
    store: Store, redis: Any, line: list[str]
) -> None:
    gather(store, line, operation="never sent")
    handles = begin_all(store, redis)[line[1]]
    gather(store, line, operation="op-2")
    waits(store, line[1], handles=handles)

    assert begin_all(store, redis)[line[1]].stack_instances[REGION].operation == "op-2"


def test_what_is_written_down_once_is_not_read_again(store: Store, redis: Any, line: list[str]) -> None:
    gather(store, line)
    handles = begin_all(store, redis)[line[1]]
    store.work.renew(line[1], "again", LEASE, handles)
    waits(store, line[1])

    assert redis.hget(f"connector:replication:{line[1]}", "joined") is None
    assert begin_all(store, redis)[line[1]] == handles


def test_those_whose_operation_was_refused_ask_by_themselves_and_come_first(
    store: Store, redis: Any, line: list[str]
) -> None:
    gather(store, line)
    store.limits.disband(LANE, str(tenant(0)), "op-1", line[0], "me")
    store.limits.leave(LANE, str(tenant(0)), line[0])
    assert store.limits.enter(LANE, str(tenant(4)), line[4], 1) == -1

    found = begin_all(store, redis)

    assert all(found[replication].stack_instances == {} for replication in line[1:4])
    late = store.orders.submit(Order(tenant(9), Desired(landing_zone="development")))
    assert store.limits.enter(LANE, "late", late, 1) == 0
    assert [store.limits.enter(LANE, str(tenant(n)), line[n], 1) for n in (1, 2, 3)] == [0, 1, 2]
    assert store.limits.enter(LANE, "late", late, 1) == 3


@pytest.mark.parametrize("number", [0, 1])
def test_one_that_is_cancelled_leaves_the_place_to_the_others(
    store: Store, redis: Any, line: list[str], number: int
) -> None:
    gather(store, line)

    store.orders.cancel(line[number])
    if number == 0:
        waits(store, line[0], "me")

    assert redis.zscore(f"connector:holders:{LANE}", str(tenant(0))) == float("inf")
    assert line[number] not in redis.hget(f"connector:held_by:{LANE}", str(tenant(0)))
