"""federate_identity: the provider, the roles, their trust and policies, and nobody else's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from config.federation import federated_roles
from config.landing_zone import LandingZoneRoleMapping
from config.platform import FederatedRoleMapping, IdentityFederation
from tasks.aws.metadata_source import MetadataSource
from tasks.aws.session import Sessions
from tasks.errors import (
    AccessDenied,
    Conflict,
    NotFound,
    NotOurs,
    PermanentError,
    Throttled,
    TransientError,
    Unanswered,
)
from tasks.model.desired import Deletion, Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.permissions.federation import policies_to_detach
from tasks.steps.federate_identity import federate_identity
from tasks.steps.revoke_access import revoke_access
from tasks.steps.withdraw_federation import withdraw_federation
from tests.support.saml import saml_metadata
from tests.tasks.steps.by_hand import by_hand
from tests.tasks.steps.world import World
from workers.sandbox import organization

AWS_POLICY = "arn:aws:iam::aws:policy/"
ADMIN = FederatedRoleMapping(project_role="admin", aws_role="admin", policies=("AdministratorAccess",))
READER = FederatedRoleMapping(
    project_role="reader", aws_role="reader", policies=(f"{AWS_POLICY}ReadOnlyAccess", "ViewOnlyAccess")
)
AUDITOR = FederatedRoleMapping(project_role="auditor", aws_role="auditor", external=True)
FEDERATION = IdentityFederation(saml_provider_name="mesh", metadata=saml_metadata(), role_mappings=(ADMIN, READER))


def tenant_with(world: World, federation: IdentityFederation | None = FEDERATION, **changes: Any) -> Tenant:
    changed = federation.model_copy(update=changes) if federation else None
    return world.tenant(platform={"identity_federation": changed})


def iam_of(world: World, handles: Handles) -> Any:
    """IAM in the account, as its access role with every right: for what people do by hand, and to look."""
    return world.sessions.member(world.tenant().platform, handles.known_account(), "iam", organization.REGION)


def shown(world: World, handles: Handles) -> dict[str, set[str]]:
    """Return the policies of every role in the account, the access role and Control Tower's aside."""
    with by_hand(world):
        iam = iam_of(world, handles)
        names = [role["RoleName"] for role in iam.list_roles()["Roles"]]
        return {
            name: {each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]}
            for name in names
            if name != organization.ACCESS_ROLE
        }


def trust_of(world: World, handles: Handles, name: str) -> Any:
    with by_hand(world):
        return iam_of(world, handles).get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]


def providers(world: World, handles: Handles) -> dict[str, Any]:
    found = world.simulator.state()["saml_providers"].items()
    return {arn: one for arn, one in found if f"::{handles.account_id}:" in arn}


def make_role(world: World, handles: Handles, name: str, **more: Any) -> None:
    world.simulator.operator("create_role", account=handles.account_id, role=name, **more)


def test_a_new_account_gets_the_provider_and_the_roles_and_keeps_them(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    account = handles.account_id

    first = world.run(federate_identity, tenant, handles)
    second, reads, writes = world.counted(federate_identity, tenant, first.handles)

    arn = f"arn:aws:iam::{account}:saml-provider/mesh"
    assert providers(world, handles)[arn]["metadata"] == FEDERATION.metadata
    assert shown(world, handles) == {
        "admin": {f"{AWS_POLICY}AdministratorAccess"},
        "reader": {f"{AWS_POLICY}ReadOnlyAccess", f"{AWS_POLICY}job-function/ViewOnlyAccess"},
    }
    assert trust_of(world, handles, "reader")["Statement"] == [
        {
            "Sid": "MeshstackIdentityFederation",
            "Effect": "Allow",
            "Principal": {"Federated": arn},
            "Action": "sts:AssumeRoleWithSAML",
            "Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}},
        }
    ]
    assert world.simulator.state()["federated_roles"][account].keys() == {"admin", "reader"}
    assert second == Done(first.handles, "2 roles trust mesh")
    assert (reads, writes) == (1 + 2 * 2 + 1, 0)  # the provider; two roles and their policies; one by its name


def test_without_federation_nothing_is_called(world: World) -> None:
    handles = world.account(tenant := tenant_with(world, None))

    assert world.counted(federate_identity, tenant, handles)[1:] == (0, 0)


def test_new_metadata_is_written_and_the_same_in_other_words_is_not(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles

    _, _, nothing = world.counted(federate_identity, tenant_with(world, metadata=saml_metadata(spaced=True)), handles)
    _, _, writes = world.counted(
        federate_identity, tenant_with(world, metadata=saml_metadata(certificate="B")), handles
    )

    assert (nothing, writes) == (0, 1)
    [provider] = providers(world, handles).values()
    assert provider["metadata"] == saml_metadata(certificate="B")


def test_a_provider_of_another_identity_provider_is_left_alone(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    with by_hand(world):
        iam_of(world, handles).create_saml_provider(Name="mesh", SAMLMetadataDocument=saml_metadata("https://other"))

    with pytest.raises(NotOurs, match="https://other"):
        world.run(federate_identity, tenant, handles)


def test_policies_follow_the_mapping_and_drift_is_repaired(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    with by_hand(world):
        iam = iam_of(world, handles)
        iam.attach_role_policy(RoleName="reader", PolicyArn=f"{AWS_POLICY}AdministratorAccess")
        anybody = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        trust = {"Version": "2012-10-17", "Statement": [*trust_of(world, handles, "reader")["Statement"], anybody]}
        iam.update_assume_role_policy(RoleName="reader", PolicyDocument=json.dumps(trust))

    fewer = READER.model_copy(update={"policies": ("ReadOnlyAccess",)})
    outcome = world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN, fewer)), handles)

    assert shown(world, handles)["reader"] == {f"{AWS_POLICY}ReadOnlyAccess"}
    assert len(trust_of(world, handles, "reader")["Statement"]) == 1
    assert "trust policy of role reader set" in outcome.note


def test_outdated_roles_go_after_the_new_ones_work(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    renamed = READER.model_copy(update={"aws_role": "viewer", "policies": ("NoSuchPolicy",)})

    with pytest.raises(NotFound, match="NoSuchPolicy"):
        world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN, renamed)), handles)
    assert {"admin", "reader", "viewer"} == set(shown(world, handles))

    right = renamed.model_copy(update={"policies": ("ReadOnlyAccess",)})
    outcome = world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN, right)), world.remembered[-1])

    assert set(shown(world, handles)) == {"admin", "viewer"}
    assert {name: role.project_roles for name, role in (outcome.handles.sign_in_roles or {}).items()} == {
        "admin": ("admin",),
        "viewer": ("reader",),
    }


