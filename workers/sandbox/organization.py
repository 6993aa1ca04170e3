"""The sandbox's organization: every id that documents, tests and the demo may name.

The ids are fixed so that a static platform document can refer to them; they fit AWS's patterns. The simulator's seed
(`workers.sandbox.aws.seed`) builds exactly this. Nothing here is secret outside the sandbox.
"""

from __future__ import annotations

from pathlib import Path

from config import known_secrets

REGION = "eu-central-1"

MANAGEMENT_ACCOUNT_ID = "111111111111"
MESHCLOUD_ACCOUNT_ID = "222222222222"
AUTOMATION_ACCOUNT_ID = "333333333333"

ORGANIZATION_ID = "o-sandbox0001"
ROOT_ID = "r-sbox"
DEVELOPMENT_OU_ID = "ou-sbox-development"
PRODUCTION_OU_ID = "ou-sbox-production"
QUARANTINE_OU_ID = "ou-sbox-quarantine"
ORGANIZATIONAL_UNITS = {
    DEVELOPMENT_OU_ID: "Development",
    PRODUCTION_OU_ID: "Production",
    QUARANTINE_OU_ID: "Quarantine",
}

SERVICE_USER = "meshfed-service-user"
SERVICE_USER_ACCESS_KEY = known_secrets.SERVICE_USER_ACCESS_KEY
SERVICE_USER_SECRET_KEY = known_secrets.SERVICE_USER_SECRET_KEY
METERING_USER = "meshcloud-cost-explorer-user"
METERING_USER_ACCESS_KEY = known_secrets.METERING_USER_ACCESS_KEY
METERING_USER_SECRET_KEY = known_secrets.METERING_USER_SECRET_KEY
DIRECT_USER = "meshfed-direct-user"  # the older setup: one user in the management account itself
DIRECT_USER_ACCESS_KEY = known_secrets.DIRECT_USER_ACCESS_KEY
DIRECT_USER_SECRET_KEY = known_secrets.DIRECT_USER_SECRET_KEY
ADMINISTRATOR = "administrator"  # a person who may do everything in the management account
ADMINISTRATOR_ACCESS_KEY = known_secrets.ADMINISTRATOR_ACCESS_KEY
ADMINISTRATOR_SECRET_KEY = known_secrets.ADMINISTRATOR_SECRET_KEY

EXTERNAL_ID = known_secrets.EXTERNAL_ID
AUTOMATION_EXTERNAL_ID = known_secrets.AUTOMATION_EXTERNAL_ID
WEB_IDENTITY_PROVIDER = "sandbox.example.com"  # an OIDC issuer, without https://
WEB_IDENTITY_SUBJECT = "system:serviceaccount:meshcloud:replicator"
WEB_IDENTITY_AUDIENCE = "sts.amazonaws.com"  # the one client id of the provider in AWS

MANAGEMENT_ROLE = "MeshfedServiceRole"
AUTOMATION_ROLE = "MeshfedAutomationRole"
METERING_ROLE = "MeshCostExplorerServiceRole"
ENTRY_ROLE = "MeshfedReplicatorRole"  # a workload identity's, in place of the service user
ACCESS_ROLE = "MeshstackAccountAccessRole"
DEFAULT_ACCESS_ROLE = "OrganizationAccountAccessRole"

MANAGEMENT_ROLE_ARN = f"arn:aws:iam::{MANAGEMENT_ACCOUNT_ID}:role/{MANAGEMENT_ROLE}"
AUTOMATION_ROLE_ARN = f"arn:aws:iam::{AUTOMATION_ACCOUNT_ID}:role/{AUTOMATION_ROLE}"
METERING_ROLE_ARN = f"arn:aws:iam::{MANAGEMENT_ACCOUNT_ID}:role/{METERING_ROLE}"
ENTRY_ROLE_ARN = f"arn:aws:iam::{MESHCLOUD_ACCOUNT_ID}:role/{ENTRY_ROLE}"
SERVICE_USER_ARN = f"arn:aws:iam::{MESHCLOUD_ACCOUNT_ID}:user/{SERVICE_USER}"

