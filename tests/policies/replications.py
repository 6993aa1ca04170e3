"""Whole replications, step after step in this process, in accounts whose access role has the published policy only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from config.catalog import Catalog
from config.landing_zone import AccessStack, LambdaHook, ServiceControlPolicy
from config.platform import AccountClosure, Platform
from config.policy_document import PolicyDocument
from tasks.aws.actions import Principal
from tasks.aws.cost_explorer import DEFAULT_SERVICE, Dimension, Question
from tasks.chain import DELETION, REPLICATION
from tasks.errors import PermanentError
from tasks.model.desired import Desired, Tenant, TenantId
from tasks.model.handles import Handles
from tasks.permissions.iam_documents import PrincipalDocuments, documents, surroundings_of, with_external_ids
from tasks.steps import function_of, run_step
from tests.tasks.steps.world import World
from workers.sandbox import organization

PLATFORM = "aws.sandbox"
PEOPLE = {"alice": ["admin"], "bob": ["user", "reader"]}
TEMPLATE = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"
BROKEN = "Metadata: {SimulateFailure: the topic is not allowed}\n" + TEMPLATE
ADDRESS = "https://templates.example.com/topic.yaml"

IMPORT_ROLE = "Importer"
FEATURES = {
    "self_downgrade_access_role": True,
    "manage_access_role_trust": True,
    "import_role": IMPORT_ROLE,
    "management_account_tenant": "least.management",
}
GUARD = ServiceControlPolicy(name="least-privilege")
GUARD_CHANGED = ServiceControlPolicy(
    name="least-privilege",
    template={
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}],
    },
)


def published(platform: Platform, *, optional: bool = True) -> dict[Principal, PrincipalDocuments]:
    """Return the documents of a platform as they are handed to AWS."""
    metering_user = f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:user/{organization.METERING_USER}"
    surroundings = surroundings_of(platform, organization.SERVICE_USER_ARN, metering_user)
    found = documents(with_external_ids(surroundings, platform), optional=optional)
    return {each.principal: each for each in found}


@dataclass
class Replications:
    """Replicates tenants of the examples' platform."""

    world: World
    catalog: Catalog
    handles: dict[str, Handles] = field(default_factory=dict)  # by project, as the last replication left them

    @property
    def platform(self) -> Platform:
        """The examples' platform with everything that needs statements of its own."""
        example = self.catalog.platforms[PLATFORM]
        assert example.identity_store is not None
        adopting = example.identity_store.model_copy(update={"adopt_groups": True})
        return example.model_copy(update={**FEATURES, "identity_store": adopting})

    def tenant(
        self,
        name: str,
        /,
        people: dict[str, list[str]] | None = None,
        zone: str = "development",
        platform: Platform | None = None,
        landing_zone: dict[str, Any] | None = None,
        **desired: Any,
    ) -> Tenant:
        """Build a tenant, `name` its project; `landing_zone` changes its landing zone field by field."""
        access = [
            {"username": user, "euid": f"{user}@example.com", "roles": roles}
            for user, roles in (PEOPLE if people is None else people).items()
        ]
        return Tenant(
            TenantId(self.world.workspace, name, PLATFORM),
            Desired.model_validate({"landing_zone": zone, "access": access, **desired}),
            platform or self.platform,
            self.catalog.landing_zones[zone].model_copy(update=landing_zone or {}),
        )

    def replicate(self, tenant: Tenant) -> Handles:
        """Run the chain from where the tenant's last replication left it."""
        handles = self.handles.get(tenant.id.project, Handles())
        for step in REPLICATION.steps:
            known = handles.account_id
            handles = self.world.finish(partial(run_step, step), tenant, handles).handles
            if known is None and handles.account_id is not None and tenant.desired.platform_tenant_id is None:
                self.restrict(handles.account_id)
            self.handles[tenant.id.project] = handles
        return handles

    def delete(self, tenant: Tenant) -> None:
        """Run the chain of a deletion."""
        handles = self.handles[tenant.id.project]
        for step in DELETION.steps:
            handles = self.world.finish(function_of(step), tenant, handles).handles
        self.handles[tenant.id.project] = handles

    def fail(self, tenant: Tenant) -> PermanentError:
        """Run the chain to a failure; what was remembered ahead is kept."""
        self.world.remembered.clear()
        with pytest.raises(PermanentError) as failed:
            self.replicate(tenant)
        self.handles[tenant.id.project] = self.world.remembered[-1]
        return failed.value

    def restrict(self, account_id: str) -> None:
        """Put the published documents in place of what AWS gives the access role of a new account."""
        role = self.platform.account_access_role
        access = published(self.platform)[Principal.ACCESS_ROLE]
        self.world.simulator.operator("delete_role", account=account_id, role=role)
        self.world.simulator.operator(
            "create_role", account=account_id, role=role, trust=access.trust, policies={role: access.policy}
        )

    def allow_management(self, policy: PolicyDocument) -> None:
        """Replace the policy of the management role."""
        account, role = organization.MANAGEMENT_ACCOUNT_ID, organization.MANAGEMENT_ROLE
        self.world.simulator.operator("put_role_policy", account=account, role=role, name=role, document=policy)

    def mapped(self, **permission_sets: tuple[str, ...]) -> Platform:
        """Return the platform with other permission sets for AWS roles."""
        store = self.platform.identity_store
        assert store is not None
        mappings = tuple(
            mapping.model_copy(
                update={"permission_set_arns": permission_sets.get(mapping.aws_role, mapping.permission_set_arns)}
            )
            for mapping in store.role_mappings
        )
        return self.platform.model_copy(update={"identity_store": store.model_copy(update={"role_mappings": mappings})})


