from __future__ import annotations

import json
from typing import Any

import pytest

from tests.workers.sandbox.conftest import Connect, error_of
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient

KIND = "SERVICE_CONTROL_POLICY"


def deny(action: str = "iam:CreateRole", **rest: Any) -> str:
    statement = {"Effect": "Deny", "Action": action, "Resource": "*", **rest}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def make(organizations: Any, name: str, content: str) -> str:
    made = organizations.create_policy(Name=name, Description="test", Content=content, Type=KIND)
    return str(made["Policy"]["PolicySummary"]["Id"])


def names(organizations: Any, target: str) -> list[str]:
    return [one["Name"] for one in organizations.list_policies_for_target(TargetId=target, Filter=KIND)["Policies"]]


@pytest.fixture
def unit(simulator: SimulatorClient, request: pytest.FixtureRequest) -> str:
    return str(simulator.operator("create_ou", name=request.node.name[:100])["id"])


def test_a_policy_binds_the_accounts_below_its_target_and_nobody_else(
    connect: Connect, simulator: SimulatorClient, unit: str
) -> None:
    organizations = connect("organizations")
    account = simulator.operator("create_account", name="bound", email="bound@example.com", parent_id=unit)["account"]
    role = f"arn:aws:iam::{account}:role/{sandbox.ACCESS_ROLE}"
    iam = connect("iam", connect("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"])
    others = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/somebody-else"}}
    policy = make(organizations, "binding", deny(Condition=others))
    organizations.attach_policy(PolicyId=policy, TargetId=unit)

    refused = error_of(lambda: iam.create_role(RoleName="new", AssumeRolePolicyDocument="{}"))

    assert (refused["Code"], refused["status"]) == ("AccessDenied", 403)
    assert "explicit deny in a service control policy" in refused["Message"]
    assert sorted(names(organizations, unit)) == ["FullAWSAccess", "binding"]
    assert names(organizations, account) == ["FullAWSAccess"]  # what it inherits is not listed
    excepted = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::*:role/{sandbox.ACCESS_ROLE}"}}
    organizations.update_policy(PolicyId=policy, Content=deny(Condition=excepted))
    iam.create_role(RoleName="new", AssumeRolePolicyDocument='{"Version": "2012-10-17"}')


def test_what_aws_refuses(connect: Connect, unit: str, simulator: SimulatorClient) -> None:
    organizations = connect("organizations")
    policy = make(organizations, "refusing", deny())
    organizations.attach_policy(PolicyId=policy, TargetId=unit)
    missing, full = "p-00000000", "p-FullAWSAccess"
    long = deny("x" * 5_200)
    for call, code in (
        (lambda: make(organizations, "refusing", deny()), "DuplicatePolicyException"),
        (lambda: make(organizations, "broken", "{}"), "MalformedPolicyDocumentException"),
        (lambda: make(organizations, "long", long), "ConstraintViolationException"),
        (lambda: organizations.attach_policy(PolicyId=policy, TargetId=unit), "DuplicatePolicyAttachmentException"),
        (lambda: organizations.attach_policy(PolicyId=policy, TargetId="ou-none-00000000"), "TargetNotFoundException"),
        (lambda: organizations.attach_policy(PolicyId=missing, TargetId=unit), "PolicyNotFoundException"),
        (lambda: organizations.update_policy(PolicyId=missing, Name="x"), "PolicyNotFoundException"),
        (lambda: organizations.update_policy(PolicyId=full, Name="x"), "InvalidInputException"),
        (lambda: organizations.describe_policy(PolicyId=missing), "PolicyNotFoundException"),
        (lambda: organizations.list_policies(Filter="NO_POLICY"), "InvalidInputException"),
    ):
        assert error_of(call)["Code"] == code
    for number in range(3):
        organizations.attach_policy(PolicyId=make(organizations, f"more-{number}", deny()), TargetId=unit)
    fifth = make(organizations, "fifth", deny())
    refused = error_of(lambda: organizations.attach_policy(PolicyId=fifth, TargetId=unit))
    assert (refused["Code"], refused["status"]) == ("ConstraintViolationException", 400)
    simulator.operator("enable_control_policies", enabled=False)
    refused = error_of(lambda: organizations.attach_policy(PolicyId=fifth, TargetId=sandbox.PRODUCTION_OU_ID))
    simulator.operator("enable_control_policies", enabled=True)
    assert refused["Code"] == "PolicyTypeNotEnabledException"


def test_twenty_policies_a_page(connect: Connect) -> None:
    organizations = connect("organizations")
    for number in range(22):
        make(organizations, f"paged-{number}", deny())

    first = organizations.list_policies(Filter=KIND)
    pages = organizations.get_paginator("list_policies").paginate(Filter=KIND)

    assert len(first["Policies"]) == 20
    assert {f"paged-{number}" for number in range(22)} <= {one["Name"] for page in pages for one in page["Policies"]}
