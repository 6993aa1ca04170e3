"""Identity federation with the published policy of the access role only: all of it is used, and it is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.catalog import Catalog
from config.platform import FederatedRoleMapping, IdentityFederation, Platform
from tasks.aws.actions import OPERATIONS, Kind, Principal
from tasks.errors import AccessDenied, NotOurs
from tasks.model.handles import Handles
from tasks.permissions.access_role import SHUT
from tasks.permissions.iam_documents import documents, surroundings_of
from tasks.steps.federate_identity import federate_identity
from tests.policies.replications import PLATFORM, Replications, published
from tests.policies.test_least_privilege import used
from tests.support.saml import saml_metadata
from tests.tasks.steps.world import World
from workers.sandbox.client import SimulatorClient

READER = FederatedRoleMapping(project_role="reader", aws_role="reader", policies=("ViewOnlyAccess",))
FEDERATION = IdentityFederation(
    saml_provider_name="mesh",
    metadata=saml_metadata(),
    role_mappings=(
        FederatedRoleMapping(project_role="admin", aws_role="admin", policies=("AdministratorAccess",)),
        READER,
    ),
)
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
SIDS = ("SamlProviders", "FederatedRoles", "OptionalRemoveFederatedRoles")


class Federated(Replications):
    """Replicates tenants of a platform that has identity federation and nothing else that is optional."""

    @property
    def platform(self) -> Platform:
        """The examples' platform with identity federation."""
        return self.catalog.platforms[PLATFORM]


def of(world: World, catalog: Catalog, **changes: Any) -> Federated:
    """Replicate tenants of the examples' platform with identity federation."""
    federation = FEDERATION.model_copy(update=changes)
    platform = catalog.platforms[PLATFORM].model_copy(update={"identity_federation": federation})
    return Federated(world, replace(catalog, platforms={PLATFORM: platform}))


@pytest.fixture(scope="module")
def world(simulator: SimulatorClient, replications: Replications) -> World:
    return replace(replications.world, simulator=simulator, workspace="federated")


def actions(each: Any) -> set[str]:
    return set(each["Action"]) if isinstance(each["Action"], list) else {each["Action"]}


def test_the_statements_are_used_and_enough(world: World, catalog: Catalog) -> None:
    mark = world.simulator.mark()
    first = of(world, catalog)
    handles = first.replicate(first.tenant("one"))
    world.simulator.operator("create_role", account=handles.account_id, role="audit")
    world.simulator.operator(
        "put_role_policy", account=handles.account_id, role="admin", name="by-hand", document=EVERYTHING
    )
    audit = FederatedRoleMapping(project_role="audit", aws_role="audit", external=True)
    later = of(
        world,
        catalog,
        metadata=saml_metadata(certificate="B"),
        role_mappings=(READER.model_copy(update={"policies": ("ReadOnlyAccess",)}), audit),
    )
    later.handles = first.handles
    later.replicate(later.tenant("one"))
    calls = world.simulator.calls(mark)

    whole = published(first.platform)[Principal.ACCESS_ROLE].policy["Statement"]
    allowed = {action for each in whole if each["Sid"] in SIDS for action in actions(each)}
    along = {
        row.action
        for row in OPERATIONS
        if row.kind is Kind.FORWARDED and row.statement and row.statement.principal is Principal.ACCESS_ROLE
    }
    assert [call for call in calls if call.outcome.startswith("AccessDenied")] == []
    assert allowed - along == {
        action for who, action in used(calls) if who is Principal.ACCESS_ROLE and action in allowed
    }
    assert {action for who, action in used(calls) if "Role" in action and action.startswith("iam:")} <= allowed


class Downgraded(Federated):
    """A platform whose access roles reduce themselves; AWS makes them administrators."""

    @property
    def platform(self) -> Platform:
        """The examples' platform with identity federation and the reduced access role."""
        return super().platform.model_copy(update={"self_downgrade_access_role": True})

    def restrict(self, account_id: str) -> None:
        """Leave the new account's access role as AWS makes it."""


def test_an_access_role_that_has_reduced_itself_keeps_and_repairs_federation(world: World, catalog: Catalog) -> None:
    """A first replication, drift by hand, a rollout of other roles and metadata, and a deletion: nothing is denied."""

    def replications(handles: dict[str, Handles], **changes: Any) -> Downgraded:
        return Downgraded(world, of(world, catalog, **changes).catalog, handles)

    first = replications({})
    handles = first.replicate(first.tenant("reduced"))
    account, role = handles.known_account(), first.platform.account_access_role
    assert not world.aws(first.tenant("reduced")).access_role(account).is_administrator()
    mark = world.simulator.mark()

    world.simulator.operator("delete_role", account=account, role="reader")
    world.simulator.operator("create_role", account=account, role="reader", trust=SHUT)
    with pytest.raises(NotOurs):  # somebody has put a role of their own in its place
        first.replicate(first.tenant("reduced"))
    world.simulator.operator("delete_role", account=account, role="reader")
    first.replicate(first.tenant("reduced"))
    new = READER.model_copy(update={"aws_role": "new", "policies": ("ReadOnlyAccess",)})
    rolled_out = replications(first.handles, metadata=saml_metadata(certificate="C"), role_mappings=(new,))
    rolled_out.replicate(rolled_out.tenant("reduced"))
    rolled_out.delete(rolled_out.tenant("reduced"))

    calls = world.simulator.calls(mark)
    assert [call for call in calls if call.outcome.startswith("AccessDenied")] == []
    assert {"GetSAMLProvider", "UpdateSAMLProvider", "CreateRole", "DeleteRole"} <= {
        call.operation for call in calls if f":assumed-role/{role}/" in call.caller
    }


def test_without_federation_no_role_may_be_made(catalog: Catalog) -> None:
    found = documents(surroundings_of(catalog.platforms[PLATFORM]))
    [access] = [each for each in found if each.principal is Principal.ACCESS_ROLE]

    assert {each["Sid"] for each in access.policy["Statement"]}.isdisjoint(SIDS)


def test_without_the_optional_statement_what_is_outdated_is_named(world: World, catalog: Catalog) -> None:
    whole = of(world, catalog)
    handles = whole.replicate(whole.tenant("two"))
    role = whole.platform.account_access_role
    less = published(whole.platform, optional=False)[Principal.ACCESS_ROLE].policy
    world.simulator.operator("put_role_policy", account=handles.account_id, role=role, name=role, document=less)
    fewer = of(world, catalog, role_mappings=(READER,))

    with pytest.raises(AccessDenied, match=r"iam:DetachRolePolicy .*role/admin"):
        world.run(federate_identity, fewer.tenant("two"), handles)


def test_a_role_cannot_be_made_without_its_tag(world: World, catalog: Catalog) -> None:
    whole = of(world, catalog)
    policy = published(whole.platform)[Principal.ACCESS_ROLE].policy
    untagged = [{**each, "Action": sorted(actions(each) - {"iam:TagRole"})} for each in policy["Statement"]]
    handles = whole.replicate(whole.tenant("three"))
    role = whole.platform.account_access_role
    document = {**policy, "Statement": untagged}
    world.simulator.operator("put_role_policy", account=handles.account_id, role=role, name=role, document=document)
    more = of(world, catalog, role_mappings=(*FEDERATION.role_mappings, READER.model_copy(update={"aws_role": "new"})))

    with pytest.raises(AccessDenied, match="iam:TagRole"):
        world.run(federate_identity, more.tenant("three"), handles)
