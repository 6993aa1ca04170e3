"""One running simulator for these tests, and boto3 clients that speak to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.simulator import running_simulator
from tests.support.waiting import eventually
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

FAST = {
    "creation_seconds": 0.15,
    "role_delay_seconds": 0.15,
    "closing_seconds": 0.15,
    "assignment_seconds": 0.1,
    "stack_seconds": 0.1,
    "stack_operation_seconds": 0.1,
    "lag_seconds": 0,
}
ADMINISTRATOR = {
    "AccessKeyId": organization.ADMINISTRATOR_ACCESS_KEY,
    "SecretAccessKey": organization.ADMINISTRATOR_SECRET_KEY,
}
SERVICE_USER = {
    "AccessKeyId": organization.SERVICE_USER_ACCESS_KEY,
    "SecretAccessKey": organization.SERVICE_USER_SECRET_KEY,
}
DIRECT_USER = {
    "AccessKeyId": organization.DIRECT_USER_ACCESS_KEY,
    "SecretAccessKey": organization.DIRECT_USER_SECRET_KEY,
}

Connect = Callable[..., Any]


@pytest.fixture(scope="session")
def running() -> Iterator[SimulatorClient]:
    """One simulator (it takes two seconds to start): each test makes what it changes."""
    with running_simulator(FAST) as client:
        yield client


@pytest.fixture
def simulator(running: SimulatorClient) -> Iterator[SimulatorClient]:
    """The simulator; after the test nothing is left of its faults, denials, rules and options."""
    options = running.options()
    yield running
    running.clear_faults()
    running.allow_all()
    running.show_everything()
    running.set_options(**options)


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One session: it loads botocore's models once."""
    return boto3.Session(region_name=organization.REGION)


@pytest.fixture
def connect(running: SimulatorClient, session: boto3.Session) -> Connect:
    """Build a client: connect("sts") as the administrator, connect("sts", credentials) as someone else."""

    def build(service: str, credentials: Mapping[str, str] = ADMINISTRATOR, **config: Any) -> Any:
        return session.client(
            service,
            endpoint_url=running.url,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            config=Config(retries={"total_max_attempts": 1}, **config),
        )

    return build


@pytest.fixture
def organizations(connect: Connect) -> Any:
    """Organizations as the administrator of the management account."""
    return connect("organizations")


def create(organizations: Any, name: str, **members: Any) -> dict[str, Any]:
    """Create an account and wait for the end; answer the CreateAccountStatus."""
    email = members.pop("Email", f"{name}@example.com")
    status = organizations.create_account(AccountName=name, Email=email, **members)["CreateAccountStatus"]
    return finished(organizations, status["Id"])


def finished(organizations: Any, request_id: str) -> dict[str, Any]:
    """Wait until a creation is decided."""

    def decided() -> Any:
        status = organizations.describe_create_account_status(CreateAccountRequestId=request_id)["CreateAccountStatus"]
        return status if status["State"] != "IN_PROGRESS" else None

    return dict(eventually(decided))


def error_of(call: Callable[[], Any]) -> dict[str, Any]:
    """Make a call that must fail; answer the error: Code, Message, Reason, status."""

    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    extra = {name: value for name, value in response.items() if name not in ("Error", "ResponseMetadata")}
    return {**response["Error"], **extra, "status": response["ResponseMetadata"]["HTTPStatusCode"]}


def unless(code: str, call: Callable[[], Any]) -> Any:
    """Make a call; answer None when AWS refuses it with this code."""
    try:
        return call()
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise
        return None
