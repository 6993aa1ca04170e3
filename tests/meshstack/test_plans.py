"""Dry runs, and runs that follow an approved plan."""

from __future__ import annotations

import json

import pytest

from tasks.model.replication import LastError
from tests.meshstack.fake_run import FakeRun
from tests.meshstack.faults import Scripted
from tests.meshstack.inputs import inputs
from tests.meshstack.scene import Scene, change

TENANT = "likvid.shop.aws.sandbox"
LETS_ALICE_IN = change("add alice@example.com to group mst-likvid.shop-admin")
LETS_MALLORY_IN = change("add mallory@example.com to group mst-likvid.shop-admin")
TAGS = change("tag the new account: mesh_env = dev", "organizations:tag_resource")


def planned(played: Scene, *changes: object) -> FakeRun:
    """Let a dry run end."""
    played.puppet.plans[TENANT] = list(changes)  # type: ignore[arg-type]
    detect = played.fake.queue(inputs("shop", "alice"), behavior="DETECT")
    if not played.running:
        played.start_runner()
    return played.ended(detect)


def test_a_dry_run_shows_the_plan_and_changes_nothing(played: Scene) -> None:
    run = planned(played, LETS_ALICE_IN, TAGS)

    assert (run.status, run.changes_detected, run.sent) == ("SUCCEEDED", True, {})
    assert run.steps["sync_groups"]["userMessage"] == (
        "Add alice@example.com to group mst-likvid.shop-admin.\nTag the new account: mesh_env = dev."
    )
    assert run.steps["report"]["userMessage"] == "Nothing would change."
    assert run.artifact is not None
    assert json.loads(run.artifact)["plan"]["changes"] == 2
    assert list(played.connector.store.tenants.listed()) == []


def test_a_dry_run_without_changes_says_so(played: Scene) -> None:
    run = planned(played)
    assert (run.status, run.changes_detected) == ("SUCCEEDED", False)
    assert "Nothing would change." in run.last_messages[0]


def test_a_plan_that_is_too_large_for_meshstack_is_shown_without_its_artifact(played: Scene) -> None:
    played.fake.largest = 20_000
    run = planned(played, *(change(f"add person-{number}@example.com to group admins") for number in range(90)))
    assert (run.status, run.artifact, run.changes_detected) == ("SUCCEEDED", None, True)

    apply = played.fake.queue(inputs("shop", "alice"), block=run.block, predecessor=run.uuid)
    played.ended(apply)
    assert apply.status == "SUCCEEDED"


def test_a_long_plan_stands_in_several_steps(played: Scene) -> None:
    run = planned(played, *(change(f"add person-{number}@example.com to group admins") for number in range(60)))
    ours = [step for name, step in run.steps.items() if name.startswith("sync_groups")]
    assert [step["displayName"] for step in ours][1:] == [
        f"Set up groups and their members ({number})" for number in range(2, len(ours) + 1)
    ]
    said = "\n".join(step["userMessage"] for step in ours)
    shown = [number for number in range(60) if f"Add person-{number}@" in said]
    assert len(shown) > 30
    assert said.endswith(f"… and {60 - len(shown)} more")


@pytest.mark.parametrize("linked", [True, False])
def test_what_was_approved_is_done(played: Scene, linked: bool) -> None:
    detect = planned(played, LETS_ALICE_IN)
    run = played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid, plan_artifact=linked)
    played.ended(run)
    assert run.status == "SUCCEEDED", run.operators_messages
    assert played.puppet.asked == [TENANT, TENANT]


def test_less_than_what_was_approved_may_be_done(played: Scene) -> None:
    detect = planned(played, LETS_ALICE_IN, LETS_MALLORY_IN)
    played.puppet.plans[TENANT] = [LETS_ALICE_IN, TAGS]
    run = played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid, plan_artifact=True)
    played.ended(run)
    assert run.status == "SUCCEEDED"


def test_more_than_what_was_approved_is_not_done(played: Scene) -> None:
    detect = planned(played, LETS_ALICE_IN)
    played.puppet.plans[TENANT] = [LETS_ALICE_IN, LETS_MALLORY_IN]
    run = played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid, plan_artifact=True)

    played.ended(run)

    assert run.status == "FAILED"
    assert "start a new dry run" in run.last_messages[0]
    assert "add mallory@example.com" in run.operators_messages[0]
    assert list(played.connector.store.tenants.listed()) == []


def test_another_account_than_the_approved_one_is_not_touched(played: Scene) -> None:
    detect = planned(played, LETS_ALICE_IN)
    elsewhere = played.fake.queue(inputs("shop", "alice"))  # somebody orders the tenant meanwhile
    played.ended(elsewhere)
    run = played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid, plan_artifact=True)
    played.ended(run)
    assert run.status == "FAILED"
    assert f"the account is {played.account('shop')}, and in the plan a new one" in run.operators_messages[0]


@pytest.mark.parametrize("content", [None, b"PK\x03\x04", b'{"approved": 7}'])
def test_a_plan_that_cannot_be_used_is_not_made_anew_silently(played: Scene, content: bytes | None) -> None:
    detect = planned(played, LETS_ALICE_IN)
    detect.artifact = content
    run = played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid, plan_artifact=True)
    played.ended(run)
    assert run.status == "FAILED"
    assert "The approved plan cannot be carried out" in run.operators_messages[0]
    assert "start a new dry run" in run.last_messages[0]


def test_a_run_after_one_that_planned_nothing_is_done_from_its_inputs(played: Scene) -> None:
    played.start_runner()
    run = played.fake.queue(inputs("shop", "alice"), predecessor="3a5ab5a5-0000-4000-8000-000000000000")
    played.ended(run)
    assert run.status == "SUCCEEDED"
    assert played.puppet.asked == []


def test_a_run_after_a_dry_run_of_which_nothing_is_known_asks_for_a_new_one(played: Scene) -> None:
    """Somebody has approved something, and nobody can tell what: Redis was lost, or another runner had planned it."""
    detect = planned(played, LETS_ALICE_IN)
    played.connector.store._redis.delete(f"connector:run:{detect.uuid}")

    run = played.ended(played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid))

    assert run.status == "FAILED"
    assert "start a new dry run" in run.last_messages[0]
    assert list(played.connector.store.tenants.listed()) == []


def test_a_plan_with_errors_ends_failed(played: Scene) -> None:
    played.puppet.plan_errors[TENANT] = LastError(code="AccessDenied", message="no.", remedy="Allow it.")
    run = planned(played, LETS_ALICE_IN)
    assert run.status == "FAILED"
    assert run.artifact is None
    assert run.steps["sync_groups"]["systemMessage"] == "AccessDenied: no. What to do: Allow it."
    assert run.steps["sync_groups"]["userMessage"] == "This cannot work as it is ordered."


@pytest.mark.parametrize("fault", ["401", "500", "drop"])
def test_a_plan_that_cannot_be_read_at_once_is_read_later(played: Scene, fault: str) -> None:
    detect = planned(played, LETS_ALICE_IN)
    played.fake.faults = Scripted({"artifact": [fault, fault]})
    run = played.fake.queue(inputs("shop", "alice"), block=detect.block, predecessor=detect.uuid, plan_artifact=True)
    played.ended(run)
    assert run.status == "SUCCEEDED", run.operators_messages
