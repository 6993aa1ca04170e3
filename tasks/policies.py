"""The IAM documents that the connector needs, made from the table of its calls (`tasks/aws/actions.py`).

For each principal a policy, and for each role a trust policy: filled in for one platform, or with `${…}` placeholders.
A statement whose name begins with Optional may be left out; what is lost then stands in the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.platform import Platform, WorkloadIdentityAuth
from tasks.aws.actions import OPERATIONS, Operation, Principal, Resource, Statement
from tasks.steps.deploy_access_stack import STACK_NAME

Document = dict[str, Any]

EXTERNAL_ID = "${EXTERNAL_ID}"
AUTOMATION_EXTERNAL_ID = "${AUTOMATION_EXTERNAL_ID}"
IDENTITY_CENTER = frozenset({"sso-admin", "identitystore"})  # botocore's names


@dataclass(frozen=True)
class Surroundings:
    """What the documents are filled in with."""

    partition: str
    entry: str  # ARN of the service user, or of the entry role of a workload identity
    management_role: str  # ARN
    automation_role: str | None  # ARN; None: no StackSets
    access_role: str  # its name in every member account, with the path if it has one
    external_id: str | None
    automation_external_id: str | None
    instance: str | None  # ARN of the Identity Center instance; None: no groups through the Identity Store API
    web_identity: bool = False


@dataclass(frozen=True)
class PrincipalDocuments:
    """What one principal needs."""

    principal: Principal
    arn: str
    policy: Document
    trust: Document | None  # None: a user trusts nobody
    optional: Mapping[str, str]  # Sid -> what the connector cannot do without the statement

    @property
    def account(self) -> str:
        """The account it lives in: 12 digits, a placeholder, or * for every member account."""
        return self.arn.split(":")[4]


def placeholders(partition: str = "aws") -> Surroundings:
    """Return surroundings that nobody has filled in yet."""
    return Surroundings(
        partition=partition,
        entry=f"arn:{partition}:iam::${{MESHCLOUD_ACCOUNT_ID}}:user/meshfed-service-user",
        management_role=f"arn:{partition}:iam::${{MANAGEMENT_ACCOUNT_ID}}:role/MeshfedServiceRole",
        automation_role=f"arn:{partition}:iam::${{AUTOMATION_ACCOUNT_ID}}:role/MeshfedAutomationRole",
        access_role="${ACCOUNT_ACCESS_ROLE}",
        external_id=EXTERNAL_ID,
        automation_external_id=AUTOMATION_EXTERNAL_ID,
        instance="${SSO_INSTANCE_ARN}",
    )


def surroundings_of(platform: Platform, service_user: str | None = None) -> Surroundings:
    """Return what a platform fills in; its external ids stay placeholders, see `with_external_ids`.

    service_user   its ARN, which no document of meshStack holds; None: a placeholder
    """
    web_identity = isinstance(platform.auth, WorkloadIdentityAuth)
    entry = platform.auth.role_arn if isinstance(platform.auth, WorkloadIdentityAuth) else service_user
    return Surroundings(
        partition=platform.partition,
        entry=entry or placeholders(platform.partition).entry,
        management_role=platform.management_role_arn,
        automation_role=platform.automation_role_arn,
        access_role=platform.account_access_role,
        external_id=EXTERNAL_ID if platform.management_external_id else None,
        automation_external_id=AUTOMATION_EXTERNAL_ID if platform.automation_external_id else None,
        instance=platform.identity_store.instance_arn if platform.identity_store else None,
        web_identity=web_identity,
    )


def with_external_ids(surroundings: Surroundings, platform: Platform) -> Surroundings:
    """Fill in the platform's external ids. They are secret: for AWS and the tests, never for a log."""
    management, automation = platform.management_external_id, platform.automation_external_id
    return replace(
        surroundings,
        external_id=management.get_secret_value() if management else None,
        automation_external_id=automation.get_secret_value() if automation else None,
    )


def documents(surroundings: Surroundings, *, optional: bool = True) -> tuple[PrincipalDocuments, ...]:
    """Return the documents of every principal that there is, in the order of the role chain."""
    return tuple(
        _of(principal, arn, surroundings, optional=optional)
        for principal, arn in _arns(surroundings).items()
        if arn is not None
    )


