"""Ask a running simulator as any account, and read its refusals."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ONCE = Config(retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Sandbox:
    """A simulator that a module's tests share: each test makes the accounts and names that it changes."""

    simulator: SimulatorClient
    session: boto3.Session

    def unique(self, name: str) -> str:
        """Make a name that no other test has."""
        return f"{name}-{uuid.uuid4().hex[:8]}"

    def account(self, name: str) -> str:
        """Make an account and answer its id."""
        own = self.unique(name)
        account_id: str = self.operate("create_account", name=own, email=f"{own}@example.com")["account"]
        return account_id

    def client(self, service: str, account_id: str, region: str = organization.REGION) -> Any:
        """Make a client that acts as an administrator of the account."""
        key, secret, token = organization.ADMINISTRATOR_ACCESS_KEY, organization.ADMINISTRATOR_SECRET_KEY, None
        if account_id != organization.MANAGEMENT_ACCOUNT_ID:
            key, secret, token = self._assume_access_role(account_id)
        return self.session.client(
            service,
            region_name=region,
            endpoint_url=self.simulator.url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=ONCE,
        )

    def _assume_access_role(self, account_id: str) -> tuple[str, str, str]:
        if organization.ACCESS_ROLE not in self.state()["accounts"][account_id]["roles"]:
            managed = ["arn:aws:iam::aws:policy/AdministratorAccess"]
            self.operate("create_role", account=account_id, role=organization.ACCESS_ROLE, managed=managed)
        sts = self.client("sts", organization.MANAGEMENT_ACCOUNT_ID)
        role = f"arn:aws:iam::{account_id}:role/{organization.ACCESS_ROLE}"
        found = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
        return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]

    def set(self, **options: Any) -> None:
        """Change the simulator's options."""
        self.simulator.set_options(**options)

    def pass_time(self, seconds: float) -> None:
        """Put the simulator's clock forward."""
        self.operate("pass_time", seconds=seconds)

    def operate(self, action: str, **body: Any) -> dict[str, Any]:
        """Do by hand what a person would do in AWS."""
        return self.simulator.operator(action, **body)

    def state(self) -> dict[str, Any]:
        """Show the simulated world."""
        return self.simulator.state()


def refusal(operation: Callable[..., Any], **arguments: Any) -> dict[str, Any]:
    """Call an operation that must be refused; answer the parsed error response."""
    with pytest.raises(ClientError) as caught:
        operation(**arguments)
    response: dict[str, Any] = caught.value.response
    return response
