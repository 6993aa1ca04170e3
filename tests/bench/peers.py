"""What others do: a script that vends accounts one after the other, and one with five threads and fixed pauses.

python -m tests.bench.peers

Both do for each tenant what the connector does for one with one role in the landing zone `development`, with boto3 and
nothing else: no memory, no second try but after a pause. So they show what the same AWS allows to a plain script.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tests.support.simulator import running_simulator
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions

TEMPLATE = "Resources: {Nothing: {Type: 'AWS::CloudFormation::WaitConditionHandle'}}"
LATER = frozenset(  # answers after which a script pauses and asks again
    {
        "AccessDenied",
        "ConcurrentModificationException",
        "OperationInProgressException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


@dataclass(frozen=True)
class Script:
    """A script for an organization that makes accounts ready."""

    url: str  # of the simulator
    pause: float  # seconds between two looks
    making: RLock  # boto3 makes clients in one thread only

    def vend(self, name: str) -> None:
        """Create one account and do everything that it needs."""
        management = self._as(organization.MANAGEMENT_ROLE_ARN, organization.EXTERNAL_ID, self._user())
        account = self._create(self._client(management, "organizations"), name)
        self._deploy(account, name, management)
        self._let_in(account, name, management)

    def _create(self, organizations: Any, name: str) -> str:
        request = self._patiently(
            lambda: organizations.create_account(
                AccountName=name, Email=f"peer+{name}@example.com", RoleName=organization.ACCESS_ROLE
            )
        )["CreateAccountStatus"]
        while request["State"] == "IN_PROGRESS":
            time.sleep(self.pause)
            request = organizations.describe_create_account_status(CreateAccountRequestId=request["Id"])[
                "CreateAccountStatus"
            ]
        account: str = request["AccountId"]
        organizations.tag_resource(ResourceId=account, Tags=[{"Key": "workspace", "Value": name}])
        self._patiently(
            lambda: organizations.move_account(
                AccountId=account,
                SourceParentId=organization.ROOT_ID,
                DestinationParentId=organization.DEVELOPMENT_OU_ID,
            )
        )
        return account

    def _deploy(self, account: str, name: str, management: boto3.Session) -> None:
        role = f"arn:aws:iam::{account}:role/{organization.ACCESS_ROLE}"
        member = self._patiently(lambda: self._as(role, organization.EXTERNAL_ID, management))
        self._client(member, "iam").create_account_alias(AccountAlias=f"peer-{name}")
        stacks = self._client(member, "cloudformation")
        stacks.create_stack(StackName="access", TemplateBody=TEMPLATE)
        self._until(lambda: stacks.describe_stacks(StackName="access")["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE")
        automation = self._as(organization.AUTOMATION_ROLE_ARN, organization.AUTOMATION_EXTERNAL_ID, self._user())
        sets = self._client(automation, "cloudformation")
        operation = self._patiently(
            lambda: sets.create_stack_instances(
                StackSetName=organization.STACK_SET_NAME, Accounts=[account], Regions=[organization.REGION]
            )
        )["OperationId"]
        self._until(
            lambda: (
                sets.describe_stack_set_operation(StackSetName=organization.STACK_SET_NAME, OperationId=operation)[
                    "StackSetOperation"
                ]["Status"]
                == "SUCCEEDED"
            )
        )

    def _let_in(self, account: str, name: str, management: boto3.Session) -> None:
        store, center = self._client(management, "identitystore"), self._client(management, "sso-admin")
        group = store.create_group(IdentityStoreId=organization.IDENTITY_STORE_ID, DisplayName=f"peer.{name}")[
            "GroupId"
        ]
        store.create_group_membership(
            IdentityStoreId=organization.IDENTITY_STORE_ID,
            GroupId=group,
            MemberId={"UserId": organization.USERS["alice@example.com"]},
        )
        request = self._patiently(
            lambda: center.create_account_assignment(
                InstanceArn=organization.INSTANCE_ARN,
                TargetId=account,
                TargetType="AWS_ACCOUNT",
                PermissionSetArn=organization.ADMIN_PERMISSION_SET_ARN,
                PrincipalType="GROUP",
                PrincipalId=group,
            )
        )["AccountAssignmentCreationStatus"]["RequestId"]
        self._until(
            lambda: (
                center.describe_account_assignment_creation_status(
                    InstanceArn=organization.INSTANCE_ARN, AccountAssignmentCreationRequestId=request
                )["AccountAssignmentCreationStatus"]["Status"]
                == "SUCCEEDED"
            )
        )

    def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            time.sleep(self.pause)

    def _patiently(self, call: Callable[[], Any]) -> Any:
        while True:
            try:
                return call()
            except ClientError as error:
                if error.response["Error"]["Code"] not in LATER:
                    raise
            time.sleep(self.pause)

    def _user(self) -> boto3.Session:
        return boto3.Session(organization.SERVICE_USER_ACCESS_KEY, organization.SERVICE_USER_SECRET_KEY)

    def _as(self, role: str, external_id: str, source: boto3.Session) -> boto3.Session:
        keys = self._client(source, "sts").assume_role(RoleArn=role, RoleSessionName="peer", ExternalId=external_id)
        credentials = keys["Credentials"]
        return boto3.Session(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])

    def _client(self, session: boto3.Session, service: str) -> Any:
        with self.making:
            return session.client(service, region_name=organization.REGION, endpoint_url=self.url)


@contextmanager
def _script(options: SimulatorOptions, pause: float) -> Iterator[Script]:
    with running_simulator(options.model_dump()) as simulator:
        script = Script(simulator.url, pause, RLock())
        script.vend("warm")  # boto3 has read AWS's service models before anything is measured
        yield script


def in_turn(options: SimulatorOptions, names: Sequence[str], pause: float = 1.0) -> float:
    """Vend one after the other; answers seconds."""
    with _script(options, pause) as script:
        began = time.monotonic()
        for name in names:
            script.vend(name)
        return time.monotonic() - began


def in_threads(options: SimulatorOptions, names: Sequence[str], pause: float = 10.0, threads: int = 5) -> float:
    """Vend as many at once as AWS creates, with fixed pauses; answers seconds."""
    with _script(options, pause) as script, ThreadPoolExecutor(threads) as pool:
        began = time.monotonic()
        list(pool.map(script.vend, names))
        return time.monotonic() - began


def main() -> None:
    """Vend ten accounts both ways and print the seconds."""
    options = SimulatorOptions(creation_seconds=3, assignment_seconds=1, stack_operation_seconds=1, lag_seconds=0)
    names = [f"p{number}" for number in range(10)]
    print(f"one after the other, a look each second: {in_turn(options, names):.0f} s")
    print(f"5 threads, a look every 10 s: {in_threads(options, names):.0f} s")


if __name__ == "__main__":
    main()
