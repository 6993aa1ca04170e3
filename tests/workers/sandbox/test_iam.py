from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.workers.sandbox.conftest import Connect, error_of
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient

METADATA = "<EntityDescriptor><IDPSSODescriptor/>" + "x" * 1000 + "</EntityDescriptor>"
AWS_POLICY = "arn:aws:iam::aws:policy/"
POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
EMPTY_TRUST = '{"Version": "2012-10-17", "Statement": []}'


@pytest.fixture
def member(connect: Connect, simulator: SimulatorClient, request: pytest.FixtureRequest) -> Any:
    """IAM inside a member account of its own."""
    name = request.node.name.split("[")[0][-40:]
    account_id = simulator.operator("create_account", name=name, email=f"{name[-30:]}@example.com")["account"]
    role = f"arn:aws:iam::{account_id}:role/{sandbox.ACCESS_ROLE}"
    return connect("iam", connect("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"])


def test_an_alias_is_unique_and_a_new_one_replaces(connect: Connect, member: Any, simulator: SimulatorClient) -> None:
    assert member.list_account_aliases()["AccountAliases"] == []
    member.create_account_alias(AccountAlias="first-alias")
    member.create_account_alias(AccountAlias="second-alias")
    assert member.list_account_aliases()["AccountAliases"] == ["second-alias"]
    taken = error_of(lambda: connect("iam").create_account_alias(AccountAlias="second-alias"))
    assert (taken["Code"], taken["status"]) == ("EntityAlreadyExists", 409)
    connect("iam").create_account_alias(AccountAlias="first-alias")  # free again
    simulator.operator("take_alias", alias="strangers-alias")
    assert error_of(lambda: member.create_account_alias(AccountAlias="strangers-alias"))["status"] == 409
    missing = error_of(lambda: member.delete_account_alias(AccountAlias="first-alias"))
    assert (missing["Code"], missing["status"]) == ("NoSuchEntity", 404)
    member.delete_account_alias(AccountAlias="second-alias")
    assert member.list_account_aliases()["AccountAliases"] == []


@pytest.mark.parametrize("alias", ["UPPER", "two--dashes", "-lead", "trail-", "under_score", "x" * 64])
def test_bad_aliases(connect: Connect, alias: str) -> None:
    refused = error_of(lambda: connect("iam").create_account_alias(AccountAlias=alias))
    assert (refused["Code"], refused["status"]) == ("ValidationError", 400)


def test_a_role_is_made_once_and_needs_a_trust_policy(member: Any) -> None:
    member.create_role(RoleName="federated", AssumeRolePolicyDocument=EMPTY_TRUST)
    twice = error_of(lambda: member.create_role(RoleName="Federated", AssumeRolePolicyDocument=EMPTY_TRUST))
    assert (twice["Code"], twice["status"]) == ("EntityAlreadyExists", 409)  # IAM does not tell cases apart
    bad = error_of(lambda: member.create_role(RoleName="bad", AssumeRolePolicyDocument="{"))
    assert (bad["Code"], bad["status"]) == ("MalformedPolicyDocument", 400)
    assert error_of(lambda: member.create_role(RoleName="a b", AssumeRolePolicyDocument="{}"))["Code"] == (
        "ValidationError"
    )
    missing = error_of(lambda: member.get_role(RoleName="nobody"))
    assert (missing["Code"], missing["status"]) == ("NoSuchEntity", 404)


def test_policies_of_a_role(member: Any) -> None:
    member.create_role(RoleName="policies", AssumeRolePolicyDocument=EMPTY_TRUST)
    member.attach_role_policy(RoleName="policies", PolicyArn=f"{AWS_POLICY}ReadOnlyAccess")
    member.attach_role_policy(RoleName="policies", PolicyArn=f"{AWS_POLICY}ReadOnlyAccess")
    attached = member.list_attached_role_policies(RoleName="policies")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["ReadOnlyAccess"]
    for wrong in ("ViewOnlyAccess", "job-function/ReadOnlyAccess", "Nothing"):  # a path is part of the ARN
        attach = partial(member.attach_role_policy, RoleName="policies", PolicyArn=f"{AWS_POLICY}{wrong}")
        refused = error_of(attach)
        assert (refused["Code"], refused["status"]) == ("NoSuchEntity", 404)
    conflict = error_of(lambda: member.delete_role(RoleName="policies"))
    assert (conflict["Code"], conflict["status"]) == ("DeleteConflict", 409)


def test_at_most_ten_policies_are_attached(member: Any) -> None:
    member.create_role(RoleName="many", AssumeRolePolicyDocument=EMPTY_TRUST)
    made = [member.create_policy(PolicyName=f"own{number}", PolicyDocument=POLICY) for number in range(11)]
    for policy in made[:10]:
        member.attach_role_policy(RoleName="many", PolicyArn=policy["Policy"]["Arn"])
    eleventh = error_of(lambda: member.attach_role_policy(RoleName="many", PolicyArn=made[10]["Policy"]["Arn"]))
    assert (eleventh["Code"], eleventh["status"]) == ("LimitExceeded", 409)


def test_saml_providers(member: Any) -> None:
    made = member.create_saml_provider(Name="idp", SAMLMetadataDocument=METADATA, Tags=[{"Key": "k", "Value": "v"}])
    arn = made["SAMLProviderArn"]
    assert [one["Arn"] for one in member.list_saml_providers()["SAMLProviderList"]] == [arn]
    shown = member.get_saml_provider(SAMLProviderArn=arn)
    assert (shown["SAMLMetadataDocument"], shown["Tags"]) == (METADATA, [{"Key": "k", "Value": "v"}])
    member.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=METADATA + " ")
    twice = error_of(lambda: member.create_saml_provider(Name="idp", SAMLMetadataDocument=METADATA))
    assert (twice["Code"], twice["status"]) == ("EntityAlreadyExists", 409)
    bad = error_of(lambda: member.create_saml_provider(Name="bad", SAMLMetadataDocument="x" * 1000))
    assert (bad["Code"], bad["status"]) == ("InvalidInput", 400)
    member.delete_saml_provider(SAMLProviderArn=arn)
    missing = error_of(lambda: member.get_saml_provider(SAMLProviderArn=arn))
    assert (missing["Code"], missing["status"]) == ("NoSuchEntity", 404)


def test_a_role_trusts_only_a_saml_provider_that_is_there(member: Any) -> None:
    account = member.get_role(RoleName=sandbox.ACCESS_ROLE)["Role"]["Arn"].split(":")[4]
    trust = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Federated": f"arn:aws:iam::{account}:saml-provider/trusted"},
                "Action": "sts:AssumeRoleWithSAML",
            },
        }
    )
    early = error_of(lambda: member.create_role(RoleName="early", AssumeRolePolicyDocument=trust))
    assert early["Code"] == "MalformedPolicyDocument"
    assert "Invalid principal" in early["Message"]
    member.create_saml_provider(Name="trusted", SAMLMetadataDocument=METADATA)
    member.create_role(RoleName="early", AssumeRolePolicyDocument=trust)


def test_the_access_role_of_a_new_account_is_administrator(member: Any) -> None:
    attached = member.list_attached_role_policies(RoleName=sandbox.ACCESS_ROLE)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]


def test_a_users_new_key_works(connect: Connect) -> None:
    iam = connect("iam")
    iam.create_user(UserName="newcomer")
    key = iam.create_access_key(UserName="newcomer")["AccessKey"]
    assert connect("sts", key).get_caller_identity()["Arn"].endswith(":user/newcomer")
