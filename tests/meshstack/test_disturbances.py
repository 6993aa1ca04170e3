"""What goes wrong between us and meshStack, and with runners: nothing is lost, doubled, or said in the wrong order."""

from __future__ import annotations

from datetime import timedelta
from threading import Thread

import pytest

from tasks.meshstack.sealed import PrivateKey
from tasks.model.desired import TenantId
from tests.meshstack.fake_run import FakeRun
from tests.meshstack.faults import BEFORE, Scripted, Seeded
from tests.meshstack.inputs import inputs
from tests.meshstack.scene import LEASE, Scene, scene
from tests.support.redis import CheckedRedis
from tests.support.waiting import eventually

SHOP = TenantId("likvid", "shop", "aws.sandbox")
LIKE_OTHERS = {"429", "html", "page", "404 page"}  # 503, or 500
REQUEST_FAULTS = [
    pytest.param(name, marks=[pytest.mark.thorough] if name in LIKE_OTHERS else []) for name in (*BEFORE, "lost")
]


def ended_well(played: Scene, run: FakeRun) -> None:
    played.ended(run)
    assert run.status == "SUCCEEDED", run.operators_messages
    assert run.sent["account_id"] == played.account(run.spec["inputs"][1]["value"])
    assert run.finals == 1


@pytest.mark.parametrize("kind", ["login", "claim", "register", "update", "read"])
@pytest.mark.parametrize("name", REQUEST_FAULTS)
def test_one_fault_of_any_request_changes_nothing(played: Scene, kind: str, name: str) -> None:
    played.fake.faults = Scripted({kind: [name, "fine", name]})
    played.fake.run_seconds = 1.0  # after a claim whose answer was lost
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    ended_well(played, run)


def test_what_meshstack_keeps_refusing_ends_the_run(played: Scene) -> None:
    """Whatever it does not like: the run ends with its reason, and does not stay in progress for ever."""
    played.fake.faults = Scripted({"update": ["fine", *["400"] * 8]})
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()

    played.ended(run)

    assert run.status == "FAILED"
    assert "meshStack refuses the connector's report (HTTP 400" in run.operators_messages[0]
    assert "'aws-connector why likvid.shop.aws.sandbox'" in run.operators_messages[0]
    assert {step["status"] for step in run.steps.values()} <= {"FAILED", "SUCCEEDED"}


def test_a_run_that_meshstack_does_not_know_for_a_while_is_not_dropped(played: Scene) -> None:
    played.fake.faults = Scripted({"update": ["fine", *["404"] * 5]})
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    ended_well(played, run)


def test_a_run_that_meshstack_does_not_know_any_more_is_let_go(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.fake.faults = Scripted({"update": ["404"] * 100})
    played.idle()


@pytest.mark.parametrize(
    "fault", ["lost", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("page", "404 page"))]
)
def test_each_report_may_get_lost(played: Scene, fault: str) -> None:
    """Whatever the report that goes astray, or its answer, even the last one: the run ends once and well."""
    for lost in range(8):
        played.fake.faults = Scripted({"update": [*["fine"] * lost, fault]})
        run = played.fake.queue(inputs(f"shop-{lost}", "alice"))
        if not played.running:
            played.start_runner()
        ended_well(played, run)


@pytest.mark.parametrize("seed", [0, *(pytest.param(each, marks=pytest.mark.thorough) for each in (1, 2, 3))])
def test_many_runs_with_faults_by_chance(played: Scene, seed: int) -> None:
    played.fake.faults = Seeded(seed, rate=0.15, lost=0.08, names=("401", "500", "html", "drop"))
    played.fake.run_seconds = 2.0
    runs = [played.fake.queue(inputs(f"p{number}", "alice")) for number in range(15)]
    played.start_runner()
    played.start_runner()
    played.all_ended()
    for run in runs:
        ended_well(played, run)
    assert sum(played.fake.faults.seen.values()) > 15