def every_kind(of: Replications) -> None:
    """Replicate in every way in which the connector may behave: so that every call that it has is made."""
    create_and_change(of)
    take_access_away(of)
    fail_and_repair(of)
    find_again(of)
    adopt(of)
    tell_a_function(of)
    change_roles(of)
    guard(of)
    manage(of)
    delete(of)
    read_costs(of)


def create_and_change(of: Replications) -> None:
    """New accounts in both landing zones and in a workspace's own OU, then other people, zones, tags and parameters."""
    of.replicate(of.tenant("first"))
    of.replicate(of.tenant("second", zone="production"))
    of.replicate(of.tenant("third", landing_zone={"target_organizational_unit": None}))
    of.replicate(of.tenant("first", people={"alice": ["admin"], "carol": ["user", "reader"]}))
    of.world.simulator.operator(
        "tag_account", account=of.handles["first"].account_id, tags={"meshstack_stale": "x", "foreign": "y"}
    )
    changed = AccessStack(template_body=TEMPLATE)
    creator = {"createdBy": {"email": "dave@example.com"}}
    of.replicate(of.tenant("first", zone="production", landing_zone={"access_stack": changed}, project=creator))


def take_access_away(of: Replications) -> None:
    """A permission set leaves the mapping of a role that people have, and a role has nobody any more."""
    of.replicate(of.tenant("second", platform=of.mapped(admin=(organization.USER_PERMISSION_SET_ARN,))))
    of.replicate(of.tenant("second", people={"alice": ["admin"]}))
    of.replicate(of.tenant("second", people={}))


def fail_and_repair(of: Replications) -> None:
    """A stack that cannot be made shows AWS's reason, and is made anew from a template behind an address."""
    broken = of.tenant("fourth", landing_zone={"access_stack": AccessStack(template_body=BROKEN)})
    assert "the topic is not allowed" in of.fail(broken).message
    of.world.simulator.operator("offer_template", url=ADDRESS, body=TEMPLATE)
    of.replicate(of.tenant("fourth", landing_zone={"access_stack": AccessStack(template_url=ADDRESS)}))


def change_roles(of: Replications) -> None:
    """An access role that is AWS's own again, and an account that is taken over without one."""
    account, role = of.handles["first"].account_id, of.platform.account_access_role
    administrator = ["arn:aws:iam::aws:policy/AdministratorAccess"]
    of.world.simulator.operator("delete_role", account=account, role=role)
    of.world.simulator.operator("create_role", account=account, role=role, managed=administrator)
    of.replicate(of.tenant("first"))
    older = of.world.simulator.operator("create_account", name="older", email="older@example.com", roles=[])
    imported = older["account"]
    importer = published(of.platform)[Principal.IMPORT_ROLE]
    of.world.simulator.operator(
        "create_role",
        account=imported,
        role=IMPORT_ROLE,
        trust=importer.trust,
        policies={IMPORT_ROLE: importer.policy},
    )
    of.replicate(of.tenant("imported", platformTenantId=imported))


def guard(of: Replications) -> None:
    """The OU of a landing zone gets a service control policy, which changes."""
    of.replicate(of.tenant("second", zone="production", landing_zone={"service_control_policy": GUARD}))
    of.replicate(of.tenant("second", zone="production", landing_zone={"service_control_policy": GUARD_CHANGED}))


def manage(of: Replications) -> None:
    """People get access to the management account itself."""
    of.replicate(of.tenant("management", platformTenantId=organization.MANAGEMENT_ACCOUNT_ID))


def find_again(of: Replications) -> None:
    """Redis was lost: everything is found in AWS."""
    del of.handles["first"]
    of.replicate(of.tenant("first"))


def adopt(of: Replications) -> None:
    """A group that meshStack's own replicator made is there before the tenant's first replication."""
    of.world.simulator.operator("add_group", name=f"mst-{of.world.workspace}.fifth.admin", user_names=[])
    of.replicate(of.tenant("fifth", landing_zone={"access_stack": None}))


def tell_a_function(of: Replications) -> None:
    """The landing zone has a Lambda function."""
    arn = of.world.simulator.operator("offer_function", name="told")["arn"]
    hook = LambdaHook(arn=arn, name="told", region=organization.REGION)
    of.replicate(of.tenant("third", landing_zone={"target_organizational_unit": None, "lambda_hook": hook}))
    of.world.aws(of.tenant("third")).functions(hook.region, hook.timeout).describe(arn)  # as the doctor does


def read_costs(of: Replications) -> None:
    """What the organization cost in a month, and which commitments it has."""
    end = of.world.now().date() - timedelta(days=1)  # savings plans are told of days before today
    start = end - timedelta(days=40)
    bought = {"id": "x", "account": organization.MANAGEMENT_ACCOUNT_ID, "upfront": "1"}
    bought |= {"first": str(start), "end": str(end)}
    of.world.simulator.operator("set_costs", reserved_instances=[bought], savings_plans=[bought])
    costs = of.world.aws(of.tenant("first")).cost_explorer
    assert costs.costs(Question(start, end, (Dimension.ACCOUNT, Dimension.USAGE_TYPE))).groups
    assert costs.reserved_instances(DEFAULT_SERVICE, start, end).commitments
    assert costs.savings_plans(start, end).commitments


def delete(of: Replications) -> None:
    """The landing zone approves and closes; what stands in the quarantine may be closed."""
    closure = AccountClosure(
        organizational_units=(organization.QUARANTINE_OU_ID,), quarantine_unit=organization.QUARANTINE_OU_ID
    )
    platform = of.platform.model_copy(update={"account_closure": closure})
    automatic = {"automate_deletion_approval": True, "automate_deletion_replication": True}
    of.delete(of.tenant("third", platform=platform, landing_zone={"target_organizational_unit": None, **automatic}))