INSTANCE_ID = "ssoins-sandbox000000001"
INSTANCE_ARN = f"arn:aws:sso:::instance/{INSTANCE_ID}"
IDENTITY_STORE_ID = "d-1234567890"
SCIM_PATH = "/sbx1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d/scim/v2"  # of https://scim.eu-central-1.amazonaws.com
SCIM_ACCESS_TOKEN = known_secrets.SCIM_ACCESS_TOKEN
ADMIN_PERMISSION_SET_ARN = f"arn:aws:sso:::permissionSet/{INSTANCE_ID}/ps-sandboxadmin0001"
READER_PERMISSION_SET_ARN = f"arn:aws:sso:::permissionSet/{INSTANCE_ID}/ps-sandboxreader001"
USER_PERMISSION_SET_ARN = f"arn:aws:sso:::permissionSet/{INSTANCE_ID}/ps-sandboxuser00001"
PERMISSION_SETS = {
    ADMIN_PERMISSION_SET_ARN: "AdministratorAccess",
    READER_PERMISSION_SET_ARN: "ReadOnlyAccess",
    USER_PERMISSION_SET_ARN: "Developer",
}
USERS = {
    f"{name}@example.com": f"1234567890-00000000-0000-4000-8000-{number:012d}"
    for number, name in enumerate(("alice", "bob", "carol", "dave", "erin", "frank"), start=1)
}
"""User name -> user id in the identity store."""

ACCOUNT_FACTORY_PRODUCT_ID = "prod-sandbox0000001"
"""Control Tower's account factory in Service Catalog."""

STACK_SET_NAME = "meshstack-baseline"
STACK_SET_PARAMETERS = ("AccountName", "AccountEmail", "AccountId", "ProductName", "Stage", "ContactEmail")


def environment(simulator_url: str, redis_url: str) -> dict[str, str]:
    """Give the environment in which the connector's processes use the sandbox instead of AWS and a real Redis."""
    return {
        "AWS_ENDPOINT_URL": simulator_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CONNECTOR_MODE": "development",
        "CONNECTOR_REDIS_URL": redis_url,
        "SANDBOX_ACCESS_KEY": SERVICE_USER_ACCESS_KEY,
        "SANDBOX_SECRET_KEY": SERVICE_USER_SECRET_KEY,
        "SANDBOX_EXTERNAL_ID": EXTERNAL_ID,
        "SANDBOX_AUTOMATION_EXTERNAL_ID": AUTOMATION_EXTERNAL_ID,
        "SANDBOX_SCIM_ACCESS_TOKEN": SCIM_ACCESS_TOKEN,
        "SANDBOX_METERING_ACCESS_KEY": METERING_USER_ACCESS_KEY,
        "SANDBOX_METERING_SECRET_KEY": METERING_USER_SECRET_KEY,
        "SANDBOX_DIRECT_ACCESS_KEY": DIRECT_USER_ACCESS_KEY,
        "SANDBOX_DIRECT_SECRET_KEY": DIRECT_USER_SECRET_KEY,
    }


PROFILES = f"""\
[profile management]
aws_access_key_id = {ADMINISTRATOR_ACCESS_KEY}
aws_secret_access_key = {ADMINISTRATOR_SECRET_KEY}

[profile meshcloud]
role_arn = arn:aws:iam::{MESHCLOUD_ACCOUNT_ID}:role/{DEFAULT_ACCESS_ROLE}
source_profile = management

[profile automation]
role_arn = arn:aws:iam::{AUTOMATION_ACCOUNT_ID}:role/{DEFAULT_ACCESS_ROLE}
source_profile = management
"""
"""An AWS configuration file of who administers an empty organization."""


def administration(simulator_url: str, directory: Path) -> dict[str, str]:
    """Give the environment of who administers an empty organization; the profiles go into a file of the directory."""
    file = directory / "aws-config"
    file.write_text(PROFILES, encoding="utf-8")
    return {
        "AWS_ENDPOINT_URL": simulator_url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(file),
        "AWS_SHARED_CREDENTIALS_FILE": str(directory / "none"),  # a person's own profiles of these names mean others
    }
