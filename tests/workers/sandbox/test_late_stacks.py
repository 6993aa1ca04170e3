"""Stacks, stack instances, StackSet operations and provisioned products that readers do not see yet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
import pytest

from tests.workers.sandbox.conftest import Connect, error_of
from tests.workers.sandbox.requests import Sandbox
from tests.workers.sandbox.test_control_tower import account, ended, request
from workers.sandbox import organization

REGIONS = [organization.REGION]
TEMPLATE = "Parameters: {Stage: {Type: String, Default: a}}\nResources: {Topic: {Type: AWS::SNS::Topic}}"


def code(call: Callable[[], Any]) -> str:
    return str(error_of(call)["Code"])


@pytest.fixture
def sandbox(running: Any, simulator: Any, session: boto3.Session) -> Sandbox:
    simulator.set_options(stack_seconds=0, stack_operation_seconds=0, enrollment_seconds=0.05)
    return Sandbox(simulator, session)


@pytest.fixture
def stacks(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation", sandbox.account("member"))


@pytest.fixture
def automation(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudformation", organization.AUTOMATION_ACCOUNT_ID)


@pytest.fixture
def baseline(automation: Any) -> str:
    name = f"baseline-{uuid4().hex[:8]}"
    automation.create_stack_set(StackSetName=name, TemplateBody=TEMPLATE)
    return name


def status(stacks: Any) -> str:
    return str(stacks.describe_stacks(StackName="access")["Stacks"][0]["StackStatus"])


def test_a_young_stack_does_not_exist_and_its_name_is_taken(sandbox: Sandbox, stacks: Any) -> None:
    sandbox.simulator.delay(kind="stack")
    create = partial(stacks.create_stack, StackName="access", TemplateBody=TEMPLATE)
    create()
    stage = [{"ParameterKey": "Stage", "ParameterValue": "b"}]
    update = partial(stacks.update_stack, StackName="access", TemplateBody=TEMPLATE, Parameters=stage)
    for call in (partial(stacks.describe_stacks, StackName="access"), update):
        refused = error_of(call)
        assert refused["Code"] == "ValidationError"
        assert "does not exist" in refused["Message"]
    assert stacks.describe_stacks()["Stacks"] == []
    assert stacks.list_stacks()["StackSummaries"] == []
    assert code(create) == "AlreadyExistsException"
    sandbox.simulator.show_everything()
    assert status(stacks) == "CREATE_COMPLETE"
    update()


def test_an_update_and_a_deletion_are_seen_late(sandbox: Sandbox, stacks: Any) -> None:
    stacks.create_stack(StackName="access", TemplateBody=TEMPLATE)
    sandbox.simulator.delay(kind="stack")
    stage = [{"ParameterKey": "Stage", "ParameterValue": "b"}]
    update = partial(stacks.update_stack, StackName="access", TemplateBody=TEMPLATE, Parameters=stage)
    update()
    assert status(stacks) == "CREATE_COMPLETE"
    assert "No updates" in error_of(update)["Message"]
    sandbox.simulator.show_everything()
    assert status(stacks) == "UPDATE_COMPLETE"

    sandbox.simulator.delay(kind="stack")
    stacks.delete_stack(StackName="access")
    assert status(stacks) == "UPDATE_COMPLETE"
    sandbox.simulator.show_everything()
    assert code(partial(status, stacks)) == "ValidationError"


def test_a_young_stack_instance_is_missing(sandbox: Sandbox, automation: Any, baseline: str) -> None:
    member = sandbox.account("member")
    place = {"StackInstanceAccount": member, "StackInstanceRegion": REGIONS[0]}
    sandbox.simulator.delay(kind="stack_instance", id=f"{member}/{REGIONS[0]}")
    automation.create_stack_instances(StackSetName=baseline, Accounts=[member], Regions=REGIONS)

    def listed() -> list[str]:
        found = automation.list_stack_instances(StackSetName=baseline)["Summaries"]
        return [each["StackInstanceStatus"]["DetailedStatus"] for each in found]

    describe = partial(automation.describe_stack_instance, StackSetName=baseline, **place)
    update = partial(automation.update_stack_instances, StackSetName=baseline, Accounts=[member], Regions=REGIONS)
    assert listed() == []
    assert {code(describe), code(update)} == {"StackInstanceNotFoundException"}
    sandbox.simulator.show_everything()
    assert listed() == ["SUCCEEDED"]

    sandbox.simulator.delay(kind="stack_instance")
    automation.delete_stack_instances(StackSetName=baseline, Accounts=[member], Regions=REGIONS, RetainStacks=False)
    assert listed() == ["SUCCEEDED"]
    sandbox.simulator.show_everything()
    assert listed() == []


def test_an_operation_is_found_at_once_and_listed_late_unless_a_rule_hides_it(
    sandbox: Sandbox, automation: Any, baseline: str
) -> None:
    def begin() -> str:
        targets = {"Accounts": [sandbox.account("member")], "Regions": REGIONS}
        return str(automation.create_stack_instances(StackSetName=baseline, **targets)["OperationId"])

    def listed() -> set[str]:
        return {
            each["OperationId"] for each in automation.list_stack_set_operations(StackSetName=baseline)["Summaries"]
        }

    def describe(operation: str) -> Any:
        return automation.describe_stack_set_operation(StackSetName=baseline, OperationId=operation)

    sandbox.set(lags={"stack_set_operation": 1000})
    by_chance = begin()
    assert describe(by_chance)["StackSetOperation"]["Status"] == "SUCCEEDED"
    assert by_chance not in listed()

    sandbox.simulator.delay(kind="stack_set_operation")
    ordered = begin()
    assert code(partial(describe, ordered)) == "OperationNotFoundException"
    results = partial(automation.list_stack_set_operation_results, StackSetName=baseline, OperationId=ordered)
    assert code(results) == "OperationNotFoundException"
    sandbox.simulator.show_everything()
    assert {by_chance, ordered} <= listed()
    describe(ordered)


def test_a_stack_set_does_not_find_a_young_account(sandbox: Sandbox, automation: Any, baseline: str) -> None:
    sandbox.simulator.delay(kind="account")
    member = sandbox.account("young")
    create = partial(automation.create_stack_instances, StackSetName=baseline, Accounts=[member], Regions=REGIONS)

    def instance() -> tuple[str, str]:
        [found] = automation.list_stack_instances(StackSetName=baseline)["Summaries"]
        return found["Status"], found.get("StatusReason", "")

    create()
    state, reason = instance()
    assert state == "OUTDATED"
    assert f"Account {member} should have" in reason
    sandbox.simulator.show_everything()
    create()
    assert instance()[0] == "CURRENT"


def test_control_tower_does_not_find_a_young_account(sandbox: Sandbox, connect: Connect) -> None:
    catalog = connect("servicecatalog")
    sandbox.simulator.delay(kind="account")
    account_id, email = account(sandbox.simulator)
    enroll = partial(catalog.provision_product, **request(email))
    assert code(enroll) == "ResourceNotFoundException"
    sandbox.simulator.show_everything()
    ended(catalog, enroll())
    assert account_id in sandbox.state()["control_tower"]["enrolled"]


def test_a_young_provisioned_product_is_not_found(sandbox: Sandbox, connect: Connect) -> None:
    catalog = connect("servicecatalog")
    account_id, email = account(sandbox.simulator)
    sandbox.simulator.delay(kind="provisioned_product")
    asked = request(email)
    record = ended(catalog, catalog.provision_product(**asked))
    product = record["RecordDetail"]["ProvisionedProductId"]
    search = {
        "AccessLevelFilter": {"Key": "Account", "Value": "self"},
        "Filters": {"SearchQuery": [f"physicalId:{account_id}"]},
    }
    calls = [
        partial(catalog.describe_provisioned_product, Id=product),
        partial(catalog.terminate_provisioned_product, ProvisionedProductId=product, TerminateToken=uuid4().hex),
    ]
    assert {code(call) for call in calls} == {"ResourceNotFoundException"}
    assert catalog.search_provisioned_products(**search)["ProvisionedProducts"] == []
    again = partial(catalog.provision_product, **{**asked, "ProvisionToken": uuid4().hex})
    assert code(again) == "DuplicateResourceException"
    sandbox.simulator.show_everything()
    assert [each["Id"] for each in catalog.search_provisioned_products(**search)["ProvisionedProducts"]] == [product]
    for call in calls:
        call()