def trust(principal_arn: str, external_id: str | None) -> Document:
    """Return the trust policy of a role that one principal may assume, by the external id if there is one."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal_arn}, "Action": "sts:AssumeRole"}
    return _document([{**statement, **_external_id(external_id)}])


def _arns(surroundings: Surroundings) -> Mapping[Principal, str | None]:
    return {
        Principal.SERVICE_USER: surroundings.entry,
        Principal.MANAGEMENT_ROLE: surroundings.management_role,
        Principal.AUTOMATION_ROLE: surroundings.automation_role,
        Principal.ACCESS_ROLE: _access_role(surroundings),
    }


def _access_role(surroundings: Surroundings) -> str:
    return Resource.ACCESS_ROLE.format(partition=surroundings.partition, access_role=surroundings.access_role)


def _of(principal: Principal, arn: str, surroundings: Surroundings, *, optional: bool) -> PrincipalDocuments:
    grouped: dict[Statement, list[Operation]] = {}
    for operation in OPERATIONS:
        statement = operation.statement
        if statement is None or statement.principal is not principal or not _possible(operation, surroundings):
            continue
        if optional or statement.without is None:
            grouped.setdefault(statement, []).append(operation)
    return PrincipalDocuments(
        principal=principal,
        arn=arn,
        policy=_document([_allow(statement, rows, surroundings) for statement, rows in grouped.items()]),
        trust=_trust_of(principal, surroundings),
        optional={statement.sid: statement.without for statement in grouped if statement.without},
    )


def _possible(operation: Operation, surroundings: Surroundings) -> bool:
    """Tell whether the platform has what the operation is for."""
    if Resource.AUTOMATION_ROLE in operation.resources:
        return surroundings.automation_role is not None
    return operation.service not in IDENTITY_CENTER or surroundings.instance is not None


def _allow(statement: Statement, operations: Iterable[Operation], surroundings: Surroundings) -> Document:
    rows = list(operations)
    resources = list(dict.fromkeys(resource for row in rows for resource in row.resources))
    return {
        "Sid": statement.sid,
        "Effect": "Allow",
        "Action": _one_or_list([row.action for row in rows]),
        "Resource": _one_or_list([_arn_pattern(resource, surroundings) for resource in resources]),
        **_external_id(_external_id_for(resources[0], surroundings)),
    }


def _arn_pattern(resource: Resource, surroundings: Surroundings) -> str:
    return resource.format(
        partition=surroundings.partition,
        management_role=surroundings.management_role,
        management_account=surroundings.management_role.split(":")[4],
        automation_role=surroundings.automation_role,
        access_role=surroundings.access_role,
        instance=surroundings.instance,
        access_stack=STACK_NAME,
    )


def _external_id_for(resource: Resource, surroundings: Surroundings) -> str | None:
    """The external id that goes with assuming a role; None for everything else."""
    match resource:
        case Resource.MANAGEMENT_ROLE | Resource.ACCESS_ROLE:
            return surroundings.external_id
        case Resource.AUTOMATION_ROLE:
            return surroundings.automation_external_id
        case _:
            return None


def _trust_of(principal: Principal, surroundings: Surroundings) -> Document | None:
    match principal:
        case Principal.SERVICE_USER:
            return _web_identity_trust(surroundings) if surroundings.web_identity else None
        case Principal.MANAGEMENT_ROLE:
            return trust(surroundings.entry, surroundings.external_id)
        case Principal.AUTOMATION_ROLE:
            return trust(surroundings.entry, surroundings.automation_external_id)
        case Principal.ACCESS_ROLE:
            return trust(surroundings.management_role, surroundings.external_id)


def _web_identity_trust(surroundings: Surroundings) -> Document:
    account = surroundings.entry.split(":")[4]
    subject = {"${OIDC_PROVIDER}:aud": "${OIDC_AUDIENCE}", "${OIDC_PROVIDER}:sub": "${OIDC_SUBJECT}"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{surroundings.partition}:iam::{account}:oidc-provider/${{OIDC_PROVIDER}}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": subject},
    }
    return _document([statement])


def _external_id(external_id: str | None) -> Document:
    return {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}


def _one_or_list(texts: list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else texts


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
