"""The simulator's change sets: as strict as CloudFormation, and what they deploy is there."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.waiting import eventually
from tests.workers.sandbox.requests import Sandbox
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "${WHO}"}, "Action": "sts:AssumeRole"}],
}
ROOT = f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:root"


@pytest.fixture
def cloudformation(simulator: SimulatorClient, session: boto3.Session) -> Any:
    return Sandbox(simulator, session).client("cloudformation", organization.AUTOMATION_ACCOUNT_ID)


def body(role: str, who: str = ROOT) -> str:
    trust = json.loads(json.dumps(TRUST).replace("${WHO}", who))
    properties = {"RoleName": role, "AssumeRolePolicyDocument": trust}
    return json.dumps({"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": properties}}})


def prepare(cloudformation: Any, stack: str, template: str, kind: str = "CREATE", name: str = "one") -> None:
    cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateBody=template,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    eventually(
        lambda: (
            cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)["Status"] != "CREATE_IN_PROGRESS"
        )
    )


def status(cloudformation: Any, stack: str) -> str:
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return str(found["StackStatus"])


def code(ask: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        ask(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_stack_waits_for_its_change_set(cloudformation: Any, simulator: SimulatorClient) -> None:
    prepare(cloudformation, "set-a", body("FromSetA"))
    assert status(cloudformation, "set-a") == "REVIEW_IN_PROGRESS"
    shown = cloudformation.describe_change_set(StackName="set-a", ChangeSetName="one")
    assert [each["ResourceChange"]["Action"] for each in shown["Changes"]] == ["Add"]

    cloudformation.execute_change_set(StackName="set-a", ChangeSetName="one")
    eventually(lambda: status(cloudformation, "set-a") == "CREATE_COMPLETE")

    assert code(cloudformation.execute_change_set, StackName="set-a", ChangeSetName="one") == "InvalidChangeSetStatus"
    prepare(cloudformation, "set-a", body("FromSetA"), "UPDATE", "two")
    same = cloudformation.describe_change_set(StackName="set-a", ChangeSetName="two")
    assert (same["Status"], same["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in same["StatusReason"]


@pytest.mark.parametrize(
    ("stack", "template", "reason"),
    [
        ("set-b", body(organization.AUTOMATION_ROLE), "already exists"),
        (
            "set-c",
            body("FromSetC", f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/Nobody"),
            "Invalid principal",
        ),
    ],
)
def test_what_aws_would_not_make_fails_the_stack(cloudformation: Any, stack: str, template: str, reason: str) -> None:
    prepare(cloudformation, stack, template)
    cloudformation.execute_change_set(StackName=stack, ChangeSetName="one")

    eventually(lambda: status(cloudformation, stack) == "ROLLBACK_COMPLETE")

    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    assert any(reason in each.get("ResourceStatusReason", "") for each in events)


def test_the_kind_must_fit_the_stack(cloudformation: Any) -> None:
    wrong = {"ChangeSetName": "one", "TemplateBody": body("X"), "Capabilities": ["CAPABILITY_NAMED_IAM"]}
    assert (
        code(cloudformation.create_change_set, StackName="none", ChangeSetType="UPDATE", **wrong) == "ValidationError"
    )
    assert code(cloudformation.describe_change_set, StackName="none", ChangeSetName="one") == "ValidationError"