def test_meshstack_is_away_and_hears_everything_afterwards(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    runs = [played.fake.queue(inputs(f"p{number}", "alice")) for number in range(3)]
    played.start_runner()
    for run in runs:
        played.heard(run, "set_alias")
    played.fake.away = True
    played.puppet.held.clear()
    store = played.connector.store
    eventually(lambda: all(store.tenants.find(each.id).state == "SUCCEEDED" for each in store.tenants.listed()))  # type: ignore[union-attr]
    asked = played.fake.requests
    eventually(lambda: played.fake.requests > asked + 5)
    played.fake.away = False
    for run in runs:
        ended_well(played, run)


def test_meshstack_is_asked_nothing_as_long_as_it_wants_silence(played: Scene) -> None:
    played.fake.faults = Scripted({"claim": ["429"]})
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    eventually(lambda: not played.fake.faults.script["claim"])  # type: ignore[attr-defined]
    asked = played.fake.requests
    assert run.status == "QUEUED"
    ended_well(played, run)
    assert asked == 2  # a login and the claim; then a second of silence


def test_an_expired_login_is_renewed_once(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    ended_well(played, run)
    before = played.fake.logins
    played.fake.expire_tokens()
    ended_well(played, played.fake.queue(inputs("blog", "alice")))
    assert played.fake.logins == before + 1


def test_a_token_is_renewed_before_it_ends(played: Scene) -> None:
    played.fake.token_seconds = 31  # the last 30 s are not used
    runner = played.start_runner()
    ended_well(played, played.fake.queue(inputs("shop", "alice")))
    asked = played.fake.logins
    eventually(lambda: played.fake.logins > asked, 10)
    played.stop_runner(runner)


def test_a_run_token_that_is_not_accepted_any_more_is_replaced_by_our_key(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    run.tokens.clear()
    played.puppet.held.clear()
    ended_well(played, run)


def test_a_runner_that_ends_hands_its_runs_over(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    first = played.start_runner()
    played.heard(run, "set_alias")
    played.stop_runner(first)
    assert run.status == "IN_PROGRESS"
    [held] = played.connector.store.runs.open()
    assert held.holder == ""

    played.start_runner()
    played.puppet.held.clear()
    ended_well(played, run)
    assert run.claims == 1


def test_the_runs_of_a_dead_runner_are_taken_over_within_its_lease(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    first = played.start_runner()
    played.heard(run, "set_alias")
    first.connector.store.runs.release = lambda runs, holder: None  # type: ignore[method-assign]  # it dies without a word
    played.stop_runner(first)
    reports = run.reports

    played.start_runner()
    eventually(lambda: run.reports > reports, LEASE.total_seconds() * 3)
    played.puppet.held.clear()
    ended_well(played, run)
    assert run.claims == 1


def test_two_runners_share_the_runs_and_double_none(played: Scene) -> None:
    runs = [played.fake.queue(inputs(f"p{number}", "alice")) for number in range(12)]
    played.fake.claim_seconds = 0.02
    played.start_runner()
    played.start_runner()
    played.all_ended()
    for run in runs:
        ended_well(played, run)
        assert run.claims == 1


def test_no_more_runs_are_claimed_than_there_is_room_for(server: CheckedRedis, key: PrivateKey) -> None:
    server.client.flushall()
    with scene(server.url, key, runner_concurrent_runs=2) as played:
        played.puppet.held.add("set_alias")
        runs = [played.fake.queue(inputs(f"p{number}", "alice")) for number in range(5)]
        runner = played.start_runner()
        played.heard(runs[1], "set_alias")
        eventually(lambda: "runner_at_capacity_skips_total" in str(list(runner.metrics.registry.collect())))
        assert [run.status for run in runs].count("IN_PROGRESS") == 2
        played.puppet.held.clear()
        played.all_ended()
        assert played.fake.violations == []


def test_a_claim_that_is_under_way_is_not_given_up(played: Scene) -> None:
    """The runner is asked to end while meshStack takes its time: the run is kept, for the next runner."""
    played.fake.claim_seconds = 0.5
    run = played.fake.queue(inputs("shop", "alice"))
    first = played.start_runner()
    eventually(lambda: played.fake._claiming == 1)
    Thread(target=first.stop).start()
    played.stop_runner(first)
    assert (run.status, run.claims) == ("IN_PROGRESS", 1)

    played.fake.claim_seconds = 0
    played.start_runner()
    ended_well(played, run)
    assert run.claims == 1


def test_a_run_that_is_handed_out_again_goes_on_where_it_stands(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.fake.queue_again(run)
    eventually(lambda: run.claims == 2)
    played.puppet.held.clear()
    ended_well(played, run)
    assert len(played.connector.store.replications.history(SHOP, 10)) == 1


@pytest.mark.parametrize(
    "fault", ["401", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("500", "drop"))]
)
def test_a_run_is_not_given_up_while_meshstack_does_not_say_why_it_takes_no_report(played: Scene, fault: str) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.fake.faults = Scripted({"status": [fault] * 4, "claim": ["500"] * 3})
    played.fake.queue_again(run)
    eventually(lambda: run.claims == 2)
    played.puppet.held.clear()
    ended_well(played, run)
    assert len(played.connector.store.replications.history(SHOP, 10)) == 1


def test_a_run_whose_end_meshstack_has_not_heard_is_not_done_again(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    ended_well(played, run)
    run.status, run.final_body, run.finals = "IN_PROGRESS", None, 0
    run.sent.clear()
    run.steps.clear()
    played.fake.queue_again(run)
    ended_well(played, run)
    assert len(played.connector.store.replications.history(SHOP, 10)) == 1


def test_a_run_that_nobody_reports_changes_nothing_is_still_heard_of(played: Scene) -> None:
    played.puppet.held.add("wait_for_account")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "wait_for_account")
    reports = run.reports
    eventually(lambda: run.reports >= reports + 4)
    assert run.longest_silence < 2
    played.puppet.held.clear()
    ended_well(played, run)


def test_redis_is_flushed_and_the_runs_go_on_when_they_are_handed_out_again(played: Scene) -> None:
    played.fake.run_seconds = 1.0
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.connector.store._redis.flushall()
    played.puppet.held.clear()
    played.ended(run)
    assert run.status == "SUCCEEDED"
    assert run.claims > 1


def test_a_paused_tenant_is_told(played: Scene) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    played.connector.store.pauses.pause("likvid.shop.aws.sandbox")
    eventually(lambda: "Paused by an operator" in str(run.last_messages))
    played.puppet.held.clear()
    played.connector.store.pauses.resume("likvid.shop.aws.sandbox")
    ended_well(played, run)


def test_the_runs_token_is_not_readable_in_redis(played: Scene, server: CheckedRedis) -> None:
    played.puppet.held.add("set_alias")
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    played.heard(run, "set_alias")
    dump = "".join(str(server.client.dump(key)) for key in server.client.scan_iter("connector:run*"))
    assert run.token not in dump
    assert server.client.get(f"connector:run_token:{run.uuid}")
    assert timedelta(milliseconds=server.client.pttl(f"connector:run_token:{run.uuid}")) > timedelta(days=6)
    played.puppet.held.clear()
    ended_well(played, run)
    eventually(lambda: not server.client.exists(f"connector:run_token:{run.uuid}"))
