"""The connector's own documents that fit the blueprint: a platform, and a landing zone to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tasks.bootstrap.blueprint import AUTOMATION_ID, MANAGEMENT_ID, METERING_ID, ExternalId, Wanted, surroundings
from tasks.bootstrap.sign_in import Way
from tasks.permissions.iam_documents import Surroundings

Document = dict[str, Any]
SECRETS = "secrets"
"""The folder beside the documents; each file in it holds one secret."""
ACCESS_STACK = "access-stack.yaml"


@dataclass(frozen=True)
class Starter:
    """What the documents say besides the blueprint."""

    name: str  # of the platform
    location: str
    region: str
    email: str  # accountEmailPattern
    unit: str | None = None  # id of the OU in which accounts begin; None: they stay below the root
    identity_store: str | None = None  # id; None: people get no access through Identity Center
    permission_sets: Mapping[str, str] = field(default_factory=dict)  # project role -> ARN

    @property
    def identifier(self) -> str:
        """Return the platform as tenants name it."""
        return f"{self.name}.{self.location}"


def secret_file(external_id: ExternalId) -> str:
    """Name the file of an external id.

    >>> secret_file(MANAGEMENT_ID)
    'secrets/management-external-id'
    """
    return f"{SECRETS}/{external_id.name.removesuffix('ExternalId').lower()}-external-id"


def secret_files(wanted: Wanted) -> tuple[str, ...]:
    """Name the files of secrets that anybody may make up: the external ids."""
    ids = [MANAGEMENT_ID, *([AUTOMATION_ID] if wanted.automation_account else [])]
    return tuple(secret_file(each) for each in (*ids, *([METERING_ID] if wanted.metering else [])))


def key_files(wanted: Wanted) -> tuple[str, ...]:
    """Name the files of secrets that only AWS can give: access keys of users."""
    if not wanted.sign_in.is_user:
        return ()
    users = ("service-user", "metering-user") if wanted.metering else ("service-user",)
    return tuple(f"{SECRETS}/{user}-{part}" for user in users for part in ("access-key", "secret-key"))


def platform_document(wanted: Wanted, starter: Starter) -> Document:
    """Return the meshPlatform document."""
    around = surroundings(wanted)
    replication: Document = {
        "accessConfig": _access(around.management_role, MANAGEMENT_ID, _auth(wanted, around, "service-user")),
        **_automation(around),
        "accountAccessRole": wanted.access_role,
        "accountAliasPattern": "#{workspaceIdentifier}-#{projectIdentifier}",
        "enforceAccountAlias": True,
        "accountEmailPattern": starter.email,
        "tenantTags": {
            "namespacePrefix": "meshstack_",
            "tagMappers": [
                {"key": "workspace", "valuePattern": "${workspaceIdentifier}"},
                {"key": "project", "valuePattern": "${projectIdentifier}"},
            ],
        },
        **_identity_store(wanted, starter),
        "selfDowngradeAccessRole": False,
    }
    aws: Document = {"region": starter.region, "replication": replication}
    if wanted.metering:
        auth = _auth(wanted, around, "metering-user")
        aws["metering"] = {
            "accessConfig": _access(around.metering_role, METERING_ID, auth),
            "reservedInstanceFairChargeback": True,
            "savingsPlanFairChargeback": True,
        }
    return {
        "apiVersion": "v2",
        "kind": "meshPlatform",
        "metadata": {"name": starter.name},
        "spec": {
            "displayName": f"AWS {starter.location}",
            "locationRef": {"kind": "meshLocation", "name": starter.location},
            "config": {"type": "aws", "aws": aws},
        },
    }


def landing_zone_document(wanted: Wanted, starter: Starter) -> Document:
    """Return a meshLandingZone document to begin with."""
    stack = {"accessStack": {"templateFile": ACCESS_STACK, "region": starter.region}}
    aws: Document = {
        **({"awsTargetOrgUnitId": starter.unit} if starter.unit else {}),
        "awsEnrollAccount": False,
        "awsRoleMappings": [],
        **(stack if wanted.automation_account else {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "meshLandingZone",
        "metadata": {"name": "starter"},
        "spec": {
            "displayName": "Starter",
            "description": "To begin with.",
            "automateDeletionApproval": False,
            "automateDeletionReplication": False,
            "platformRef": {"kind": "meshPlatform", "identifier": starter.identifier},
            "platformProperties": {"type": "aws", "aws": aws},
        },
    }


def _access(role: str | None, external_id: ExternalId, auth: Document) -> Document:
    return {
        "organizationRootAccountRole": role,
        "organizationRootAccountExternalId": {"file": secret_file(external_id)},
        "auth": auth,
    }


def _auth(wanted: Wanted, around: Surroundings, user: str) -> Document:
    if wanted.sign_in.is_user:
        keys = {"accessKey": f"{SECRETS}/{user}-access-key", "secretKey": f"{SECRETS}/{user}-secret-key"}
        return {"type": "credential", "credential": {name: {"file": file} for name, file in keys.items()}}
    if wanted.sign_in.way is Way.OIDC:
        identity = {"roleArn": around.entry, "audience": wanted.sign_in.audience}
        return {"type": "workloadIdentity", "workloadIdentity": identity}
    return {"type": "default", "default": {"principalArn": around.entry}}


def _automation(around: Surroundings) -> Document:
    if around.automation_role is None:
        return {}
    return {
        "automationAccountRole": around.automation_role,
        "automationAccountExternalId": {"file": secret_file(AUTOMATION_ID)},
    }


def _identity_store(wanted: Wanted, starter: Starter) -> Document:
    if wanted.instance is None:
        return {}
    mappings = [
        {
            "projectRoleRef": {"kind": "meshProjectRole", "name": role},
            "awsRole": role,
            "permissionSetArns": [permission_set],
        }
        for role, permission_set in starter.permission_sets.items()
    ]
    store: Document = {
        "identityStoreId": starter.identity_store,
        "arn": wanted.instance,
        "groupNamePattern": "#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}",
        "awsRoleMappings": mappings,
    }
    return {"awsIdentityStore": store}