def test_after_a_loss_of_redis_outdated_roles_are_found_by_their_trust(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    world.run(federate_identity, tenant, handles)
    make_role(world, handles, "of-others")

    world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN,)), replace(handles, sign_in_roles=None))

    assert set(shown(world, handles)) == {"admin", "of-others"}


def test_a_crash_after_a_write_leaves_the_rest_to_do(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    world.simulator.inject(operation="CreateRole", kind="lost_response")

    with pytest.raises(Unanswered):
        world.run(federate_identity, tenant, handles)
    done = world.run(federate_identity, tenant, world.remembered[-1])

    assert set(shown(world, handles)) == {"admin", "reader"}
    assert world.counted(federate_identity, tenant, done.handles)[2] == 0


def test_a_foreign_role_with_our_name_is_refused_and_the_others_are_made(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    make_role(world, handles, "admin", managed=[f"{AWS_POLICY}AdministratorAccess"])

    with pytest.raises(NotOurs, match=rf"{handles.account_id} has a role /admin") as refused:
        world.run(federate_identity, tenant, handles)

    assert "externalRole" in refused.value.remedy
    assert "MeshstackIdentityFederation" not in json.dumps(trust_of(world, handles, "admin"))
    assert set(shown(world, handles)) == {"admin", "reader"}


def test_an_external_role_gets_the_trust_only_and_loses_it_again(world: World) -> None:
    tenant = tenant_with(world, role_mappings=(AUDITOR,))
    handles = world.account(tenant)
    make_role(world, handles, "auditor", managed=[f"{AWS_POLICY}SecurityAudit"])
    before = trust_of(world, handles, "auditor")

    first = world.run(federate_identity, tenant, handles)
    with_ours = trust_of(world, handles, "auditor")
    _, _, writes = world.counted(federate_identity, tenant, first.handles)
    world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN,)), first.handles)

    assert with_ours["Statement"][: len(before["Statement"])] == before["Statement"]
    assert with_ours["Statement"][-1]["Action"] == "sts:AssumeRoleWithSAML"
    assert writes == 0
    assert trust_of(world, handles, "auditor") == before
    assert shown(world, handles)["auditor"] == {f"{AWS_POLICY}SecurityAudit"}


@pytest.mark.parametrize("strict", [True, False])
def test_a_missing_external_role_fails_or_is_a_remark(world: World, strict: bool) -> None:
    tenant = tenant_with(world, role_mappings=(ADMIN, AUDITOR), fail_if_not_found=strict)
    handles = world.account(tenant)

    if strict:
        with pytest.raises(NotFound, match="no role auditor"):
            world.run(federate_identity, tenant, handles)
    else:
        assert "no role auditor" in world.run(federate_identity, tenant, handles).note
    assert set(shown(world, handles)) == {"admin"}


