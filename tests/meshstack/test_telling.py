"""Accounts of tenants that came by the pull are told to meshStack, where that is switched on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tasks.meshobjects.pull import Pulled
from tasks.meshstack.api_user import ApiUser
from tests.meshstack.pulling import SHOP, House
from tests.meshstack.scene import Puppet
from tests.support.waiting import eventually


@pytest.fixture(autouse=True)
def telling(house: House) -> None:
    house.user = ApiUser(house.meshstack, "api:password")
    house.mesh.forbidden.add("mesheventlogs")


def made(house: House) -> str:
    """Let a worker make the tenant that was pulled; gives its account."""
    puppet = Puppet(house.connector)

    def account() -> str | None:
        puppet.once()
        record = house.record()
        assert record is not None
        ended = house.connector.store.replications.state_of(record.replication) == "SUCCEEDED"
        return record.handles.account_id if ended else None

    return str(eventually(account))


def test_the_account_is_told_once_it_is_made(house: House) -> None:
    assert house.pull() == Pulled(1, 1, 0)
    assert house.pull().told == 0
    account = made(house)

    assert house.pull().told == 1

    assert house.mesh.imports == [
        {
            "apiVersion": "v3",
            "kind": "meshTenant",
            "metadata": {
                "ownedByWorkspace": "likvid",
                "ownedByProject": "shop",
                "platformIdentifier": "aws.sandbox",
            },
            "spec": {"localId": account, "landingZoneIdentifier": "development"},
        }
    ]


def test_what_meshstack_then_says_is_no_news(house: House) -> None:
    house.pull()
    made(house)
    house.pull()

    assert house.pull() == Pulled(1, 0, 0)

    record = house.record()
    assert record is not None
    assert record.desired.platform_tenant_id is None
    assert len(house.mesh.imports) == 1


@pytest.mark.parametrize("how", ["gone", "marked", "renamed", "theirs"])
def test_a_tenant_that_is_not_as_we_know_it_is_left_alone(house: House, how: str) -> None:
    """An import of one that is not there would make it."""
    house.pull()
    made(house)
    [tenant] = house.mesh.objects["meshtenants"]
    match how:
        case "gone":
            house.mesh.objects["meshtenants"].clear()
        case "marked":
            tenant["status"]["lifecycle"]["state"] = "MARKED_FOR_DELETION"
        case "renamed":
            tenant["metadata"]["ownedByProject"] = "another"
        case "theirs":
            tenant["spec"]["platformTenantId"] = "999999999999"

    with capture_logs() as logs:
        assert house.pull().told == 0

    assert house.mesh.imports == []
    assert any("another account" in each["event"] for each in logs) == (how == "theirs")


def test_what_meshstack_refuses_is_tried_again(house: House) -> None:
    house.pull()
    account = made(house)
    house.mesh.import_code = "INVALID_MESH_OBJECT"
    assert house.pull().told == 0
    house.mesh.import_code = None

    assert house.pull().told == 1

    assert [each["spec"]["localId"] for each in house.mesh.imports] == [account, account]


def test_without_an_api_user_nothing_is_told(house: House) -> None:
    house.user = None
    house.pull()
    made(house)

    house.pull(timedelta(hours=7))

    assert house.mesh.imports == []
    assert house.connector.store.pulls.untold(9) == []
    assert house.record(SHOP) is not None
