"""The scenarios of the matrix. `scenario.py` says how to add one."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from config.landing_zone import AccessStack, LambdaHook, LandingZoneRoleMapping, ServiceControlPolicy
from config.mapper_text import MapperText
from config.platform import (
    CredentialAuth,
    Enrollment,
    ExternalVending,
    FederatedRoleMapping,
    IdentityFederation,
    ReplicatedTag,
    TagMapper,
    TenantTags,
)
from tasks.stacks.templates import STACK_NAME
from tests.faults.matrix.scenario import CELL, Order, Scenario
from tests.support.saml import saml_metadata
from tests.tasks.steps.world import PLATFORM as WORLD
from tests.tasks.steps.world import SCIM
from workers.sandbox import organization


def body(project: dict[str, Any] | None = None, **people: str) -> dict[str, Any]:
    """Return a PUT body without its landing zone: `alice="admin"`."""
    access = [
        {"username": name, "euid": f"{name}@example.com", "roles": roles.split()} for name, roles in people.items()
    ]
    return {"access": access, "project": project or {}}


FIRST = body({"createdBy": {"email": "first@example.com"}, "tags": {"costs": ["1"]}}, alice="admin", bob="user")
SECOND = body({"createdBy": {"email": "second@example.com"}}, carol="admin", bob="reader")
TAGS = TenantTags(
    namespace_prefix="meshstack_",
    tag_mappers=(TagMapper(key="contact", value=MapperText.parse("${contactMail}")),),
    replicated=(ReplicatedTag(source="project", tag="costs", key="costs"),),
)
STACK = AccessStack(
    template_body="Parameters: {Environment: {Type: String}}\nResources: {Topic: {Type: 'AWS::SNS::Topic'}}",
    parameters={"Environment": "first"},
)
ELSEWHERE = {
    "target_organizational_unit": organization.PRODUCTION_OU_ID,
    "access_stack": STACK.model_copy(update={"parameters": {"Environment": "second"}}),
}
DELETION = Order("deletion", None)

NOTHING_DEPLOYED = {"access_stack": None, "stack_set": None}
GUARD = {
    **NOTHING_DEPLOYED,
    "target_organizational_unit": None,
    "service_control_policy": ServiceControlPolicy(name=f"guard-{CELL}"),
}
OTHER_GUARD = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}],
}
CHANGED_GUARD = {**GUARD, "service_control_policy": ServiceControlPolicy(name=f"guard-{CELL}", template=OTHER_GUARD)}

FEDERATION = IdentityFederation(
    saml_provider_name="mesh",
    metadata=saml_metadata(),
    role_mappings=(
        FederatedRoleMapping(project_role="admin", aws_role="admin", policies=("AdministratorAccess",)),
        FederatedRoleMapping(project_role="user", aws_role="user", policies=("ReadOnlyAccess", "ViewOnlyAccess")),
    ),
)
FEWER_ROLES = (LandingZoneRoleMapping(project_role="admin", platform_role="admin", policies=("ReadOnlyAccess",)),)

HOOK = LambdaHook(
    arn=f"arn:aws:lambda:{organization.REGION}:{organization.AUTOMATION_ACCOUNT_ID}:function:told",
    name="told",
    region=organization.REGION,
)
IMPORTER = "Importer"
ENTER_BY_IMPORTER = {  # as the published policy of the management role says where an import role is configured
    "action": "put_role_policy",
    "account": organization.MANAGEMENT_ACCOUNT_ID,
    "role": organization.MANAGEMENT_ROLE,
    "name": IMPORTER,
    "document": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::*:role/{IMPORTER}"}],
    },
}
ENROLLMENT = Enrollment(
    management_account_id=organization.MANAGEMENT_ACCOUNT_ID,
    account_factory_product_id=organization.ACCOUNT_FACTORY_PRODUCT_ID,
)
GOVERNED = {**NOTHING_DEPLOYED, "enroll_account": True, "lambda_hook": HOOK}
FAILING = {"action": "fail_enrollment", "reason": "AWS Control Tower failed to deploy a baseline."}
BROKEN = {
    "action": "set_stack_status",
    "region": organization.REGION,
    "name": STACK_NAME,
    "status": "ROLLBACK_COMPLETE",
}

ADOPTING = None if WORLD.identity_store is None else WORLD.identity_store.model_copy(update={"adopt_groups": True})
ADOPT = {  # as the published policy of the management role says where groups are adopted
    "action": "put_role_policy",
    "account": organization.MANAGEMENT_ACCOUNT_ID,
    "role": organization.MANAGEMENT_ROLE,
    "name": "Adoption",
    "document": {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["identitystore:UpdateGroup", "sso:ListAccountAssignmentsForPrincipal"],
                "Resource": "*",
            }
        ],
    },
}

LEFT_BEHIND = {"action": "add_group", "name": f"mst-{CELL}.cell-admin", "user_names": ["bob@example.com"]}

OWN_POLICY = {  # which people have put on a role of ours
    "action": "put_role_policy",
    "role": "admin",
    "name": "more",
    "document": {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    },
}

SCENARIOS = (
    Scenario(
        "identity store",
        (
            Order("creation", FIRST, {"access_stack": STACK}),
            Order("update", SECOND, ELSEWHERE),
            Order("back", FIRST, {"access_stack": STACK}),
            DELETION,
        ),
        platform={"tenant_tags": TAGS},
    ),
    Scenario(
        "scim",
        (Order("creation", FIRST, NOTHING_DEPLOYED), Order("update", SECOND, NOTHING_DEPLOYED), DELETION),
        platform={"identity_store": None, "scim": SCIM},
    ),
    Scenario(
        "own unit",
        (Order("creation", body(), GUARD), Order("update", body(), CHANGED_GUARD)),
    ),
    Scenario(
        "federation",
        (
            Order("creation", FIRST, NOTHING_DEPLOYED),
            Order(
                "update",
                FIRST,
                {**NOTHING_DEPLOYED, "role_mappings": FEWER_ROLES},
                {"identity_federation": FEDERATION.model_copy(update={"metadata": saml_metadata(certificate="B")})},
            ),
            DELETION,
        ),
        platform={
            "identity_store": None,
            "identity_federation": FEDERATION,
            "self_downgrade_access_role": True,
            "manage_access_role_trust": True,
        },
    ),
    Scenario(
        "control tower",
        (
            Order("creation", body(), GOVERNED),
            Order("update", body(), {**GOVERNED, "target_organizational_unit": organization.PRODUCTION_OU_ID}),
        ),
        platform={
            "identity_store": None,
            "enrollment": ENROLLMENT,
            "external_vending": ExternalVending(workspace_tag="meshstack_workspace", project_tag="meshstack_project"),
        },
        by_hand=({"action": "offer_function", "name": "told"},),
    ),
    Scenario(
        "import",
        (
            Order("import", body(alice="admin"), NOTHING_DEPLOYED),
            Order("deletion", None, at_account=(OWN_POLICY,)),
        ),
        platform={"identity_store": None, "import_role": IMPORTER, "identity_federation": FEDERATION},
        by_hand=(ENTER_BY_IMPORTER,),
        existing=(IMPORTER,),
    ),
    Scenario(
        "adoption",
        (Order("adoption", body(alice="admin"), NOTHING_DEPLOYED, at_account=(LEFT_BEHIND,)), DELETION),
        platform={"identity_store": ADOPTING},
        by_hand=(ADOPT,),
        existing=(organization.ACCESS_ROLE,),
    ),
    Scenario(
        "failing enrollment",
        (Order("takeover", body(), {**NOTHING_DEPLOYED, "enroll_account": True}, at_account=(FAILING,)),),
        platform={"identity_store": None, "import_role": IMPORTER, "enrollment": ENROLLMENT},
        by_hand=(ENTER_BY_IMPORTER,),
        existing=(IMPORTER,),
    ),
    Scenario(
        "broken stack",
        (
            Order("takeover", body(), {"access_stack": STACK, "stack_set": None}),
            Order("repair", body(), {"access_stack": STACK, "stack_set": None}, at_account=(BROKEN,)),
        ),
        platform={"identity_store": None},
        existing=(organization.ACCESS_ROLE,),
    ),
    Scenario(
        "direct",
        (Order("creation", FIRST, NOTHING_DEPLOYED), DELETION),
        platform={
            "management_role_arn": None,
            "direct_account_id": organization.MANAGEMENT_ACCOUNT_ID,
            "automation_role_arn": None,
            "account_access_role": "OrganizationAccountAccessRole",
            "auth": CredentialAuth(
                access_key=SecretStr(organization.DIRECT_USER_ACCESS_KEY),
                secret_key=SecretStr(organization.DIRECT_USER_SECRET_KEY),
            ),
            "identity_store": None,
            "identity_federation": FEDERATION,
        },
    ),
)
