"""The simulator's CloudFormation stacks, asked through boto3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.workers.sandbox.requests import Sandbox, refusal
from workers.sandbox.aws.templates import Template, read_template
from workers.sandbox.client import SimulatorClient

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Stage: {Type: String}
  Contact: {Type: String, Default: nobody@example.com}
Resources:
  Reader:
    Type: AWS::IAM::Role
    Properties: {RoleName: !Sub "reader-${Stage}"}
Outputs:
  Arn: {Value: !GetAtt Reader.Arn}
  Where: {Value: !Join ["/", [!Ref Stage, !Ref AWS::AccountId, !Ref AWS::Region]]}
"""
MINUTES = 600.0


def stack(**changes: Any) -> dict[str, Any]:
    """Make the arguments of a CreateStack that succeeds."""
    return {
        "StackName": "access",
        "TemplateBody": TEMPLATE,
        "Parameters": [{"ParameterKey": "Stage", "ParameterValue": "dev"}],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
        **changes,
    }


@pytest.fixture
def sandbox(simulator: SimulatorClient, session: boto3.Session) -> Sandbox:
    return Sandbox(simulator, session)


@pytest.fixture
def member(sandbox: Sandbox) -> str:
    return sandbox.account("member")


@pytest.fixture
def cloudformation(sandbox: Sandbox, member: str) -> Any:
    sandbox.set(stack_seconds=0)
    return sandbox.client("cloudformation", member)


def status(cloudformation: Any, name: str = "access") -> str:
    answer: str = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
    return answer


def test_a_stack_comes_into_being_with_its_outputs(sandbox: Sandbox, member: str, cloudformation: Any) -> None:
    sandbox.set(stack_seconds=MINUTES)
    stack_id = cloudformation.create_stack(**stack(Tags=[{"Key": "tenant", "Value": "a.b"}]))["StackId"]
    assert stack_id.startswith(f"arn:aws:cloudformation:eu-central-1:{member}:stack/access/")
    assert status(cloudformation) == "CREATE_IN_PROGRESS"
    sandbox.pass_time(MINUTES)
    description = cloudformation.describe_stacks(StackName=stack_id)["Stacks"][0]
    assert {item["OutputKey"]: item["OutputValue"] for item in description["Outputs"]} == {
        "Arn": f"arn:aws:iam::{member}:role/reader-dev",
        "Where": f"dev/{member}/eu-central-1",
    }
    assert {item["ParameterKey"]: item["ParameterValue"] for item in description["Parameters"]} == {
        "Stage": "dev",
        "Contact": "nobody@example.com",
    }
    assert description["Tags"] == [{"Key": "tenant", "Value": "a.b"}]
    assert [item["name"] for item in sandbox.state()["cloudformation"] if item["account"] == member] == ["access"]


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"Parameters": []}, "ValidationError", "Parameters: [Stage] must have values"),
        (
            {
                "Parameters": [
                    {"ParameterKey": "Stage", "ParameterValue": "a"},
                    {"ParameterKey": "X", "ParameterValue": "b"},
                ]
            },
            "ValidationError",
            "Parameters: [X] do not exist in the template",
        ),
        (
            {"Capabilities": ["CAPABILITY_IAM"]},
            "InsufficientCapabilitiesException",
            "Requires capabilities : [CAPABILITY_NAMED_IAM]",
        ),
        ({"StackName": "not_a_name"}, "ValidationError", "[a-zA-Z][-a-zA-Z0-9]*"),
        ({"TemplateBody": "Resources: ["}, "ValidationError", "Template format error: YAML not well-formed. (line 1"),
        ({"TemplateBody": "{"}, "ValidationError", "Template format error: JSON not well-formed."),
        ({"TemplateBody": "Parameters: {}"}, "ValidationError", "At least one Resources member must be defined."),
        ({"TemplateBody": "#" * 51_201}, "ValidationError", "less than or equal to 51200"),
        ({"TemplateBody": TEMPLATE.replace("!GetAtt Reader", "!GetAtt Writer")}, "ValidationError", "[Writer]"),
        ({"ClientRequestToken": "under_score"}, "ValidationError", "clientRequestToken"),
    ],
)
def test_a_wrong_stack_is_refused(cloudformation: Any, changes: dict[str, Any], code: str, words: str) -> None:
    found = refusal(cloudformation.create_stack, **stack(**changes))
    assert found["Error"]["Code"] == code
    assert words in found["Error"]["Message"]
    assert cloudformation.describe_stacks()["Stacks"] == []


