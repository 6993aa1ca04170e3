"""An account that is taken over: the import role makes the access role, or repairs its trust; no proof, no tag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tasks.errors import AccessDenied, NotFound, NotOurs, TransientError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Wait
from tasks.permissions.access_role import wanted_trust
from tasks.steps.create_account import create_account
from tasks.steps.prepare_access_role import prepare_access_role
from tasks.steps.wait_for_access import wait_for_access
from tests.tasks.steps.world import World
from workers.sandbox import organization

IMPORTER = "Importer"
TRUSTING = {"manage_access_role_trust": True, "self_downgrade_access_role": False}
NOBODY = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}


@pytest.fixture(autouse=True)
def allowed(world: World) -> None:
    """Let the management role enter by the import role, as its published policy does where one is configured."""
    enter = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::*:role/{IMPORTER}"}
    world.simulator.operator(
        "put_role_policy",
        account=organization.MANAGEMENT_ACCOUNT_ID,
        role=organization.MANAGEMENT_ROLE,
        name=IMPORTER,
        document={"Version": "2012-10-17", "Statement": [enter]},
    )


def ordered(
    world: World,
    roles: list[str],
    import_role: str | None = IMPORTER,
    platform: dict[str, Any] | None = None,
    **body: Any,
) -> tuple[Tenant, str]:
    made = {"name": world.workspace, "email": f"{uuid4().hex}@example.com", "roles": roles, **body}
    account = world.simulator.operator("create_account", **made)["account"]
    changes = {"import_role": import_role, **(platform or {})}
    tenant = world.tenant(desired={"platform_tenant_id": account}, platform=changes)
    return tenant, account


def taken_over(world: World, roles: list[str], import_role: str | None = IMPORTER) -> tuple[Tenant, Handles]:
    tenant, account = ordered(world, roles, import_role)
    return tenant, Handles(account_id=account, account_created_at=datetime.now(UTC))


def entered(world: World, tenant: Tenant, handles: Handles) -> Any:
    role = world.aws(tenant).access_role(handles.known_account())
    return role.trust(), role.is_administrator()


def test_a_missing_access_role_is_made(world: World) -> None:
    tenant, handles = taken_over(world, [IMPORTER])

    made = world.run(wait_for_access, tenant, handles)

    assert isinstance(made, Wait)
    assert f"{organization.ACCESS_ROLE} was created" in made.note
    assert isinstance(world.run(wait_for_access, tenant, made.handles), Done)
    assert entered(world, tenant, handles) == (wanted_trust(tenant), True)
    assert world.counted(wait_for_access, tenant, handles)[1:] == (1, 0)


@pytest.mark.parametrize("import_role", [None, IMPORTER])
def test_a_role_that_is_not_there_is_never_changed_but_made(world: World, import_role: str | None) -> None:
    """Who is let in without the role, as after somebody deleted it a moment ago, does not ask for a change of it."""
    tenant, account = ordered(
        world, [IMPORTER, organization.ACCESS_ROLE], platform={"import_role": import_role, **TRUSTING}
    )
    handles = world.finish(wait_for_access, tenant, Handles(account_id=account)).handles
    world.simulator.inject(operation="GetRole", code="NoSuchEntity", status=404)
    mark = world.simulator.mark()

    if import_role is None:
        with pytest.raises(NotFound, match=f"has no role {organization.ACCESS_ROLE}"):
            world.run(prepare_access_role, tenant, handles)
        assert world.simulator.writes_since(mark) == []
    else:
        made = world.run(prepare_access_role, tenant, handles)
        assert isinstance(made, Wait)
        assert f"{organization.ACCESS_ROLE} was created" in made.note
        assert isinstance(world.run(prepare_access_role, tenant, handles), Done)
        assert entered(world, tenant, handles) == (wanted_trust(tenant), True)


def test_it_is_taken_over_once_the_import_role_has_let_us_in(world: World) -> None:
    tenant, account = ordered(world, [IMPORTER])

    made = world.run(create_account, tenant)

    assert isinstance(made, Wait)
    assert made.handles == Handles()
    assert world.finish(create_account, tenant).handles.account_id == account


@pytest.mark.parametrize("import_role", [None, IMPORTER])
def test_who_cannot_enter_an_account_does_not_take_it_over(world: World, import_role: str | None) -> None:
    tenant, account = ordered(world, [], import_role)
    mark = world.simulator.mark()

    with pytest.raises(AccessDenied) as denied:
        world.run(create_account, tenant)

    assert account in denied.value.remedy
    assert world.simulator.writes_since(mark) == []


def test_an_account_that_somebody_has_just_created_is_waited_for(world: World) -> None:
    tenant, account = ordered(world, [], import_role=None, joined_method="CREATED")

    waiting = world.run(create_account, tenant)

    assert isinstance(waiting, Wait)
    assert "cannot be accessed yet" in waiting.note
    assert waiting.handles == Handles()
    world.ahead = timedelta(minutes=31)  # by then it has its role, or never
    with pytest.raises(AccessDenied):
        world.run(create_account, tenant)
    world.simulator.operator("create_role", account=account, role=organization.ACCESS_ROLE)
    assert world.finish(create_account, tenant).handles.account_id == account


@pytest.mark.parametrize("operation", ["CreateRole", "AttachRolePolicy", "UpdateAssumeRolePolicy"])
def test_work_that_was_cut_off_goes_on(world: World, operation: str) -> None:
    tenant, handles = taken_over(world, [IMPORTER])
    world.simulator.inject(operation=operation, kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(wait_for_access, tenant, handles)
    world.finish(wait_for_access, tenant, handles)

    assert entered(world, tenant, handles) == (wanted_trust(tenant), True)


def test_a_trust_that_shuts_us_out_is_repaired(world: World) -> None:
    tenant, handles = taken_over(world, [IMPORTER])
    account, role = handles.known_account(), organization.ACCESS_ROLE
    world.simulator.operator("create_role", account=account, role=role, trust=NOBODY)

    world.finish(wait_for_access, tenant, handles)

    assert entered(world, tenant, handles) == (wanted_trust(tenant), True)


def test_without_an_import_role_the_door_stays_shut(world: World) -> None:
    tenant, handles = taken_over(world, [], import_role=None)
    world.ahead = timedelta(minutes=31)  # an old account: nothing in it is still being made

    with pytest.raises(AccessDenied) as denied:
        world.run(wait_for_access, tenant, handles)

    assert organization.ACCESS_ROLE in denied.value.remedy


def test_an_import_role_that_is_not_there_is_named(world: World) -> None:
    tenant, handles = taken_over(world, [])

    with pytest.raises(AccessDenied, match=IMPORTER) as denied:
        world.run(wait_for_access, tenant, handles)

    assert "published policy of the import role" in denied.value.remedy


def test_a_door_that_is_right_and_shut_is_tried_again(world: World) -> None:
    tenant, handles = taken_over(world, [IMPORTER])
    world.run(wait_for_access, tenant, handles)
    message = "not yet everywhere"
    world.simulator.inject(operation="AssumeRole", code="AccessDenied", status=403, message=message)

    with pytest.raises(TransientError, match=message):
        world.run(wait_for_access, tenant, handles)
    assert isinstance(world.run(wait_for_access, tenant, handles), Done)


@pytest.mark.parametrize(("owner", "mine"), [(None, False), ("another.team", False), ("{}.shop", True)])
def test_the_management_account_is_for_the_configured_tenant_only(world: World, owner: str | None, mine: bool) -> None:
    account = organization.MANAGEMENT_ACCOUNT_ID
    platform = {"management_account_tenant": owner and owner.format(world.workspace)}
    tenant = world.tenant(desired={"platform_tenant_id": account}, platform=platform)

    if mine:
        assert world.run(create_account, tenant).handles.account_id == account
        return
    with pytest.raises(NotOurs) as refused:
        world.run(create_account, tenant)
    assert "managementAccountTenant" in refused.value.remedy