@pytest.mark.parametrize("strict", [True, False])
def test_a_provider_that_others_should_have_made_fails_or_is_a_remark(world: World, strict: bool) -> None:
    tenant = tenant_with(world, metadata=None, fail_if_not_found=strict)
    handles = world.account(tenant)

    if strict:
        with pytest.raises(NotFound, match="no SAML provider mesh"):
            world.run(federate_identity, tenant, handles)
    else:
        assert "no SAML provider mesh" in world.run(federate_identity, tenant, handles).note
    assert shown(world, handles) == {}
    with by_hand(world):
        iam_of(world, handles).create_saml_provider(Name="mesh", SAMLMetadataDocument=saml_metadata("https://other"))
    world.run(federate_identity, tenant, handles)
    assert set(shown(world, handles)) == {"admin", "reader"}


def test_a_policy_of_the_account_is_found_by_its_name_after_awss(world: World) -> None:
    own = ADMIN.model_copy(update={"policies": ("TeamPolicy", "ReadOnlyAccess")})
    tenant = tenant_with(world, role_mappings=(own,))
    handles = world.account(tenant)
    with by_hand(world):
        for name in ("TeamPolicy", "ReadOnlyAccess"):
            document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
            iam_of(world, handles).create_policy(PolicyName=name, PolicyDocument=json.dumps(document))

    done = world.run(federate_identity, tenant, handles)
    _, _, writes = world.counted(federate_identity, tenant, done.handles)

    mine = f"arn:aws:iam::{handles.account_id}:policy/TeamPolicy"
    assert (shown(world, handles)["admin"], writes) == ({mine, f"{AWS_POLICY}ReadOnlyAccess"}, 0)


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("CreateRole", "MalformedPolicyDocument", 'Invalid principal in policy: "Federated":"arn:…"'),
        ("AttachRolePolicy", "NoSuchEntity", "The role with name admin cannot be found."),
        ("CreateSAMLProvider", "EntityAlreadyExists", "SAMLProvider already exists"),
    ],
)
def test_what_iam_does_not_know_everywhere_yet_is_tried_again(
    world: World, operation: str, code: str, message: str
) -> None:
    handles = world.account(tenant := tenant_with(world))
    world.simulator.inject(operation=operation, code=code, message=message, status=400)

    with pytest.raises(TransientError):
        world.run(federate_identity, tenant, handles)

    assert isinstance(world.run(federate_identity, tenant, handles), Done)
    assert set(shown(world, handles)) == {"admin", "reader"}


def test_the_end_of_federation_removes_the_roles(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles

    done = world.run(federate_identity, tenant_with(world, None), handles)

    assert shown(world, handles) == {}
    assert world.counted(federate_identity, tenant_with(world, None), done.handles)[1:] == (0, 0)


def test_the_end_of_federation_without_the_right_names_what_is_left(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    world.simulator.deny("iam:GetRole")

    with pytest.raises(AccessDenied) as refused:
        world.run(federate_identity, tenant_with(world, None), handles)

    assert "admin, reader" in refused.value.remedy
    assert world.remembered[-1].sign_in_roles == {}


def test_policies_that_people_have_put_on_a_role_of_ours_go_with_it(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    own = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    for name in ("own", "another"):
        world.simulator.operator("put_role_policy", account=handles.account_id, role="reader", name=name, document=own)

    world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN,)), handles)

    assert set(shown(world, handles)) == {"admin"}


