"""The simulator's StackSets, asked through boto3 as the automation account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.workers.sandbox.requests import Sandbox, refusal
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

SEED = organization.STACK_SET_NAME
REGIONS = [organization.REGION]
MINUTES = 600.0


@dataclass(frozen=True)
class StackSets:
    """The automation account's client and a StackSet of the test's own."""

    client: Any
    name: str

    def instances(self, **filters: Any) -> list[tuple[str, str, str]]:
        """Answer account, status and detailed status of every instance."""
        summaries = self.client.list_stack_instances(StackSetName=self.name, **filters)["Summaries"]
        return [(item["Account"], item["Status"], item["StackInstanceStatus"]["DetailedStatus"]) for item in summaries]

    def results(self, operation_id: str) -> dict[str, tuple[str, str]]:
        """Answer what an operation did: account -> status and reason."""
        answer = self.client.list_stack_set_operation_results(StackSetName=self.name, OperationId=operation_id)
        return {item["Account"]: (item["Status"], item.get("StatusReason", "")) for item in answer["Summaries"]}

    def status(self, operation_id: str) -> str:
        """Answer an operation's status."""
        answer = self.client.describe_stack_set_operation(StackSetName=self.name, OperationId=operation_id)
        found: str = answer["StackSetOperation"]["Status"]
        return found


@pytest.fixture
def sandbox(simulator: SimulatorClient, session: boto3.Session) -> Sandbox:
    return Sandbox(simulator, session)


@pytest.fixture
def stack_sets(sandbox: Sandbox) -> StackSets:
    sandbox.set(stack_operation_seconds=0)
    client = sandbox.client("cloudformation", organization.AUTOMATION_ACCOUNT_ID)
    body = client.describe_stack_set(StackSetName=SEED)["StackSet"]["TemplateBody"]
    name = sandbox.unique("baseline")
    client.create_stack_set(StackSetName=name, TemplateBody=body)
    return StackSets(client, name)


@pytest.fixture
def member(sandbox: Sandbox) -> str:
    return sandbox.account("member")


