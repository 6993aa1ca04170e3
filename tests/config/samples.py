"""Documents that tests bend: complete, legal, and small."""

import copy
import json
from pathlib import Path
from typing import Any

from config.catalog import Catalog, CatalogError, load_catalog

ENVIRONMENT = {"ACCESS": "AKIAEXAMPLE", "SECRET": "very/secret+key=", "EXTERNAL": "external-id-1"}

MAPPINGS: list[dict[str, Any]] = [
    {
        "projectRoleRef": {"name": role, "kind": "meshProjectRole"},
        "awsRole": role.title(),
        "permissionSetArns": [f"arn:aws:sso:::permissionSet/ssoins-1234567890/ps-{role}"],
    }
    for role in ("admin", "reader")
]

PLATFORM: dict[str, Any] = {
    "kind": "meshPlatform",
    "apiVersion": "v2",
    "metadata": {"name": "aws", "ownedByWorkspace": "partner", "uuid": "0ecbfbda-3e6c-4d64-9e9b-ac54d116d7da"},
    "spec": {
        "displayName": "AWS",
        "description": "AWS",
        "endpoint": "https://example.com",
        "availability": {"restriction": "PRIVATE", "publicationState": "UNPUBLISHED"},
        "locationRef": {"name": "dev", "kind": "meshLocation"},
        "config": {
            "type": "aws",
            "aws": {
                "region": "us-east-1",
                "replication": {
                    "accessConfig": {
                        "organizationRootAccountRole": "arn:aws-us-gov:iam::123456789012:role/path/MeshfedServiceRole",
                        "organizationRootAccountExternalId": {"env": "EXTERNAL"},
                        "auth": {
                            "type": "credential",
                            "credential": {"accessKey": {"env": "ACCESS"}, "secretKey": {"env": "SECRET"}},
                        },
                    },
                    "automationAccountRole": "arn:aws:iam::210987654321:role/MeshfedAutomationRole",
                    "accountAccessRole": "mesh/AccountAccess",
                    "accountAliasPattern": "#{workspaceIdentifier}-#{projectIdentifier}",
                    "enforceAccountAlias": True,
                    "accountEmailPattern": "aws+#{workspaceIdentifier}.#{projectIdentifier:%s}@example.com",
                    "tenantTags": {
                        "namespacePrefix": "mesh_",
                        "tagMappers": [{"key": "project", "valuePattern": "x-${projectIdentifier}"}],
                    },
                    "awsIdentityStore": {
                        "identityStoreId": "d-1234567890",
                        "arn": "arn:aws:sso:::instance/ssoins-1234567890",
                        "groupNamePattern": "#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}",
                        "signInUrl": "https://d-1234567890.awsapps.com/start",
                        "awsRoleMappings": MAPPINGS,
                    },
                    "enrollmentConfiguration": {
                        "managementAccountId": "123456789012",
                        "accountFactoryProductId": "prod-abc123",
                    },
                    "waitForExternalAvm": False,
                    "selfDowngradeAccessRole": True,
                    "skipUserGroupPermissionCleanup": False,
                },
            },
        },
        "contributingWorkspaces": [],
        "quotaDefinitions": [],
    },
    "status": {"metering": "PENDING"},
}

LANDING_ZONE: dict[str, Any] = {
    "kind": "meshLandingZone",
    "apiVersion": "v1-preview",
    "metadata": {"name": "basic", "tags": {}},
    "spec": {
        "displayName": "Basic",
        "automateDeletionApproval": False,
        "automateDeletionReplication": True,
        "platformRef": {"uuid": "0ecbfbda-3e6c-4d64-9e9b-ac54d116d7da", "kind": "meshPlatform"},
        "platformProperties": {
            "type": "aws",
            "aws": {"awsTargetOrgUnitId": "ou-lpzq-kmf17bec", "awsEnrollAccount": True, "awsRoleMappings": []},
        },
        "quotas": [],
    },
    "status": {"disabled": False, "restricted": False},
}

REPLICATION = "spec.config.aws.replication"
AWS_ZONE = "spec.platformProperties.aws"

REMOVE = object()


def bent(document: dict[str, Any], path: str = "", value: Any = None, **more: Any) -> dict[str, Any]:
    """Return a copy of a document with the value at a dotted path replaced, or removed with REMOVE."""
    result = copy.deepcopy(document)
    if path:
        *parents, last = path.split(".")
        place = result
        for part in parents:
            place = place.setdefault(part, {})
        if value is REMOVE:
            del place[last]
        else:
            place[last] = value
    return result | more


def load(folder: Path, *documents: Any, secrets: bool = True) -> Catalog:
    """Write the documents into one file and load it."""
    file = folder / "documents.json"
    file.write_text(json.dumps(list(documents)), encoding="utf-8")
    return load_catalog([file], ENVIRONMENT, secrets=secrets)


def mistakes(folder: Path, *documents: Any) -> list[str]:
    """Return the lines for documents that hold mistakes; empty when they hold none."""
    try:
        load(folder, *documents)
    except CatalogError as error:
        return [str(mistake) for mistake in error.mistakes]
    return []
