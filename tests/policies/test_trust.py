"""Who may enter which account: the external ids of the trust policies and the doors that stay shut."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pydantic import SecretStr

from config.platform import Platform
from tasks.aws import Aws
from tasks.aws.session import Sessions
from tasks.errors import SignInRefused
from tasks.stacks.templates import STACK_NAME
from tests.policies.replications import Replications
from workers.sandbox import organization

WRONG = [SecretStr("wrong"), None]


def aws(replications: Replications, platform: Platform) -> Aws:
    """Look at AWS with sessions of its own, so that nothing is signed in yet."""
    newcomer = replace(replications.world, sessions=Sessions())
    return newcomer.aws(replications.tenant("any", platform=platform))


@pytest.fixture(scope="module")
def member(replications: Replications) -> str:
    """The id of an account with the published access role."""
    return replications.replicate(replications.tenant("trusting")).known_account()


@pytest.mark.parametrize("external_id", WRONG, ids=["wrong", "missing"])
def test_the_management_role_wants_its_external_id(replications: Replications, external_id: SecretStr | None) -> None:
    stranger = replications.platform.model_copy(update={"management_external_id": external_id})

    with pytest.raises(SignInRefused, match=r"sts:AssumeRole on .*MeshfedServiceRole"):
        aws(replications, stranger).organizations.root()


@pytest.mark.parametrize("external_id", WRONG, ids=["wrong", "missing"])
def test_the_automation_role_wants_its_own_external_id(
    replications: Replications, external_id: SecretStr | None
) -> None:
    stranger = replications.platform.model_copy(update={"automation_external_id": external_id})

    with pytest.raises(SignInRefused, match=r"sts:AssumeRole on .*MeshfedAutomationRole"):
        aws(replications, stranger).stack_sets(organization.REGION).describe(organization.STACK_SET_NAME)


@pytest.mark.parametrize("external_id", ["wrong", organization.AUTOMATION_EXTERNAL_ID, None])
def test_the_access_role_wants_the_external_id(
    replications: Replications, member: str, external_id: str | None
) -> None:
    management = Sessions().management(replications.platform, "sts")

    assert code_of(management, role_of(member), external_id) == "AccessDenied"
    assert code_of(management, role_of(member), organization.EXTERNAL_ID) is None


def test_the_trust_policies_ask_too_when_the_callers_policy_does_not(replications: Replications, member: str) -> None:
    everything = {
        "Version": "2012-10-17",
        "Statement": [{"Sid": "All", "Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    replications.world.simulator.operator(
        "create_role", account=organization.MANAGEMENT_ACCOUNT_ID, role="Bold", policies={"All": everything}
    )
    administrator = signed_in(organization.ADMINISTRATOR_ACCESS_KEY, organization.ADMINISTRATOR_SECRET_KEY)
    entered = administrator.assume_role(
        RoleArn=f"arn:aws:iam::{organization.MANAGEMENT_ACCOUNT_ID}:role/Bold", RoleSessionName="bold"
    )["Credentials"]
    bold = signed_in(entered["AccessKeyId"], entered["SecretAccessKey"], entered["SessionToken"])

    for role in (role_of(member), organization.MANAGEMENT_ROLE_ARN, organization.AUTOMATION_ROLE_ARN):
        for external_id in (organization.EXTERNAL_ID, organization.AUTOMATION_EXTERNAL_ID, None):
            assert code_of(bold, role, external_id) == "AccessDenied"  # they name who may come in, not the account


def test_each_principal_reaches_the_next_account_only(replications: Replications, member: str) -> None:
    sessions, platform = Sessions(), replications.platform
    user = signed_in(organization.SERVICE_USER_ACCESS_KEY, organization.SERVICE_USER_SECRET_KEY)
    automation = sessions.automation(platform, "sts", organization.REGION)
    inside = sessions.member(platform, member, "sts", organization.REGION)
    shut = [
        (user, role_of(member)),
        (sessions.management(platform, "sts"), organization.AUTOMATION_ROLE_ARN),
        (automation, organization.MANAGEMENT_ROLE_ARN),
        (automation, role_of(member)),
        (inside, organization.MANAGEMENT_ROLE_ARN),
        (inside, organization.AUTOMATION_ROLE_ARN),
    ]

    for client, role in shut:
        for external_id in (organization.EXTERNAL_ID, organization.AUTOMATION_EXTERNAL_ID):
            assert code_of(client, role, external_id) == "AccessDenied"


def test_no_principal_does_anothers_work(replications: Replications, member: str) -> None:
    sessions, platform = Sessions(), replications.platform
    region = organization.REGION
    instances = {"StackSetName": organization.STACK_SET_NAME}
    forbidden = [
        (sessions.management(platform, "cloudformation").list_stack_instances, instances),
        (sessions.management(platform, "iam").create_account_alias, {"AccountAlias": "ours"}),
        (sessions.automation(platform, "cloudformation", region).describe_stacks, {"StackName": STACK_NAME}),
        (sessions.automation(platform, "organizations", region).list_roots, {}),
        (sessions.member(platform, member, "organizations", region).list_accounts, {}),
        (sessions.member(platform, member, "cloudformation", region).delete_stack, {"StackName": "somebody-elses"}),
        (sessions.management(platform, "organizations").leave_organization, {}),
    ]

    for call, parameters in forbidden:
        with pytest.raises(ClientError) as refused:
            call(**parameters)
        assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), call


def role_of(account_id: str) -> str:
    return f"arn:aws:iam::{account_id}:role/{organization.ACCESS_ROLE}"


def signed_in(access_key: str, secret_key: str, token: str | None = None) -> Any:
    return boto3.client(
        "sts",
        region_name=organization.REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
    )


def code_of(client: Any, role: str, external_id: str | None) -> str | None:
    """Try to assume a role; None when it worked."""
    external = {"ExternalId": external_id} if external_id else {}
    try:
        client.assume_role(RoleArn=role, RoleSessionName="door", **external)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None
