"""Direct mode: one service user in the management account, with the policy that meshStack published and no more."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from config.catalog import Catalog, load_catalog
from config.platform import Platform
from tasks.aws.actions import Principal
from tasks.aws.session import Sessions
from tasks.chain import REPLICATION
from tasks.errors import NotOurs, PermanentError
from tasks.model.desired import Desired, Tenant, TenantId
from tasks.model.handles import Handles
from tasks.permissions.iam_documents import direct_user, documents, surroundings_of
from tasks.steps import run_step
from tasks.steps.create_account import create_account
from tasks.steps.wait_for_access import wait_for_access
from tasks.steps.wait_for_account import wait_for_account
from tests.policies.replications import Replications
from tests.tasks.steps.world import World
from workers.examples import EXAMPLES
from workers.sandbox import organization
from workers.sandbox.aws import seed_policies
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

EXAMPLE = EXAMPLES / "direct"


@pytest.fixture(scope="module")
def older(simulator: SimulatorClient) -> Catalog:
    """Read the example of the older setup."""
    return load_catalog([EXAMPLE], organization.environment(simulator.url, ""))


@pytest.fixture
def platform(older: Catalog) -> Platform:
    return older.platforms["aws-direct.sandbox"]


@pytest.fixture
def world(replications: Replications, request: pytest.FixtureRequest) -> World:
    return replace(replications.world, sessions=Sessions(), workspace=f"d{abs(hash(request.node.name)) % 10**8}")


def tenant(world: World, older: Catalog, project: str = "shop") -> Tenant:
    [platform], [zone] = older.platforms.values(), older.landing_zones.values()
    return Tenant(
        TenantId(world.workspace, project, platform.identifier), Desired(landing_zone=zone.name), platform, zone
    )


def replicate(world: World, ordered: Tenant, handles: Handles | None = None) -> Handles:
    handles = handles or Handles()
    for step in REPLICATION.steps:
        handles = world.finish(partial(run_step, step), ordered, handles).handles
    return handles


def test_the_published_policy_is_enough_and_a_second_run_writes_nothing(world: World, older: Catalog) -> None:
    ordered, mark = tenant(world, older), world.simulator.mark()
    handles = replicate(world, ordered)
    calls = world.simulator.calls(mark)
    second = world.simulator.mark()
    replicate(world, ordered, handles)

    assert [call for call in calls if call.outcome.startswith("AccessDenied")] == []
    callers = {":".join(call.caller.split(":")[4:]).rsplit("/", 1)[0] for call in calls}
    assert callers == {
        f"{organization.MANAGEMENT_ACCOUNT_ID}:user",
        f"{handles.account_id}:assumed-role/{organization.DEFAULT_ACCESS_ROLE}",
    }
    account = world.simulator.state()["accounts"][handles.account_id]
    assert (account["tags"], account["parent_id"]) == ({}, organization.DEVELOPMENT_OU_ID)
    assert {"ProjectAdmin", "ProjectReader"} <= set(account["roles"])
    assert [call.operation for call in world.simulator.writes_since(second)] == []


def test_a_lost_answer_and_a_lost_redis_lead_to_the_same_account(world: World, older: Catalog) -> None:
    ordered = tenant(world, older)
    world.simulator.inject(operation="CreateAccount", kind="lost_response")
    first = world.finish(create_account, ordered).handles
    known = world.finish(wait_for_account, ordered, first).handles

    again = world.finish(create_account, ordered).handles  # with no handles at all

    assert known.account_id == again.account_id
    assert len(world.accounts()) == len(world.creations()) == 1


def test_an_account_with_our_email_and_another_name_is_not_taken(world: World, older: Catalog) -> None:
    ordered = tenant(world, older)
    email = f"aws+direct.{world.workspace}.shop@example.com"
    world.simulator.operator("create_account", name="somebody", email=email)

    with pytest.raises(NotOurs, match=rf"named somebody\b.* not {world.workspace}\.shop") as refused:
        world.run(create_account, ordered)

    assert "platformTenantId" in refused.value.remedy


def test_the_external_id_goes_with_entering_an_account_only_when_configured(world: World, older: Catalog) -> None:
    ordered = tenant(world, older)
    handles = world.finish(wait_for_account, ordered, world.finish(create_account, ordered).handles).handles
    without = replace(ordered, platform=ordered.platform.model_copy(update={"management_external_id": None}))

    assert world.finish(wait_for_access, ordered, handles)
    aged = replace(handles, account_created_at=None)
    with pytest.raises(PermanentError, match="sts:AssumeRole") as refused:  # the user's policy asks for it
        replace(world, sessions=Sessions()).run(wait_for_access, without, aged)
    assert f"its trust policy names account {organization.MANAGEMENT_ACCOUNT_ID}," in refused.value.remedy


def test_the_printed_policy_is_that_of_the_seed_without_what_is_not_called(platform: Platform) -> None:
    options = SimulatorOptions()
    published = seed_policies.of_users(options)[organization.DIRECT_USER]["Statement"]
    found = {each.principal: each for each in documents(surroundings_of(platform), optional=False)}
    printed = found[Principal.DIRECT_USER].policy["Statement"]

    assert [each["Sid"] for each in printed] == [
        "StsAccessMemberAccount",
        "OrgManagementAccess1",
        "OrgManagementAccess2",
    ]
    for ours, theirs in zip(printed, published, strict=True):
        mine = {ours["Action"]} if isinstance(ours["Action"], str) else set(ours["Action"])
        assert mine <= (set(theirs["Action"]) if isinstance(theirs["Action"], list) else {theirs["Action"]})
        assert set(listed(ours["Resource"])) == set(listed(theirs["Resource"]))
    assert {Principal.SERVICE_USER, Principal.MANAGEMENT_ROLE}.isdisjoint(found)
    trust = found[Principal.ACCESS_ROLE].trust
    assert trust is not None
    assert trust["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root"}


def test_the_direct_user_with_placeholders_has_no_tagging() -> None:
    user = direct_user("aws-cn")

    assert "Tag" not in json.dumps(user.policy)
    assert (user.principal, user.trust) == (Principal.DIRECT_USER, None)
    assert user.arn == "arn:aws-cn:iam::${MANAGEMENT_ACCOUNT_ID}:user/meshfed-service"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
