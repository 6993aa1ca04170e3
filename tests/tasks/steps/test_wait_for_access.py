"""wait_for_access: a new account may take its time, an old one may not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tasks.aws.faults import NOT_YET
from tasks.errors import AccessDenied, NotReady, TransientError
from tasks.model.replication import Done, Wait
from tasks.steps.set_alias import set_alias
from tasks.steps.wait_for_access import wait_for_access
from tests.tasks.steps.world import World
from workers.sandbox import organization


def test_an_account_that_lets_us_in_costs_one_read(world: World) -> None:
    handles = world.created(tenant := world.tenant())

    first = world.run(wait_for_access, tenant, handles)
    second, reads, writes = world.counted(wait_for_access, tenant, handles)

    assert first == second
    assert isinstance(first, Done)
    assert f"{handles.account_id}:assumed-role/{organization.ACCESS_ROLE}/" in first.note
    assert (reads, writes) == (1, 0)


def test_a_role_that_comes_late_is_waited_for(world: World) -> None:
    world.simulator.set_options(role_delay_seconds=0.3)
    handles = world.created(tenant := world.tenant())

    first = world.run(wait_for_access, tenant, handles)

    assert isinstance(first, Wait)
    assert "cannot be accessed yet" in first.note
    assert world.finish(wait_for_access, tenant, first.handles).handles == handles


@pytest.mark.parametrize("code", sorted(NOT_YET))
def test_services_that_come_late_are_waited_for(world: World, code: str) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.inject(operation="GetCallerIdentity", code=code, status=403)

    assert isinstance(world.run(wait_for_access, tenant, handles), Wait)
    assert isinstance(world.run(wait_for_access, tenant, handles), Done)


def test_a_lost_answer_is_tried_again(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.inject(operation="AssumeRole", kind="lost_response")

    with pytest.raises(TransientError):
        world.run(wait_for_access, tenant, handles)
    assert isinstance(world.run(wait_for_access, tenant, handles), Done)


def test_an_old_account_without_the_role_ends_with_a_remedy(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.operator("delete_role", account=handles.account_id, role=organization.ACCESS_ROLE)
    world.ahead = timedelta(minutes=31)

    with pytest.raises(AccessDenied) as refused:
        world.run(wait_for_access, tenant, handles)

    assert organization.ACCESS_ROLE in refused.value.remedy
    assert organization.MANAGEMENT_ROLE_ARN in refused.value.remedy
    assert organization.EXTERNAL_ID not in str(refused.value) + refused.value.remedy


def test_an_explicit_deny_is_somebodys_will_and_not_waited_for(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    message = "User: x is not authorized to perform: sts:AssumeRole with an explicit deny in a service control policy"
    world.simulator.inject(operation="AssumeRole", code="AccessDenied", status=403, message=message, times=-1)

    with pytest.raises(AccessDenied, match="explicit deny"):
        world.run(wait_for_access, tenant, handles)


def test_a_service_that_comes_late_is_no_refusal_in_later_steps_either(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.inject(operation="ListAccountAliases", code="OptInRequired", status=403)

    with pytest.raises(NotReady):
        world.run(set_alias, tenant, handles)
    assert isinstance(world.run(set_alias, tenant, handles), Done)