def test_a_role_that_cannot_be_deleted_is_named_and_shut(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    with by_hand(world):
        iam = iam_of(world, handles)
        iam.create_instance_profile(InstanceProfileName="machines")
        iam.add_role_to_instance_profile(InstanceProfileName="machines", RoleName="reader")

    with pytest.raises(Conflict) as refused:
        world.run(federate_identity, tenant_with(world, role_mappings=(ADMIN,)), handles)

    assert refused.value.code == "DeleteConflict"
    assert shown(world, handles)["reader"] == set()
    assert trust_of(world, handles, "reader")["Statement"][0]["Effect"] == "Deny"


def test_a_deletion_takes_the_roles_away(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    doomed = replace(tenant, deletion=Deletion(requested_at=world.now()))

    done = world.run(withdraw_federation, doomed, handles)
    _, _, writes = world.counted(withdraw_federation, doomed, done.handles)

    assert (shown(world, handles), writes) == ({}, 0)


def test_a_deletion_takes_them_away_first_whatever_becomes_of_the_account(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    doomed = replace(tenant, deletion=Deletion(requested_at=world.now()))
    world.simulator.inject(service="iam", operation="GetRole", kind="throttle")

    with pytest.raises(Throttled):
        world.run(revoke_access, doomed, handles)
    done = world.run(revoke_access, doomed, handles)

    assert shown(world, handles) == {}
    assert done.handles.sign_in_roles == {}


def test_a_deletion_goes_on_where_the_account_lets_nobody_in(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    world.simulator.operator("suspend_account", account=handles.account_id)

    done = replace(world, sessions=Sessions()).run(revoke_access, tenant, handles)

    assert done.handles.sign_in_roles == handles.sign_in_roles


def test_a_deletion_asks_nothing_of_a_closed_account_twice(world: World) -> None:
    handles = world.account(tenant := tenant_with(world), sign_in_roles=None)  # nobody knows which there are
    world.simulator.operator("suspend_account", account=handles.account_id)

    outcome = replace(world, sessions=Sessions()).run(withdraw_federation, tenant, handles)

    assert "is closed" in outcome.note
    assert world.run(withdraw_federation, tenant, Handles()).note.startswith("there is no identity federation")


class Publisher:
    """A server of metadata: answers what it was told to, and counts."""

    def __init__(self) -> None:
        self.answer = httpx2.Response(200, text=saml_metadata())
        self.asked = 0
        self.seconds = 0.0

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        return httpx2.Response(self.answer.status_code, headers=self.answer.headers, content=self.answer.content)


@pytest.fixture
def publisher() -> Publisher:
    return Publisher()


@pytest.fixture
def published(world: World, publisher: Publisher) -> World:
    source = MetadataSource(httpx2.MockTransport(publisher), lambda: publisher.seconds)
    return replace(world, sessions=Sessions(metadata=source))


BY_ADDRESS = FEDERATION.model_copy(update={"metadata": None, "metadata_url": "https://idp.example.com/metadata"})


def test_metadata_behind_an_address_is_read_once_an_hour(published: World, publisher: Publisher) -> None:
    handles = published.account(tenant := tenant_with(published, BY_ADDRESS))
    handles = published.run(federate_identity, tenant, handles).handles
    published.run(federate_identity, tenant, handles)
    asked = publisher.asked

    publisher.answer = httpx2.Response(200, text=saml_metadata(certificate="B"))
    publisher.seconds += 3601
    published.run(federate_identity, tenant, handles)

    [provider] = providers(published, handles).values()
    assert (asked, publisher.asked, provider["metadata"]) == (1, 2, saml_metadata(certificate="B"))


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        (httpx2.Response(503), TransientError, "answered 503"),
        (httpx2.Response(429), TransientError, "answered 429"),
        (httpx2.Response(404), PermanentError, "answered 404"),
        (httpx2.Response(302, headers={"location": "https://evil.example.com"}), PermanentError, "answered 302"),
        (httpx2.Response(200, text="<html>Sign in</html>" * 100), PermanentError, "not XML"),
        (httpx2.Response(200, text="x"), PermanentError, "has 1 characters"),
        (httpx2.Response(200, content=b" " * 40_000_005), PermanentError, "more than"),
    ],
)
def test_metadata_that_cannot_be_had_changes_nothing(
    publisher: Publisher, answer: httpx2.Response, error: type[Exception], words: str
) -> None:
    publisher.answer = answer
    source = MetadataSource(httpx2.MockTransport(publisher))

    with pytest.raises(error, match=words):
        source.read("https://idp.example.com/metadata")


def test_landing_zones_override_and_unite_roles(world: World) -> None:
    zone = {
        "role_mappings": (
            LandingZoneRoleMapping(project_role="admin", platform_role="all", policies=("PowerUserAccess",)),
            LandingZoneRoleMapping(project_role="user", platform_role="all", policies=("IAMReadOnlyAccess",)),
            LandingZoneRoleMapping(project_role="reader", platform_role="auditor", external=True),
        )
    }
    tenant = world.tenant(platform={"identity_federation": FEDERATION}, landing_zone=zone)

    found = {
        role.name: (role.policies, role.external) for role in federated_roles(tenant.platform, tenant.landing_zone)
    }

    assert found == {"all": (("PowerUserAccess", "IAMReadOnlyAccess"), False), "auditor": ((), True)}


@pytest.mark.parametrize(
    ("wanted", "attached", "detached"),
    [
        ([], set(), []),
        (["a", "b"], {"p/a"}, []),
        (["a"], {"p/a", "p/c", "p/b"}, ["p/b", "p/c"]),
        (["p/b"], {"p/a", "p/b"}, ["p/a"]),
    ],
)
def test_which_policies_are_taken_away(wanted: list[str], attached: set[str], detached: list[str]) -> None:
    assert policies_to_detach(wanted, frozenset(attached)) == detached


def test_a_withdrawn_role_goes_whatever_fails_elsewhere(world: World) -> None:
    handles = world.account(tenant := tenant_with(world))
    handles = world.run(federate_identity, tenant, handles).handles
    wrong = READER.model_copy(update={"policies": ("NoSuchPolicy",)})

    with pytest.raises(NotFound, match="NoSuchPolicy"):
        world.run(federate_identity, tenant_with(world, role_mappings=(wrong,)), handles)

    assert shown(world, handles) == {"reader": set()}
