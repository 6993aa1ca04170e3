from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.conftest import Connect, error_of
from workers.sandbox import organization as sandbox
from workers.sandbox.client import SimulatorClient

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


def test_roles_and_saml_providers_are_motos(member: Any) -> None:
    member.create_role(RoleName="federated", AssumeRolePolicyDocument=EMPTY_TRUST)
    twice = error_of(lambda: member.create_role(RoleName="federated", AssumeRolePolicyDocument=EMPTY_TRUST))
    assert (twice["Code"], twice["status"]) == ("EntityAlreadyExists", 409)
    member.attach_role_policy(RoleName="federated", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    attached = member.list_attached_role_policies(RoleName="federated")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["ReadOnlyAccess"]
    metadata = "<EntityDescriptor>" + "x" * 1000 + "</EntityDescriptor>"
    made = member.create_saml_provider(Name="idp", SAMLMetadataDocument=metadata)
    assert [one["Arn"] for one in member.list_saml_providers()["SAMLProviderList"]] == [made["SAMLProviderArn"]]


def test_the_access_role_of_a_new_account_is_administrator(member: Any) -> None:
    attached = member.list_attached_role_policies(RoleName=sandbox.ACCESS_ROLE)["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in attached] == ["AdministratorAccess"]


def test_a_users_new_key_works(connect: Connect) -> None:
    iam = connect("iam")
    iam.create_user(UserName="newcomer")
    key = iam.create_access_key(UserName="newcomer")["AccessKey"]
    assert connect("sts", key).get_caller_identity()["Arn"].endswith(":user/newcomer")
