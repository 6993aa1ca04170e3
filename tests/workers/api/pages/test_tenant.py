from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tasks.model.replication import State, StepState, WaitsFor
from tests.workers.api.pages.scene import ACCOUNT, REFUSED, Scene, send, text_of, visiting
from tests.workers.api.server import ORDER, READ, Api
from workers.api.pages.timeline import lines

SHOP = "/tenants/likvid/shop/aws.sandbox"


def test_a_tenant_says_where_it_stands_and_why(scene: Scene, pages: httpx2.Client) -> None:
    scene.failed("shop")
    said = text_of(pages.get(SHOP))
    assert "likvid.shop.aws.sandbox failed" in said
    assert f"{REFUSED.code}: {REFUSED.message}" in said
    assert REFUSED.remedy in said


def test_it_says_who_can_enter_since_when_and_who_asked(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    shop = scene.succeeded("shop")
    about = {"tenant": str(shop), "replication": "r1", "step": "sync_groups", "asked_by": "meshstack"}
    call = "identitystore:create_group_membership"
    sent = {"GroupId": "g-user", "MemberId": {"UserId": "u-bob"}}
    entry = api.store.audit.append({**about, "call": call, "arguments": sent}, timedelta(days=1))
    at = datetime.now(UTC).isoformat()
    api.store.events.emit(shop, {"type": "write", "call": call, "code": None, "at": at, "audit": entry, "step": "s"})
    said = text_of(pages.get(SHOP))
    assert "bob@example.com user can enter just now" in said
    assert "eve@example.com user not ordered, still has access no event that is kept tells" in said
    assert "ada has no cloud account yet" in said
    assert f"meshstack {call} ok" in said


def test_over_scim_it_says_since_when_people_can_enter_as_well(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    shop = scene.succeeded("shop")
    for change, user in (("add", "u-bob"), ("remove", "u-eve"), ("replace", "")):
        sent = {"group_id": "g-user", "change": change, "user_ids": [user]}
        api.store.events.emit(shop, scene.write(shop, "scim:patch_group", sent))
    said = text_of(pages.get(SHOP))
    assert "bob@example.com user can enter just now" in said
    assert "eve@example.com user not ordered, still has access no event that is kept tells" in said


def test_it_links_into_the_console_of_aws(scene: Scene, pages: httpx2.Client) -> None:
    scene.succeeded("shop")
    page = pages.get(SHOP).text
    assert f"https://console.aws.amazon.com/organizations/v2/home/accounts/{ACCOUNT}" in page
    assert "organizational-units/ou-sbox-development" in page
    assert "region=eu-central-1#/stacks/stackinfo?stackId=arn%3Aaws%3Acloudformation" in page
    assert "#/stacksets/meshstack-baseline%3A1/operations/op-1" in page


@pytest.mark.parametrize(
    ("token", "buttons"),
    [(READ, set()), (ORDER, {"plan", "delete"}), ("writing-token", {"plan", "retry", "pause", "delete"})],
)
def test_who_may_not_do_a_thing_has_no_button_and_is_refused(
    api: Api, scene: Scene, token: str, buttons: set[str]
) -> None:
    shop = scene.succeeded("shop")
    with visiting(api, token) as http:
        page = http.get(SHOP).text
        shown = {
            each for each in ("plan", "retry", "pause", "delete", "cancel", "approve") if f"{SHOP}/do/{each}" in page
        }
        assert shown == buttons
        for each in {"plan", "retry", "pause", "delete"} - buttons:
            assert send(http, f"{SHOP}/do/{each}", name=str(shop)).status_code == 403
    record = api.store.tenants.find(shop)
    assert record is not None
    assert (record.paused, record.deletion) == (None, None)


def test_buttons_do_what_the_api_does(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    shop = scene.failed("shop")
    answer = send(pages, f"{SHOP}/do/retry", step="")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SHOP}?done=retry")
    assert "Retry started." in text_of(pages.get(answer.headers["location"]))
    record = api.store.tenants.find(shop)
    assert record is not None
    assert record.state is State.QUEUED
    assert api.store.replications.history(shop, 1)[0].requested_by == "producer"

    assert send(pages, f"{SHOP}/do/cancel").status_code == 303
    assert api.store.replications.find(record.replication).state is State.CANCELLED  # type: ignore[union-attr]
    assert send(pages, f"{SHOP}/do/cancel").status_code == 409

    send(pages, f"{SHOP}/do/pause", reason="audit")
    assert "paused since" in text_of(pages.get(SHOP))
    send(pages, f"{SHOP}/do/resume")
    assert not api.store.pauses.all()
    assert send(pages, f"{SHOP}/do/resume").status_code == 409
    assert send(pages, f"{SHOP}/do/nothing").status_code == 404
    assert send(pages, "/tenants/likvid/none/aws.sandbox/do/retry").status_code == 404


def test_a_tenant_is_deleted_only_by_its_name_and_then_approved(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    shop = scene.succeeded("shop")
    assert send(pages, f"{SHOP}/do/delete", name="likvid.shop").status_code == 422
    assert api.store.tenants.find(shop).deletion is None  # type: ignore[union-attr]  # it is known
    assert send(pages, f"{SHOP}/do/delete", name=str(shop)).status_code == 303
    page = pages.get(SHOP)
    assert f"{SHOP}/do/approve" in page.text
    assert f"{SHOP}/do/delete" not in page.text
    assert send(pages, f"{SHOP}/do/approve").status_code == 303
    assert api.store.tenants.find(shop).deletion.approved_by == "producer"  # type: ignore[union-attr]
    assert send(pages, f"{SHOP}/do/decline").status_code == 409


def test_a_plan_is_asked_for_and_shown(scene: Scene, pages: httpx2.Client) -> None:
    scene.succeeded("shop")
    there = send(pages, f"{SHOP}/do/plan").headers["location"]
    assert "A worker looks at AWS and plans." in text_of(pages.get(there))
    assert pages.get(f"{SHOP}/plans/none").status_code == 404


def test_waits_are_shown_as_waits(api: Api, scene: Scene) -> None:
    shop = scene.waiting("shop", note="the quota is full", waits_for=WaitsFor.PERSON)
    [replication] = api.store.replications.history(shop, 1)
    now = replication.requested_at + timedelta(hours=2)
    first, *rest = lines(replication, api.store.events.newest(shop, 100), now)
    assert [bar.look for bar in first.bars] == ["run", "person"]
    assert first.bars[-1].width > 990
    assert not any(line.bars for line in rest)


def test_what_happens_in_one_moment_and_by_clocks_that_differ_is_drawn_in_its_order(api: Api, scene: Scene) -> None:
    shop = scene.order("shop")
    [replication] = api.store.replications.history(shop, 1)
    began = replication.requested_at

    def change(state: State, seconds: float, **more: str) -> dict[str, str]:
        at = (began + timedelta(seconds=seconds)).isoformat()
        return {
            "type": "step",
            "replication": replication.id,
            "name": "withdraw_access",
            "state": state,
            "at": at,
            **more,
        }

    failed = [change(State.RUNNING, 5), change(State.FAILED, 5)]
    skewed = [change(State.WAITING, -9, waitsFor="PLACE"), change(State.RUNNING, -10), change(State.SUCCEEDED, 10)]
    for events, looks in ((failed, ["run"]), (skewed, ["place", "run"])):
        line = lines(replication, reversed(events), began + timedelta(seconds=100))[0]
        assert [bar.look for bar in line.bars] == looks
        assert all(bar.x >= 0 and bar.width > 0 for bar in line.bars)
        assert line.took is not None
        assert timedelta() <= line.took <= timedelta(seconds=20)


def test_a_step_whose_beginning_is_forgotten_is_drawn_by_its_own_times(api: Api, scene: Scene) -> None:
    shop = scene.order("shop")
    [replication] = api.store.replications.history(shop, 1)
    began = replication.requested_at
    ended = began + timedelta(seconds=30)
    step = StepState(name="report", state=State.SUCCEEDED, attempts=1, started_at=began, ended_at=ended)
    event = {
        "type": "step",
        "replication": replication.id,
        "name": "report",
        "state": "SUCCEEDED",
        "at": ended.isoformat(),
    }
    [line] = lines(replication.model_copy(update={"steps": [step]}), [event], began + timedelta(seconds=60))
    assert (line.took, [bar.look for bar in line.bars]) == (timedelta(seconds=30), ["run"])


def test_steps_whose_events_are_forgotten_are_drawn_all_the_same(api: Api, scene: Scene) -> None:
    shop = scene.order("shop")
    [replication] = api.store.replications.history(shop, 1)
    began = replication.requested_at
    step = StepState(
        name="report", state=State.SUCCEEDED, attempts=1, started_at=began, ended_at=began + timedelta(seconds=30)
    )
    [line] = lines(replication.model_copy(update={"steps": [step]}), [], began + timedelta(seconds=60))
    assert [(bar.look, bar.width) for bar in line.bars] == [("run", 500.0)]
    assert line.took == timedelta(seconds=30)


def test_an_unknown_tenant_is_a_page_that_says_so(pages: httpx2.Client) -> None:
    answer = pages.get("/tenants/likvid/none/aws.sandbox")
    assert answer.status_code == 404
    assert "Nobody has ordered the tenant likvid.none.aws.sandbox" in answer.text
