"""An AWS organization in which nothing of the connector is yet, as the person sees it who administers its accounts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tasks.bootstrap.rotation import KEPT, OFF_TAG, off_text
from tests.support.simulator import running_simulator
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient


@contextmanager
def empty_organization(options: SimulatorOptions) -> Iterator[SimulatorClient]:
    """Run a simulator with such an organization, in which policies are enforced."""
    chosen = options.model_copy(update={"empty_organization": True, "enforce_policies": True})
    with running_simulator(chosen.model_dump(mode="json")) as client:
        yield client


def users(simulator: SimulatorClient) -> Any:
    """Return a client of IAM in the account of the users, as the administrator sees it."""
    return administrator(simulator, organization.MESHCLOUD_ACCOUNT_ID, "iam")


def administrator(simulator: SimulatorClient, account: str, service: str) -> Any:
    """Return a client of a service in an account, as the administrator sees it."""
    place = {"endpoint_url": simulator.url, "region_name": organization.REGION}
    keys = (organization.ADMINISTRATOR_ACCESS_KEY, organization.ADMINISTRATOR_SECRET_KEY)
    if account == organization.MANAGEMENT_ACCOUNT_ID:
        return boto3.Session(*keys).client(service, **place)
    role = f"arn:aws:iam::{account}:role/{organization.DEFAULT_ACCESS_ROLE}"
    entered = boto3.Session(*keys).client("sts", **place).assume_role(RoleArn=role, RoleSessionName="test")
    names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
    return boto3.Session(*(entered["Credentials"][each] for each in names)).client(service, **place)


def signing_in(simulator: SimulatorClient, keys: tuple[str, str]) -> str:
    """Answer "ok", or the code with which AWS refuses an access key and its secret."""
    session = boto3.Session(*keys, region_name=organization.REGION)
    try:
        session.client("sts", endpoint_url=simulator.url).get_caller_identity()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "ok"


def off_for_a_day(simulator: SimulatorClient, user: str, key: str) -> None:
    """Let a day have passed since the connector's command switched a key off."""
    text = off_text(key, datetime.now(UTC) - KEPT)
    users(simulator).tag_user(UserName=user, Tags=[{"Key": OFF_TAG, "Value": text}])


def key_pair(secrets: Path, user: str) -> tuple[str, str]:
    """Read an access key and its secret, as workers do: of service-user or metering-user."""
    access_key, secret_key = ((secrets / f"{user}-{part}").read_text().strip() for part in ("access-key", "secret-key"))
    return access_key, secret_key
