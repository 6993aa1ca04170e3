"""Sessions that name the tenant and the replication: only where every role allows it, and one for each of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from config.platform import Platform
from tasks.aws.actions import Principal
from tasks.aws.purpose import CONNECTOR, Purpose
from tasks.aws.session import Sessions
from tests.policies.replications import Replications, published
from tests.support.empty_organization import users
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

FIRST, SECOND = Purpose("least.first.aws.sandbox", "0192"), Purpose("least.second.aws.sandbox", "0193")
ROLES = {
    Principal.MANAGEMENT_ROLE: (organization.MANAGEMENT_ACCOUNT_ID, organization.MANAGEMENT_ROLE),
    Principal.AUTOMATION_ROLE: (organization.AUTOMATION_ACCOUNT_ID, organization.AUTOMATION_ROLE),
}


@pytest.fixture
def tagging(replications: Replications) -> Platform:
    return replications.platform.model_copy(update={"session_tags": True})


@pytest.fixture(scope="module")
def administrated(simulator: SimulatorClient) -> Iterator[None]:
    """Let somebody change the service user's policy."""
    account, administrator = organization.MESHCLOUD_ACCOUNT_ID, ["arn:aws:iam::aws:policy/AdministratorAccess"]
    simulator.operator("create_role", account=account, role=organization.DEFAULT_ACCESS_ROLE, managed=administrator)
    yield
    simulator.operator("delete_role", account=account, role=organization.DEFAULT_ACCESS_ROLE)


@pytest.fixture
def allowed(
    administrated: None, simulator: SimulatorClient, replications: Replications, tagging: Platform
) -> Iterator[None]:
    """Publish the documents of a platform that passes tags; afterwards those of one that does not."""
    publish(simulator, tagging)
    yield
    publish(simulator, replications.platform)


def publish(simulator: SimulatorClient, platform: Platform) -> None:
    found = published(platform)
    user, policy = organization.SERVICE_USER, json.dumps(found[Principal.SERVICE_USER].policy)
    iam = users(simulator)
    (name,) = iam.list_user_policies(UserName=user)["PolicyNames"]
    iam.put_user_policy(UserName=user, PolicyName=name, PolicyDocument=policy)
    for principal, (account, role) in ROLES.items():
        trust_role(simulator, account, role, found[principal].trust, found[principal].policy)


def trust_role(simulator: SimulatorClient, account: str, role: str, trust: Any, policy: Any) -> None:
    simulator.operator("delete_role", account=account, role=role)
    simulator.operator("create_role", account=account, role=role, trust=trust, policies={role: policy})


def roots(sessions: Sessions, platform: Platform, purpose: Purpose) -> Any:
    return sessions.management(platform, "organizations", purpose).list_roots()["Roots"]


def test_no_tag_is_taken_by_roles_that_do_not_say_so(replications: Replications, tagging: Platform) -> None:
    with pytest.raises(ClientError, match=r"sts:TagSession on resource: .*MeshfedServiceRole"):
        roots(Sessions(), tagging, FIRST)
    assert roots(Sessions(), tagging, CONNECTOR), "what the connector does for itself names no tenant"
    assert roots(Sessions(), replications.platform, FIRST), "it is not asked for"


@pytest.mark.usefixtures("allowed")
def test_each_replication_has_a_session_of_its_own(simulator: SimulatorClient, tagging: Platform) -> None:
    sessions, region = Sessions(), organization.REGION
    before = simulator.counts().operations.get("sts:AssumeRole", 0)

    for purpose in (FIRST, SECOND, FIRST):
        assert roots(sessions, tagging, purpose)
        assert sessions.automation(tagging, "sts", region, purpose=purpose).get_caller_identity()

    assert simulator.counts().operations["sts:AssumeRole"] == before + 4


@pytest.mark.usefixtures("allowed")
def test_aws_is_told_whom_it_is_for(simulator: SimulatorClient, tagging: Platform) -> None:
    account, role = ROLES[Principal.MANAGEMENT_ROLE]
    found = published(tagging)[Principal.MANAGEMENT_ROLE]
    assert found.trust is not None
    entering, tags = found.trust["Statement"]
    told = {"aws:RequestTag/meshstack:tenant": FIRST.tenant, "aws:RequestTag/meshstack:replication": FIRST.replication}
    choosy = {**found.trust, "Statement": [entering, {**tags, "Condition": {"StringEquals": told}}]}
    trust_role(simulator, account, role, choosy, found.policy)

    assert roots(Sessions(), tagging, FIRST)
    with pytest.raises(ClientError, match="sts:TagSession"):
        roots(Sessions(), tagging, SECOND)


@pytest.mark.usefixtures("allowed")
def test_the_access_role_needs_to_take_no_tags(replications: Replications, tagging: Platform) -> None:
    account = replications.replicate(replications.tenant("untagged")).known_account()

    inside = Sessions().member(tagging, account, "sts", organization.REGION, FIRST).get_caller_identity()

    assert inside["Arn"].endswith(f":assumed-role/{organization.ACCESS_ROLE}/{FIRST.tenant}")


@pytest.mark.usefixtures("allowed")
def test_no_other_tag_is_allowed(tagging: Platform) -> None:
    user = Sessions().user(tagging, "sts")
    asked = {"RoleArn": tagging.management_role_arn, "RoleSessionName": "test", "ExternalId": organization.EXTERNAL_ID}

    assert user.assume_role(**asked, Tags=[{"Key": "meshstack:tenant", "Value": "x"}])
    for more in ({"Tags": [{"Key": "admin", "Value": "yes"}]}, {"SourceIdentity": "test"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            user.assume_role(**asked, **more)
