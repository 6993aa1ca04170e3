"""Who can enter: nobody who may still be in is ever left out, and what nobody knows is said to be unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import httpx2
import pytest

from tasks.model.handles import Doubt, Group, Handles, SignInRole
from tasks.orders.access import Standing, accesses, doubts
from tasks.orders.deletion import request_deletion
from tasks.state.records import TenantRecord
from tests.workers.api.pages.scene import HANDLES, Scene, text_of
from tests.workers.api.server import Api

SHOP = "/tenants/likvid/shop/aws.sandbox"
GROUP = HANDLES.groups["likvid-shop-user"]
BOB, EVE = ("bob@example.com", "user"), ("eve@example.com", "user")


def record_of(scene: Scene, **changes: object) -> TenantRecord:
    shop = scene.succeeded("shop", replace(HANDLES, **changes))  # type: ignore[arg-type]
    record = scene.api.store.tenants.find(shop)
    assert record is not None
    return record


def standings(record: TenantRecord, api: Api) -> dict[tuple[str, str], Standing]:
    return {(each.user_name, each.role): each.standing for each in accesses(record, api.connector.catalog)}


def group(**changes: object) -> dict[str, Group]:
    return {"likvid-shop-user": replace(GROUP, **changes)}  # type: ignore[arg-type]


def test_who_is_in_stays_listed_when_the_platform_is_not_configured_any_more(api: Api, scene: Scene) -> None:
    roles = {"Reader": SignInRole(project_roles=("reader",))}
    record = record_of(scene, sign_in_roles=roles, doubt=None)
    gone = replace(api.connector.catalog, platforms={})
    found = {(each.user_name, each.role): each.standing for each in accesses(record, gone)}
    assert found == {BOB: Standing.IN, EVE: Standing.IN, ("bob@example.com", "Reader"): Standing.IN}
    [reason] = doubts(record, gone)
    assert "it is unknown who may use its roles" in reason


def test_without_its_landing_zone_nobody_gets_roles_that_they_were_not_ordered(api: Api, scene: Scene) -> None:
    groups = {**group(), "likvid-shop-admin": Group("admin", "g-admin", ("arn:admin",), ())}
    record = record_of(scene, groups=groups)
    gone = replace(api.connector.catalog, landing_zones={})
    found = {(each.user_name, each.role): each.standing for each in accesses(record, gone)}
    assert ("bob@example.com", "admin") not in found
    assert found[BOB] is Standing.IN
    assert found[EVE] is Standing.OUT


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (group(), Standing.IN),
        (group(permission_sets=()), Standing.LATE),  # in a group that has nothing in the account yet
        (group(permission_sets=None), Standing.UNREAD),
        (group(people=()), Standing.LATE),
        (group(people=None), Standing.UNREAD),
        (group(id=None, people=None), Standing.LATE),
        ({}, Standing.LATE),
    ],
)
def test_only_who_has_been_seen_to_be_in_can_enter(
    api: Api, scene: Scene, groups: dict[str, Group], expected: Standing
) -> None:
    assert standings(record_of(scene, groups=groups, doubt=None), api)[BOB] is expected


def test_after_a_loss_the_page_says_that_others_may_be_in(scene: Scene, pages: httpx2.Client) -> None:
    record_of(scene, groups={}, doubt=Doubt())
    said = text_of(pages.get(SHOP))
    assert "Others may have access too" in said
    assert "bob@example.com user ordered, not read yet" in said
    assert "Nobody, as ordered." not in said


def test_a_group_that_nobody_has_read_is_named(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    record = record_of(scene, groups=group(people=None), doubt=None)
    assert list(doubts(record, api.connector.catalog)) == [
        "The members of the group likvid-shop-user have not been read yet."
    ]
    assert "The members of the group likvid-shop-user have not been read yet." in text_of(pages.get(SHOP))


def test_a_role_whose_people_nobody_knows_is_named(api: Api, scene: Scene) -> None:
    record = record_of(scene, doubt=None, sign_in_roles={"Old": SignInRole()})
    [reason] = doubts(record, api.connector.catalog)
    assert "the role Old" in reason


def test_nobody_is_awaited_in_what_is_to_go_or_gone(api: Api, scene: Scene, pages: httpx2.Client) -> None:
    record = record_of(scene, groups={}, doubt=None)
    request_deletion(record, api.connector, by="meshstack")
    assert "Nobody, as ordered." in text_of(pages.get(SHOP))
    marked = api.store.tenants.find(record.id)
    assert marked is not None
    gone = replace(marked, deleted_at=datetime.now(UTC))
    assert accesses(gone, api.connector.catalog) == []
    left = replace(gone, handles=Handles(doubt=None, groups=group()))
    assert standings(left, api) == {BOB: Standing.OUT, EVE: Standing.OUT}