def parameters(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def values(sandbox: Sandbox, member: str) -> dict[str, str]:
    stack = sandbox.client("cloudformation", member).describe_stacks()["Stacks"][0]
    return {item["ParameterKey"]: item["ParameterValue"] for item in stack["Parameters"]}


def test_a_stack_set_is_found_by_name_and_id_but_not_by_arn(stack_sets: StackSets) -> None:
    described = stack_sets.client.describe_stack_set(StackSetName=stack_sets.name)["StackSet"]
    assert {item["ParameterKey"] for item in described["Parameters"]} == set(organization.STACK_SET_PARAMETERS)
    again = stack_sets.client.describe_stack_set(StackSetName=described["StackSetId"])["StackSet"]
    assert again["StackSetARN"] == described["StackSetARN"]
    by_arn = refusal(stack_sets.client.describe_stack_set, StackSetName=described["StackSetARN"])
    assert by_arn["Error"]["Code"] == "ValidationError"
    unknown = refusal(stack_sets.client.describe_stack_set, StackSetName="unknown")
    assert (unknown["Error"]["Code"], unknown["ResponseMetadata"]["HTTPStatusCode"]) == (
        "StackSetNotFoundException",
        404,
    )
    assert {item["StackSetName"] for item in stack_sets.client.list_stack_sets()["Summaries"]} >= {
        SEED,
        stack_sets.name,
    }


def test_an_instance_is_deployed_into_the_account(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    sandbox.set(stack_operation_seconds=MINUTES)
    operation_id = stack_sets.client.create_stack_instances(
        StackSetName=stack_sets.name, Accounts=[member], Regions=REGIONS, ParameterOverrides=parameters(Stage="dev")
    )["OperationId"]
    assert stack_sets.status(operation_id) == "RUNNING"
    sandbox.pass_time(MINUTES)
    assert stack_sets.status(operation_id) == "SUCCEEDED"
    assert stack_sets.instances() == [(member, "CURRENT", "SUCCEEDED")]
    assert values(sandbox, member) == {**dict.fromkeys(organization.STACK_SET_PARAMETERS, "unset"), "Stage": "dev"}
    stack = sandbox.client("cloudformation", member).describe_stacks()["Stacks"][0]
    described = stack_sets.client.describe_stack_instance(
        StackSetName=stack_sets.name, StackInstanceAccount=member, StackInstanceRegion=REGIONS[0]
    )["StackInstance"]
    assert stack["StackName"].startswith(f"StackSet-{stack_sets.name}-")
    assert described["StackId"] == stack["StackId"]
    assert described["LastOperationId"] == operation_id
    assert described["ParameterOverrides"] == parameters(Stage="dev")


def test_one_operation_at_a_time(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    sandbox.set(stack_operation_seconds=MINUTES)
    request = {"StackSetName": stack_sets.name, "Accounts": [member], "Regions": REGIONS}
    stack_sets.client.create_stack_instances(**request, OperationId="first")
    assert stack_sets.instances() == [(member, "OUTDATED", "RUNNING")]
    busy = refusal(stack_sets.client.create_stack_instances, **request, OperationId="second")
    arn = stack_sets.client.describe_stack_set(StackSetName=stack_sets.name)["StackSet"]["StackSetARN"]
    assert busy["Error"]["Code"] == "OperationInProgressException"
    assert busy["Error"]["Message"] == f"Another Operation on StackSet {arn} is in progress: first"
    assert busy["ResponseMetadata"]["HTTPStatusCode"] == 409
    same = refusal(stack_sets.client.create_stack_instances, **request, OperationId="first")
    assert (same["Error"]["Code"], same["ResponseMetadata"]["HTTPStatusCode"]) == (
        "OperationIdAlreadyExistsException",
        409,
    )


def test_managed_execution_runs_side_by_side_and_queues_conflicts(
    sandbox: Sandbox, stack_sets: StackSets, member: str
) -> None:
    sandbox.set(stack_operation_seconds=MINUTES)
    body = "Resources: {Bucket: {Type: AWS::S3::Bucket}}"
    managed = StackSets(stack_sets.client, sandbox.unique("managed"))
    stack_sets.client.create_stack_set(StackSetName=managed.name, TemplateBody=body, ManagedExecution={"Active": True})
    accounts = [member, sandbox.account("other"), member]
    operations = [
        stack_sets.client.create_stack_instances(StackSetName=managed.name, Accounts=[account], Regions=REGIONS)[
            "OperationId"
        ]
        for account in accounts
    ]
    assert [managed.status(item) for item in operations] == ["RUNNING", "RUNNING", "QUEUED"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ParameterOverrides": parameters(Unknown="x")}, "Parameters: [Unknown] do not exist in the template"),
        ({"OperationId": "under_score"}, "operationId"),
        ({"OperationId": "x" * 129}, "operationId"),
        ({"Accounts": []}, "Accounts list and Regions list cannot be empty"),
        ({"Accounts": ["1"]}, "accounts.1.member"),
    ],
)
def test_a_wrong_operation_is_refused(stack_sets: StackSets, member: str, changes: dict[str, Any], words: str) -> None:
    request = {"StackSetName": stack_sets.name, "Accounts": [member], "Regions": REGIONS, **changes}
    found = refusal(stack_sets.client.create_stack_instances, **request)["Error"]
    assert found["Code"] == "ValidationError"
    assert words in found["Message"]
    assert stack_sets.client.list_stack_set_operations(StackSetName=stack_sets.name)["Summaries"] == []


def test_missing_instances_and_operations(stack_sets: StackSets, member: str) -> None:
    place = {"StackInstanceAccount": member, "StackInstanceRegion": REGIONS[0]}
    described = refusal(stack_sets.client.describe_stack_instance, StackSetName=stack_sets.name, **place)
    assert described["Error"]["Code"] == "StackInstanceNotFoundException"
    updated = refusal(
        stack_sets.client.update_stack_instances, StackSetName=stack_sets.name, Accounts=[member], Regions=REGIONS
    )
    assert updated["Error"]["Code"] == "StackInstanceNotFoundException"
    operation = refusal(
        stack_sets.client.describe_stack_set_operation, StackSetName=stack_sets.name, OperationId="none"
    )
    assert operation["Error"]["Code"] == "OperationNotFoundException"


def test_an_account_that_cannot_be_reached_fails_and_cancels_the_rest(
    sandbox: Sandbox, stack_sets: StackSets, member: str
) -> None:
    request = {"StackSetName": stack_sets.name, "Accounts": ["999999999999", member], "Regions": REGIONS}
    operation_id = stack_sets.client.create_stack_instances(**request)["OperationId"]
    assert stack_sets.status(operation_id) == "FAILED"
    found = stack_sets.results(operation_id)
    assert found["999999999999"][0] == "FAILED"
    assert "AWSCloudFormationStackSetExecutionRole" in found["999999999999"][1]
    assert found[member] == ("CANCELLED", "Cancelled since failure tolerance has exceeded")
    tolerant = stack_sets.client.create_stack_instances(**request, OperationPreferences={"FailureToleranceCount": 1})
    assert stack_sets.status(tolerant["OperationId"]) == "SUCCEEDED"
    assert stack_sets.results(tolerant["OperationId"])[member] == ("SUCCEEDED", "")


@pytest.mark.parametrize(
    ("preferences", "slices"),
    [
        ({}, 2),
        ({"MaxConcurrentCount": 2}, 2),  # no more than one that may fail besides
        ({"MaxConcurrentCount": 2, "FailureToleranceCount": 1}, 1),
        ({"MaxConcurrentPercentage": 100, "FailureTolerancePercentage": 100}, 1),
    ],
)
def test_accounts_are_worked_on_one_after_the_other_or_as_many_at_a_time_as_may_fail(
    sandbox: Sandbox, stack_sets: StackSets, member: str, preferences: dict[str, int], slices: int
) -> None:
    sandbox.set(stack_operation_seconds=MINUTES)
    operation_id = stack_sets.client.create_stack_instances(
        StackSetName=stack_sets.name,
        Accounts=[member, sandbox.account("another")],
        Regions=REGIONS,
        OperationPreferences=preferences,
    )["OperationId"]
    for _ in range(slices):
        assert stack_sets.status(operation_id) == "RUNNING"
        sandbox.pass_time(MINUTES)

    assert stack_sets.status(operation_id) == "SUCCEEDED"


def test_a_suspended_account_is_skipped(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    sandbox.operate("suspend_account", account=member)
    operation_id = stack_sets.client.create_stack_instances(
        StackSetName=stack_sets.name, Accounts=[member], Regions=REGIONS
    )["OperationId"]
    assert stack_sets.results(operation_id)[member][0] == "FAILED"
    assert stack_sets.instances() == [(member, "OUTDATED", "SKIPPED_SUSPENDED_ACCOUNT")]


def test_the_execution_role_is_looked_for_on_demand(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    sandbox.operate("require_execution_role", required=True)
    request = {"StackSetName": stack_sets.name, "Accounts": [member], "Regions": REGIONS}
    assert stack_sets.status(stack_sets.client.create_stack_instances(**request)["OperationId"]) == "FAILED"
    sandbox.operate("create_role", account=member, role="AWSCloudFormationStackSetExecutionRole")
    assert stack_sets.status(stack_sets.client.create_stack_instances(**request)["OperationId"]) == "SUCCEEDED"
    sandbox.operate("require_execution_role", required=False)


def test_a_failing_stack_leaves_the_instance_outdated(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    sandbox.operate("fail_stack", account=member, name=stack_sets.name, reason="no quota")
    request = {"StackSetName": stack_sets.name, "Accounts": [member], "Regions": REGIONS}
    operation_id = stack_sets.client.create_stack_instances(**request)["OperationId"]
    assert stack_sets.results(operation_id)[member][1].endswith("ResourceStatusReason:no quota.")
    assert stack_sets.instances() == [(member, "OUTDATED", "FAILED")]
    assert sandbox.client("cloudformation", member).describe_stacks()["Stacks"] == []
    sandbox.operate("fail_stack", account=member, name=stack_sets.name, reason=None)
    stack_sets.client.create_stack_instances(**request)
    assert stack_sets.instances() == [(member, "CURRENT", "SUCCEEDED")]


def test_overrides_are_kept_replaced_and_reset(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    request = {"StackSetName": stack_sets.name, "Accounts": [member], "Regions": REGIONS}
    stack_sets.client.create_stack_instances(**request, ParameterOverrides=parameters(Stage="dev", ProductName="shop"))
    stack_sets.client.update_stack_instances(**request)
    assert (values(sandbox, member)["Stage"], values(sandbox, member)["ProductName"]) == ("dev", "shop")
    kept = {"ParameterKey": "Stage", "UsePreviousValue": True}
    stack_sets.client.update_stack_instances(**request, ParameterOverrides=[kept])
    assert (values(sandbox, member)["Stage"], values(sandbox, member)["ProductName"]) == ("dev", "unset")
    stack_sets.client.update_stack_set(
        StackSetName=stack_sets.name,
        UsePreviousTemplate=True,
        Parameters=parameters(Stage="prod", ContactEmail="a@example.com"),
    )
    assert (values(sandbox, member)["Stage"], values(sandbox, member)["ContactEmail"]) == ("dev", "a@example.com")
    stack_sets.client.update_stack_instances(**request, ParameterOverrides=[])
    assert values(sandbox, member)["Stage"] == "prod"


def test_a_changed_stack_set_leaves_others_outdated(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    other = sandbox.account("other")
    stack_sets.client.create_stack_instances(StackSetName=stack_sets.name, Accounts=[member, other], Regions=REGIONS)
    stack_sets.client.update_stack_set(
        StackSetName=stack_sets.name,
        UsePreviousTemplate=True,
        Parameters=parameters(Stage="prod"),
        Accounts=[member],
        Regions=REGIONS,
    )
    assert stack_sets.instances(StackInstanceAccount=member) == [(member, "CURRENT", "SUCCEEDED")]
    assert stack_sets.instances(StackInstanceAccount=other) == [(other, "OUTDATED", "SUCCEEDED")]
    assert stack_sets.instances(StackInstanceRegion="us-east-1") == []
    filters = [{"Name": "DETAILED_STATUS", "Values": "FAILED"}]
    assert stack_sets.instances(Filters=filters) == []


def test_instances_come_in_pages(sandbox: Sandbox, stack_sets: StackSets, member: str) -> None:
    regions = ["eu-central-1", "eu-west-1", "us-east-1"]
    stack_sets.client.create_stack_instances(StackSetName=stack_sets.name, Accounts=[member], Regions=regions)
    first = stack_sets.client.list_stack_instances(StackSetName=stack_sets.name, MaxResults=2)
    second = stack_sets.client.list_stack_instances(
        StackSetName=stack_sets.name, MaxResults=2, NextToken=first["NextToken"]
    )
    assert [item["Region"] for item in first["Summaries"] + second["Summaries"]] == regions
    assert "NextToken" not in second
    too_many = refusal(stack_sets.client.list_stack_instances, StackSetName=stack_sets.name, MaxResults=101)
    assert too_many["Error"]["Code"] == "ValidationError"


def test_deleting_instances_deletes_their_stacks_unless_retained(
    sandbox: Sandbox, stack_sets: StackSets, member: str
) -> None:
    other = sandbox.account("other")
    stack_sets.client.create_stack_instances(StackSetName=stack_sets.name, Accounts=[member, other], Regions=REGIONS)
    request = {"StackSetName": stack_sets.name, "Regions": REGIONS}
    stack_sets.client.delete_stack_instances(**request, Accounts=[member], RetainStacks=False)
    stack_sets.client.delete_stack_instances(**request, Accounts=[other], RetainStacks=True)
    assert stack_sets.instances() == []
    assert sandbox.client("cloudformation", member).describe_stacks()["Stacks"] == []
    assert len(sandbox.client("cloudformation", other).describe_stacks()["Stacks"]) == 1
    again = stack_sets.client.delete_stack_instances(**request, Accounts=[member], RetainStacks=False)["OperationId"]
    assert stack_sets.status(again) == "SUCCEEDED"
    shown = {item["name"]: item["instances"] for item in sandbox.state()["stack_sets"]}
    assert shown[stack_sets.name] == []
