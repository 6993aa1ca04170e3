"""An AWS organization in which nothing of the connector is yet, and the person who administers its accounts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

OPERATOR = "OperatorRole"
MADE_BEFORE = {
    organization.MANAGEMENT_ROLE: organization.MANAGEMENT_ACCOUNT_ID,
    organization.METERING_ROLE: organization.MANAGEMENT_ACCOUNT_ID,
    organization.AUTOMATION_ROLE: organization.AUTOMATION_ACCOUNT_ID,
}
MEMBERS = {"meshcloud": organization.MESHCLOUD_ACCOUNT_ID, "automation": organization.AUTOMATION_ACCOUNT_ID}
KEYS = f"""
[profile management]
aws_access_key_id = {organization.ADMINISTRATOR_ACCESS_KEY}
aws_secret_access_key = {organization.ADMINISTRATOR_SECRET_KEY}
"""
MEMBER = "[profile {name}]\nrole_arn = arn:aws:iam::{account}:role/{role}\nsource_profile = management\n"


def emptied(simulator: SimulatorClient) -> None:
    """Take out of the sandbox's organization what bootstrap makes."""
    for role, account in MADE_BEFORE.items():
        simulator.operator("delete_role", account=account, role=role)
    for account in MEMBERS.values():
        administrator = ["arn:aws:iam::aws:policy/AdministratorAccess"]
        simulator.operator("create_role", account=account, role=OPERATOR, managed=administrator)
    _delete_users(simulator)


def users(simulator: SimulatorClient) -> Any:
    """Return a client of IAM in the account of the users, as the administrator sees it."""
    place = {"endpoint_url": simulator.url, "region_name": organization.REGION}
    keys = (organization.ADMINISTRATOR_ACCESS_KEY, organization.ADMINISTRATOR_SECRET_KEY)
    role = f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/{OPERATOR}"
    entered = boto3.Session(*keys).client("sts", **place).assume_role(RoleArn=role, RoleSessionName="test")
    session = boto3.Session(
        *(entered["Credentials"][each] for each in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    )
    return session.client("iam", **place)


def signing_in(simulator: SimulatorClient, keys: tuple[str, str]) -> str:
    """Answer "ok", or the code with which AWS refuses an access key and its secret."""
    session = boto3.Session(*keys, region_name=organization.REGION)
    try:
        session.client("sts", endpoint_url=simulator.url).get_caller_identity()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def key_pair(secrets: Path, user: str) -> tuple[str, str]:
    """Read an access key and its secret, as workers do: of service-user or metering-user."""
    access_key, secret_key = ((secrets / f"{user}-{part}").read_text().strip() for part in ("access-key", "secret-key"))
    return access_key, secret_key


def _delete_users(simulator: SimulatorClient) -> None:
    iam = users(simulator)
    for user in (organization.SERVICE_USER, organization.METERING_USER):
        for policy in iam.list_user_policies(UserName=user)["PolicyNames"]:
            iam.delete_user_policy(UserName=user, PolicyName=policy)
        iam.delete_user(UserName=user)


def operator(folder: Path, simulator: SimulatorClient) -> Mapping[str, str]:
    """Return the variables of the person's terminal; the profiles stand in files of the folder."""
    members = [MEMBER.format(name=name, account=account, role=OPERATOR) for name, account in MEMBERS.items()]
    (folder / "aws-config").write_text("\n".join([KEYS, *members]), encoding="utf-8")
    return {
        "AWS_ENDPOINT_URL": simulator.url,
        "AWS_DEFAULT_REGION": organization.REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(folder / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
    }
