"""Enrollment in Control Tower by exactly what is published for a platform that has it configured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from config.platform import Enrollment, Platform
from tasks.aws.actions import OPERATIONS, Feature, Principal
from tasks.errors import AccessDenied
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.permissions.iam_documents import PrincipalDocuments, documents, placeholders
from tasks.steps.enroll_in_control_tower import enroll_in_control_tower
from tests.policies.replications import Replications, published
from workers.sandbox import organization

ROWS = [row for row in OPERATIONS if row.statement is not None and row.statement.feature is Feature.CONTROL_TOWER]
STATEMENTS = {row.statement.sid for row in ROWS if row.statement is not None}


@pytest.fixture(scope="module")
def platform(replications: Replications) -> Iterator[Platform]:
    """A platform with Control Tower; the sandbox's management role has what is published for it."""
    factory = Enrollment(
        management_account_id=organization.MANAGEMENT_ACCOUNT_ID,
        account_factory_product_id=organization.ACCOUNT_FACTORY_PRODUCT_ID,
    )
    configured = replications.platform.model_copy(update={"enrollment": factory})
    replications.world.simulator.set_options(enrollment_seconds=0.05)
    replications.allow_management(published(configured)[Principal.MANAGEMENT_ROLE].policy)
    yield configured
    replications.allow_management(published(replications.platform)[Principal.MANAGEMENT_ROLE].policy)


def governed(replications: Replications, platform: Platform, name: str, *, optional: bool = True) -> Tenant:
    """Build a tenant with an account whose access role has what is published."""
    tenant = replications.tenant(name, platform=platform, landing_zone={"enroll_account": True})
    handles = replications.world.account(tenant)
    access = published(platform, optional=optional)[Principal.ACCESS_ROLE]
    act, role = replications.world.simulator.operator, platform.account_access_role
    act("delete_role", account=handles.account_id, role=role)
    act("create_role", account=handles.account_id, role=role, trust=access.trust, policies={role: access.policy})
    replications.handles[name] = handles
    return tenant


def enroll(replications: Replications, tenant: Tenant) -> Handles:
    handles = replications.handles[tenant.id.project]
    done = replications.world.finish_at_once(enroll_in_control_tower, tenant, handles)
    return done.handles


def test_every_action_for_control_tower_is_needed_and_enough(replications: Replications, platform: Platform) -> None:
    tenant = governed(replications, platform, "governed")
    account = replications.handles["governed"].account_id
    replications.world.simulator.operator("fail_enrollment", account=account, reason="There is a Config recorder.")
    mark = replications.world.simulator.mark()

    replications.handles["governed"] = enroll(replications, tenant)
    zone = tenant.landing_zone.model_copy(update={"target_organizational_unit": organization.PRODUCTION_OU_ID})
    enroll(replications, replace(tenant, landing_zone=zone))

    calls = replications.world.simulator.calls(mark)
    assert [call for call in calls if call.outcome.startswith("AccessDenied")] == []
    forwarded = replications.world.simulator.state()["service_catalog"]["forwarded"]
    used = {f"{call.service}:{call.operation}" for call in calls} | {action for _, action, _ in forwarded}
    assert {row.action for row in ROWS} - used == set()


def test_without_the_right_that_is_used_in_our_name_nothing_begins(
    replications: Replications, platform: Platform
) -> None:
    tenant = governed(replications, platform, "forwarded")
    whole = published(platform)[Principal.MANAGEMENT_ROLE].policy
    fewer = [
        {**each, "Action": [action for action in each["Action"] if action != "controltower:CreateManagedAccount"]}
        if each["Sid"] in STATEMENTS
        else each
        for each in whole["Statement"]
    ]
    replications.allow_management({**whole, "Statement": fewer})

    try:
        with pytest.raises(AccessDenied, match="controltower:CreateManagedAccount"):
            enroll(replications, tenant)
    finally:
        replications.allow_management(whole)


def test_without_the_optional_statement_somebody_else_makes_the_role(
    replications: Replications, platform: Platform
) -> None:
    tenant = governed(replications, platform, "optional", optional=False)

    with pytest.raises(AccessDenied) as denied:
        enroll(replications, tenant)

    assert "OptionalControlTowerExecutionRole" in denied.value.remedy


def test_only_a_platform_with_control_tower_is_given_it(platform: Platform) -> None:
    def sids(each: dict[Principal, PrincipalDocuments]) -> set[str]:
        return {statement["Sid"] for one in each.values() for statement in one.policy["Statement"]}

    assert sids(published(platform)) >= STATEMENTS
    assert not sids(published(platform.model_copy(update={"enrollment": None}))) & STATEMENTS
    assert sids({each.principal: each for each in documents(placeholders())}) >= STATEMENTS