def test_a_template_comes_from_a_url_that_is_offered(sandbox: Sandbox, cloudformation: Any) -> None:
    arguments = stack(TemplateURL="https://templates.example.com/access.yaml")
    del arguments["TemplateBody"]
    assert refusal(cloudformation.create_stack, **arguments)["Error"]["Message"] == "S3 error: Access Denied"
    sandbox.operate("offer_template", url=arguments["TemplateURL"], body=TEMPLATE)
    assert cloudformation.create_stack(**arguments)["StackId"]


def test_the_same_request_answers_the_same_stack(cloudformation: Any) -> None:
    first = cloudformation.create_stack(**stack(ClientRequestToken="dispatch-1"))
    assert cloudformation.create_stack(**stack(ClientRequestToken="dispatch-1"))["StackId"] == first["StackId"]
    other = stack(ClientRequestToken="dispatch-1", Parameters=[{"ParameterKey": "Stage", "ParameterValue": "prod"}])
    assert refusal(cloudformation.create_stack, **other)["Error"]["Code"] == "TokenAlreadyExistsException"
    assert refusal(cloudformation.create_stack, **stack())["Error"]["Code"] == "AlreadyExistsException"


def test_a_failing_stack_is_rolled_back_and_its_events_say_why(sandbox: Sandbox, cloudformation: Any) -> None:
    body = 'Metadata: {SimulateFailure: "the bucket exists"}\n' + TEMPLATE
    cloudformation.create_stack(**stack(TemplateBody=body))
    description = cloudformation.describe_stacks(StackName="access")["Stacks"][0]
    assert description["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "failed to create: [Reader]" in description["StackStatusReason"]
    assert not description.get("Outputs")
    events = cloudformation.describe_stack_events(StackName="access")["StackEvents"]
    assert [item["ResourceStatusReason"] for item in events if item["ResourceStatus"] == "CREATE_FAILED"] == [
        "the bucket exists"
    ]
    found = refusal(cloudformation.update_stack, **stack())
    assert found["Error"]["Message"].endswith("is in ROLLBACK_COMPLETE state and can not be updated.")
    assert refusal(cloudformation.create_stack, **stack())["Error"]["Code"] == "AlreadyExistsException"


def test_without_rollback_a_failing_stack_stays(sandbox: Sandbox, member: str, cloudformation: Any) -> None:
    sandbox.operate("fail_stack", account=member, name="access", reason="no quota")
    cloudformation.create_stack(**stack(DisableRollback=True))
    assert status(cloudformation) == "CREATE_FAILED"


def test_an_update_changes_parameters_or_is_no_update(sandbox: Sandbox, cloudformation: Any) -> None:
    cloudformation.create_stack(**stack())
    previous = {"UsePreviousTemplate": True, "Capabilities": ["CAPABILITY_NAMED_IAM"], "StackName": "access"}
    same = refusal(cloudformation.update_stack, **stack())
    assert same["Error"] == {"Type": "Sender", "Code": "ValidationError", "Message": "No updates are to be performed."}
    kept = [{"ParameterKey": "Stage", "UsePreviousValue": True}]
    assert refusal(cloudformation.update_stack, **previous, Parameters=kept)["Error"]["Code"] == "ValidationError"
    changed = [*kept, {"ParameterKey": "Contact", "ParameterValue": "a@example.com"}]
    cloudformation.update_stack(**previous, Parameters=changed)
    assert status(cloudformation) == "UPDATE_COMPLETE"
    failing = [*kept, {"ParameterKey": "Contact", "ParameterValue": "fail"}]
    cloudformation.update_stack(**previous, Parameters=failing)
    description = cloudformation.describe_stacks(StackName="access")["Stacks"][0]
    assert description["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {"ParameterKey": "Contact", "ParameterValue": "a@example.com"} in description["Parameters"]


def test_a_stack_in_progress_cannot_be_updated(sandbox: Sandbox, cloudformation: Any) -> None:
    sandbox.set(stack_seconds=MINUTES)
    stack_id = cloudformation.create_stack(**stack())["StackId"]
    found = refusal(cloudformation.update_stack, **stack())
    assert found["Error"]["Message"] == f"Stack:{stack_id} is in CREATE_IN_PROGRESS state and can not be updated."


def test_a_deleted_stack_is_found_by_its_id_only(sandbox: Sandbox, cloudformation: Any) -> None:
    stack_id = cloudformation.create_stack(**stack())["StackId"]
    cloudformation.delete_stack(StackName="access")
    cloudformation.delete_stack(StackName="access")
    message = refusal(cloudformation.describe_stacks, StackName="access")["Error"]["Message"]
    assert message == "Stack with id access does not exist"
    assert status(cloudformation, stack_id) == "DELETE_COMPLETE"
    summaries = cloudformation.list_stacks(StackStatusFilter=["DELETE_COMPLETE"])["StackSummaries"]
    assert [item["StackId"] for item in summaries] == [stack_id]
    assert cloudformation.create_stack(**stack())["StackId"] != stack_id


def test_stacks_belong_to_an_account_and_a_region(sandbox: Sandbox, member: str, cloudformation: Any) -> None:
    cloudformation.create_stack(**stack())
    assert sandbox.client("cloudformation", member, "us-east-1").describe_stacks()["Stacks"] == []
    assert sandbox.client("cloudformation", sandbox.account("other")).describe_stacks()["Stacks"] == []


def test_an_operator_sets_a_status(sandbox: Sandbox, member: str, cloudformation: Any) -> None:
    cloudformation.create_stack(**stack())
    place = {"account": member, "region": "eu-central-1", "name": "access"}
    sandbox.operate("set_stack_status", **place, status="UPDATE_ROLLBACK_FAILED", reason="by hand")
    description = cloudformation.describe_stacks(StackName="access")["Stacks"][0]
    assert (description["StackStatus"], description["StackStatusReason"]) == ("UPDATE_ROLLBACK_FAILED", "by hand")


def test_a_suspended_account_deploys_nothing(sandbox: Sandbox, member: str, cloudformation: Any) -> None:
    cloudformation.describe_stacks()
    sandbox.operate("suspend_account", account=member)
    assert refusal(cloudformation.create_stack, **stack())["Error"]["Code"] == "AccessDenied"


def test_templates_are_described(cloudformation: Any) -> None:
    cloudformation.create_stack(**stack())
    assert cloudformation.get_template(StackName="access")["TemplateBody"] == TEMPLATE
    summary = cloudformation.get_template_summary(TemplateBody=TEMPLATE)
    assert summary["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert summary["ResourceTypes"] == ["AWS::IAM::Role"]
    declared = cloudformation.validate_template(TemplateBody=TEMPLATE)["Parameters"]
    assert {item["ParameterKey"]: item.get("DefaultValue") for item in declared} == {
        "Stage": None,
        "Contact": "nobody@example.com",
    }


def test_an_operation_that_is_not_offered_is_refused(cloudformation: Any) -> None:
    assert "simulator" in refusal(cloudformation.list_exports)["Error"]["Message"]


@pytest.mark.parametrize(
    ("resource", "capabilities"),
    [
        ("{Type: AWS::S3::Bucket}", []),
        ("{Type: AWS::IAM::Role}", ["CAPABILITY_IAM"]),
        ("{Type: AWS::IAM::ManagedPolicy, Properties: {ManagedPolicyName: x}}", ["CAPABILITY_NAMED_IAM"]),
    ],
)
def test_capabilities_follow_from_the_resources(resource: str, capabilities: list[str]) -> None:
    read: Callable[[str], Template] = read_template
    assert read(f"Resources: {{One: {resource}}}").capabilities() == capabilities
