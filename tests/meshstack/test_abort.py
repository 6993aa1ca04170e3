"""Somebody aborts a run: the work ends after its call, and no success is reported afterwards."""

from __future__ import annotations

import pytest

from tasks.model.desired import TenantId
from tasks.model.replication import State
from tests.meshstack.faults import Scripted
from tests.meshstack.inputs import inputs
from tests.meshstack.scene import Scene
from tests.support.waiting import eventually

SHOP = TenantId("likvid", "shop", "aws.sandbox")


def state(played: Scene) -> State:
    [replication] = played.connector.store.replications.history(SHOP, 10)
    return replication.state


@pytest.mark.parametrize("at_once", [False, True])
def test_an_aborted_run_is_stopped(played: Scene, at_once: bool) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")

    played.fake.abort(run, at_once=at_once)

    played.ended(run)
    assert run.status == "ABORTED"
    eventually(lambda: state(played) is State.CANCELLED)
    played.idle()
    if not at_once:
        assert run.steps["set_alias"]["status"] == "ABORTED"
        assert run.steps["set_alias"]["userMessage"].startswith("Stopped: the run was aborted")
        assert run.steps["report"]["status"] == "ABORTED"


def test_a_run_that_was_aborted_before_its_first_report_orders_nothing(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", "alice"))
    run.abort_wanted = True
    played.start_runner()
    played.ended(run)
    assert run.status == "ABORTED"
    assert played.connector.store.tenants.find(SHOP) is None


def test_the_abort_is_heard_although_the_first_answer_that_says_so_was_lost(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    run.abort_wanted = True
    played.fake.faults = Scripted({"update": ["lost", "lost", "drop"]})
    run.abort_told = None
    played.ended(run)
    assert run.status == "ABORTED"


def test_a_run_that_waits_for_the_same_goes_on(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    first, second = (played.fake.queue(inputs("shop", "alice")) for _ in range(2))
    played.start_runner()
    for run in (first, second):
        played.heard(run, "set_alias")
    played.fake.abort(first)
    played.ended(first)
    played.puppet.held.clear()
    played.ended(second)
    assert (first.status, second.status) == ("ABORTED", "SUCCEEDED")
    assert state(played) is State.SUCCEEDED


def test_what_an_operator_cancels_ends_failed(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    [replication] = played.connector.store.replications.history(SHOP, 10)
    played.connector.store.orders.cancel(replication.id)
    played.ended(run)
    assert run.status == "FAILED"
    assert any("This was stopped, or something newer was ordered" in each for each in run.last_messages)


def test_a_run_of_an_aborted_tenant_may_begin_anew(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.fake.abort(run)
    played.ended(run)
    played.puppet.held.clear()
    again = played.fake.queue(inputs("shop", "alice"), block=run.block)
    played.ended(again)
    assert again.status == "SUCCEEDED"


def test_an_abort_that_cannot_be_confirmed_at_once_is_confirmed_later_and_nothing_else_is_said(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.fake.faults = Scripted({"update": ["fine", "500", "drop", "html"]})
    played.fake.abort(run)
    played.ended(run)
    assert run.status == "ABORTED"
    eventually(lambda: state(played) is State.CANCELLED)
