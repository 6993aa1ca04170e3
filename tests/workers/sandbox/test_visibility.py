"""How late writes are seen: by chance up to lag_seconds, or as a rule of the control API says."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import uuid4

import pytest

from tests.workers.sandbox.conftest import Connect, create, unless
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient, SimulatorError

LONG = 1000.0  # seconds, by the simulator's clock
STORE = sandbox.IDENTITY_STORE_ID


def new_unit(organizations: Any) -> str:
    unit = organizations.create_organizational_unit(ParentId=sandbox.ROOT_ID, Name=f"unit-{uuid4().hex[:8]}")
    return str(unit["OrganizationalUnit"]["Id"])


def listed_units(organizations: Any) -> set[str]:
    pages = organizations.get_paginator("list_organizational_units_for_parent").paginate(ParentId=sandbox.ROOT_ID)
    return {unit["Id"] for page in pages for unit in page["OrganizationalUnits"]}


def described(organizations: Any, unit_id: str) -> bool:
    describe = partial(organizations.describe_organizational_unit, OrganizationalUnitId=unit_id)
    return unless("OrganizationalUnitNotFoundException", describe) is not None


def lags(simulator: SimulatorClient, kind: str) -> list[float]:
    """Tell the lags drawn apart from the time of the write: by how much later lists show a thing."""
    late = [each for each in simulator.visibility()["late"] if each["kind"] == kind]
    return [round(each["listed"] - each["seen"], 3) for each in late]


def test_without_lag_everything_is_seen_at_once(organizations: Any, simulator: SimulatorClient) -> None:
    unit = new_unit(organizations)
    assert described(organizations, unit)
    assert unit in listed_units(organizations)
    assert simulator.visibility()["late"] == []


def test_a_lag_ends_for_lookups_and_for_lists_at_a_time_of_its_own(
    organizations: Any, simulator: SimulatorClient
) -> None:
    simulator.set_options(lag_seconds=LONG, seed=1)
    unit = new_unit(organizations)
    assert not described(organizations, unit)
    assert unit not in listed_units(organizations)
    [late] = [each for each in simulator.visibility()["late"] if each["id"] == unit]
    first, then = sorted((late["seen"], late["listed"]))
    now = simulator.operator("pass_time", seconds=0)["now"]
    assert now < first < then < now + LONG

    simulator.operator("pass_time", seconds=first - now + 1)
    one_of_two = {described(organizations, unit), unit in listed_units(organizations)}
    simulator.operator("pass_time", seconds=LONG)

    assert one_of_two == {True, False}
    assert described(organizations, unit)
    assert unit in listed_units(organizations)
    assert simulator.visibility()["late"] == []


def test_the_same_seed_gives_the_same_lags_whatever_else_is_written(
    connect: Connect, organizations: Any, simulator: SimulatorClient
) -> None:
    drawn = []
    for others in (0, 3):
        simulator.show_everything()
        simulator.set_options(lag_seconds=LONG, seed=42)
        for number in range(4):
            new_unit(organizations)
            for _ in range(others if number == 1 else 0):
                connect("identitystore").create_group(IdentityStoreId=STORE, DisplayName=uuid4().hex)
        drawn.append(lags(simulator, "organizational_unit"))
    simulator.show_everything()
    simulator.set_options(seed=43)
    for _ in range(4):
        new_unit(organizations)

    assert drawn[0] == drawn[1] != lags(simulator, "organizational_unit")


def test_the_seed_is_told(simulator: SimulatorClient) -> None:
    assert simulator.visibility()["seed"] == simulator.options()["seed"]


def test_a_kind_may_have_a_lag_of_its_own(connect: Connect, organizations: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(lags={"organizational_unit": LONG})
    unit = new_unit(organizations)
    store = connect("identitystore")
    group = store.create_group(IdentityStoreId=STORE, DisplayName=uuid4().hex)["GroupId"]
    assert not described(organizations, unit)
    assert store.describe_group(IdentityStoreId=STORE, GroupId=group)["GroupId"] == group


def test_what_a_person_does_by_hand_is_seen_at_once(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.set_options(lag_seconds=LONG)
    unit = simulator.operator("create_ou", name=uuid4().hex)["id"]
    assert unit in listed_units(organizations)
    simulator.delay(operation="create_ou")
    assert simulator.operator("create_ou", name=uuid4().hex)["id"] not in listed_units(organizations)


def test_one_thing_is_hidden_until_told(organizations: Any, simulator: SimulatorClient) -> None:
    one, other = new_unit(organizations), new_unit(organizations)
    simulator.hide("organizational_unit", one)
    assert not described(organizations, one)
    assert listed_units(organizations) >= {other}
    assert one not in listed_units(organizations)
    simulator.show_everything()
    assert one in listed_units(organizations)


def test_a_rule_ends_by_itself(organizations: Any, simulator: SimulatorClient) -> None:
    unit = new_unit(organizations)
    simulator.hide("organizational_unit", unit, seconds=LONG)
    simulator.delay(kind="organizational_unit", seconds=LONG)
    later = new_unit(organizations)
    simulator.make_stale("ListOrganizationalUnitsForParent", seconds=LONG)
    latest = new_unit(organizations)
    assert not {unit, later, latest} & listed_units(organizations)
    simulator.operator("pass_time", seconds=LONG + 1)
    assert {unit, later, latest} <= listed_units(organizations)


def test_the_next_writes_are_delayed(organizations: Any, simulator: SimulatorClient) -> None:
    simulator.delay(kind="organizational_unit", skip=1, times=2)
    units = [new_unit(organizations) for _ in range(4)]
    assert [described(organizations, unit) for unit in units] == [True, False, False, True]
    assert [rule["matched"] for rule in simulator.visibility()["rules"]] == [4]
    simulator.show_everything()
    assert all(described(organizations, unit) for unit in units)


def test_a_delay_of_one_thing_or_one_operation(organizations: Any, simulator: SimulatorClient) -> None:
    account = create(organizations, f"delayed-{uuid4().hex[:8]}")["AccountId"]
    other = create(organizations, f"at-once-{uuid4().hex[:8]}")["AccountId"]
    simulator.delay(kind="account", id=account, operation="TagResource")

    def tags(account_id: str) -> dict[str, str]:
        found = organizations.list_tags_for_resource(ResourceId=account_id)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in found}

    for each in (other, account):
        organizations.tag_resource(ResourceId=each, Tags=[{"Key": "k", "Value": "v"}])
    assert (tags(other), tags(account)) == ({"k": "v"}, {})
    assert simulator.state()["accounts"][account]["tags"] == {"k": "v"}


def test_a_stale_operation_knows_nothing_new_and_others_do(organizations: Any, simulator: SimulatorClient) -> None:
    before = listed_units(organizations)
    simulator.make_stale("ListOrganizationalUnitsForParent", service="organizations")
    unit = new_unit(organizations)
    assert listed_units(organizations) == before
    assert described(organizations, unit)
    children = organizations.get_paginator("list_children").paginate(
        ParentId=sandbox.ROOT_ID, ChildType="ORGANIZATIONAL_UNIT"
    )
    assert unit in {child["Id"] for page in children for child in page["Children"]}
    simulator.show_everything()
    assert listed_units(organizations) == before | {unit}


def test_several_changes_are_seen_one_after_the_other(organizations: Any, simulator: SimulatorClient) -> None:
    unit = new_unit(organizations)
    for number, seconds in enumerate((LONG, 3 * LONG)):
        simulator.delay(kind="organizational_unit", id=unit, seconds=seconds)
        organizations.tag_resource(ResourceId=unit, Tags=[{"Key": "number", "Value": str(number)}])
    seen = []
    for _ in range(3):
        seen.append([tag["Value"] for tag in organizations.list_tags_for_resource(ResourceId=unit)["Tags"]])
        simulator.operator("pass_time", seconds=1.5 * LONG)
    assert seen == [[], ["0"], ["1"]]


@pytest.mark.parametrize(
    "rule", [{"rule": "hide", "kind": "unheard-of", "id": "x"}, {"rule": "delay", "sec": 1}, {"rule": "stale"}]
)
def test_a_wrong_rule_is_refused(simulator: SimulatorClient, rule: dict[str, Any]) -> None:
    with pytest.raises(SimulatorError):
        simulator.delay(**rule)
    assert simulator.visibility()["rules"] == []


def test_pages_may_be_short_or_empty_and_lead_on(organizations: Any, simulator: SimulatorClient) -> None:
    for _ in range(30):
        simulator.operator("create_ou", name=uuid4().hex)
    whole = listed_units(organizations)
    simulator.set_options(short_pages=0.9, seed=5)
    paginator = organizations.get_paginator("list_organizational_units_for_parent")
    pages = [page["OrganizationalUnits"] for page in paginator.paginate(ParentId=sandbox.ROOT_ID)]
    found = [unit["Id"] for page in pages for unit in page]
    assert len(found) == len(set(found))
    assert set(found) == whole
    assert [] in pages
    roots = [page["Roots"] for page in organizations.get_paginator("list_roots").paginate()]
    assert [root["Id"] for page in roots for root in page] == [sandbox.ROOT_ID]
