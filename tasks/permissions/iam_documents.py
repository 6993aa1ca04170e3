"""The IAM documents that the connector needs, made from the table of its calls (`tasks/aws/actions.py`).

For each principal a policy, and for each role a trust policy: filled in for one platform, or with `${…}` placeholders.
A statement whose name begins with Optional may be left out; what is lost then stands in the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.platform import Auth, DefaultAuth, Platform, WorkloadIdentityAuth
from config.policy_document import PolicyDocument
from tasks.aws.actions import OPERATIONS, Feature, Operation, Principal, Resource, Statement
from tasks.aws.purpose import REPLICATION_TAG, TENANT_TAG
from tasks.stacks.templates import STACK_NAME

EXTERNAL_ID = "${EXTERNAL_ID}"
AUTOMATION_EXTERNAL_ID = "${AUTOMATION_EXTERNAL_ID}"
METERING_EXTERNAL_ID = "${METERING_EXTERNAL_ID}"
DIRECT_SIDS = {  # as meshStack published the direct user's policy
    "OrgManagementAccessRead": "OrgManagementAccess1",
    "OrgManagementAccessWrite": "OrgManagementAccess1",
    "OrgManagementAccessNoResourceLevelRestrictions": "OrgManagementAccess2",
}
TAGGING = frozenset({"ListTagsForResource", "TagResource", "UntagResource"})  # which that policy does not allow
ONLY_OUR_TAGS: PolicyDocument = {
    "Condition": {"ForAllValues:StringEquals": {"aws:TagKeys": [TENANT_TAG, REPLICATION_TAG]}}
}
IDENTITY_CENTER = frozenset({"sso-admin", "identitystore"})  # botocore's names


@dataclass(frozen=True)
class Surroundings:
    """What the documents are filled in with."""

    partition: str
    entry: str  # ARN of the service user, of the entry role of a workload identity, or of who the environment is
    management_role: str | None  # ARN; None: direct, the entry is a user of the management account itself
    automation_role: str | None  # ARN; None: no StackSets
    access_role: str  # its name in every member account, with the path if it has one
    external_id: str | None
    automation_external_id: str | None
    instance: str | None  # ARN of the Identity Center instance; None: nobody gets access through it
    scim: bool = False  # groups are written by SCIM, which no IAM policy allows or denies
    web_identity: bool = False
    import_role: str | None = None  # its name in accounts that are taken over; None: their access role is there
    features: frozenset[Feature] = frozenset()  # what the platform has configured
    metering_entry: str | None = None  # ARN of the metering user or its entry role; None: no costs are read
    metering_role: str | None = None  # ARN; None: the metering user lives in the management account itself
    metering_external_id: str | None = None
    metering_web_identity: bool = False
    units: tuple[str, ...] = ()  # ids of the only OUs that accounts may be moved into; none: every OU

    @property
    def management_account(self) -> str:
        """The management account: 12 digits, or a placeholder."""
        return (self.management_role or self.entry).split(":")[4]

    @property
    def entrant(self) -> str:
        """Whom the roles in the member accounts trust: ARN. As AWS makes them they trust the management account."""
        return self.management_role or f"arn:{self.partition}:iam::{self.management_account}:root"


@dataclass(frozen=True)
class PrincipalDocuments:
    """What one principal needs."""

    principal: Principal
    arn: str
    policy: PolicyDocument
    trust: PolicyDocument | None  # None: a user trusts nobody
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
        import_role="${IMPORT_ROLE}",
        features=frozenset(Feature),
        metering_entry=f"arn:{partition}:iam::${{MESHCLOUD_ACCOUNT_ID}}:user/meshcloud-cost-explorer-user",
        metering_role=f"arn:{partition}:iam::${{MANAGEMENT_ACCOUNT_ID}}:role/MeshCostExplorerServiceRole",
        metering_external_id=METERING_EXTERNAL_ID,
    )


def direct_user(partition: str = "aws", *, optional: bool = True) -> PrincipalDocuments:
    """Return the documents, with placeholders, of the service user of the older setup."""
    surroundings = replace(
        placeholders(partition),
        entry=_direct_user(partition, "${MANAGEMENT_ACCOUNT_ID}"),
        management_role=None,
        automation_role=None,
        access_role="OrganizationAccountAccessRole",
        instance=None,
        import_role=None,
        features=frozenset(),
        metering_entry=None,
        metering_role=None,
    )
    return documents(surroundings, optional=optional)[0]


def _direct_user(partition: str, account: str) -> str:
    return f"arn:{partition}:iam::{account}:user/meshfed-service"


def surroundings_of(
    platform: Platform, service_user: str | None = None, metering_user: str | None = None
) -> Surroundings:
    """Return what a platform fills in; its external ids stay placeholders, see `with_external_ids`.

    service_user, metering_user   their ARNs, which no document of meshStack holds; None: a placeholder
    """
    web_identity = isinstance(platform.auth, WorkloadIdentityAuth)
    return Surroundings(
        partition=platform.partition,
        entry=_entry(platform.auth) or service_user or _some_user(platform),
        management_role=platform.management_role_arn,
        automation_role=platform.automation_role_arn,
        access_role=platform.account_access_role,
        external_id=EXTERNAL_ID if platform.management_external_id is not None else None,
        automation_external_id=AUTOMATION_EXTERNAL_ID if platform.automation_external_id is not None else None,
        instance=platform.identity_center.instance_arn if platform.identity_center else None,
        scim=platform.scim is not None,
        web_identity=web_identity,
        import_role=platform.import_role,
        features=features_of(platform),
        **_metering(platform, metering_user),
    )


def _entry(auth: Auth) -> str | None:
    """Return who signs in, by ARN; None: only AWS knows."""
    if isinstance(auth, WorkloadIdentityAuth):
        return auth.role_arn
    return auth.principal_arn if isinstance(auth, DefaultAuth) else None


def _metering(platform: Platform, given: str | None) -> dict[str, Any]:
    """Return who reads the costs; empty: nobody."""
    metering = platform.metering
    if metering is None:
        return {}
    web_identity = isinstance(metering.auth, WorkloadIdentityAuth)
    account = "${MESHCLOUD_ACCOUNT_ID}" if metering.management_role_arn else platform.management_account_id
    user = given or f"arn:{platform.partition}:iam::{account}:user/meshcloud-cost-explorer-user"
    return {
        "metering_entry": _entry(metering.auth) or user,
        "metering_role": metering.management_role_arn,
        "metering_external_id": METERING_EXTERNAL_ID if metering.management_external_id is not None else None,
        "metering_web_identity": web_identity,
    }


def _some_user(platform: Platform) -> str:
    if platform.is_direct:
        return _direct_user(platform.partition, platform.management_account_id)
    return placeholders(platform.partition).entry


def features_of(platform: Platform) -> frozenset[Feature]:
    """Return what the platform has configured, of that which needs statements of its own."""
    metering = platform.metering
    configured = {
        Feature.SELF_DOWNGRADE: platform.self_downgrade_access_role,
        Feature.ACCESS_ROLE_TRUST: platform.manage_access_role_trust,
        Feature.SESSION_TAGS: platform.session_tags,
        Feature.IMPORT_ROLE: platform.import_role is not None,
        Feature.MANAGEMENT_ACCOUNT: platform.management_account_tenant is not None,
        Feature.IDENTITY_FEDERATION: platform.identity_federation is not None,
        Feature.CONTROL_TOWER: platform.enrollment is not None,
        Feature.ADOPTION: platform.identity_center is not None and platform.identity_center.adopt_groups,
        Feature.METERING: metering is not None,
        Feature.RESERVED_INSTANCES: metering is not None and metering.reserved_instance_fair_chargeback,
        Feature.SAVINGS_PLANS: metering is not None and metering.savings_plan_fair_chargeback,
    }
    return frozenset(feature for feature, asked in configured.items() if asked)


def access_role_documents(platform: Platform) -> PrincipalDocuments:
    """Return what the platform's access role needs in every member account, with the external ids filled in."""
    found = documents(with_external_ids(surroundings_of(platform), platform))
    return next(each for each in found if each.principal is Principal.ACCESS_ROLE)


def with_external_ids(surroundings: Surroundings, platform: Platform) -> Surroundings:
    """Fill in the platform's external ids. They are secret: for AWS and the tests, never for a log."""
    management, automation = platform.management_external_id, platform.automation_external_id
    metering = platform.metering.management_external_id if platform.metering else None
    return replace(
        surroundings,
        external_id=management.get_secret_value() if management else None,
        automation_external_id=automation.get_secret_value() if automation else None,
        metering_external_id=metering.get_secret_value() if metering else None,
    )


def documents(surroundings: Surroundings, *, optional: bool = True) -> tuple[PrincipalDocuments, ...]:
    """Return the documents of every principal that there is, in the order of the role chain."""
    return tuple(
        _of(principal, arn, surroundings, optional=optional)
        for principal, arn in _arns(surroundings).items()
        if arn is not None
    )


def trust(principal_arn: str, external_id: str | None) -> PolicyDocument:
    """Return the trust policy of a role that one principal may assume, by the external id if there is one."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal_arn}, "Action": "sts:AssumeRole"}
    return _document([{**statement, **_external_id(external_id)}])


def _arns(surroundings: Surroundings) -> Mapping[Principal, str | None]:
    return {
        Principal.SERVICE_USER: surroundings.entry if surroundings.management_role else None,
        Principal.DIRECT_USER: None if surroundings.management_role else surroundings.entry,
        Principal.MANAGEMENT_ROLE: surroundings.management_role,
        Principal.AUTOMATION_ROLE: surroundings.automation_role,
        Principal.ACCESS_ROLE: _member_role(surroundings, surroundings.access_role),
        Principal.IMPORT_ROLE: _member_role(surroundings, surroundings.import_role),
        Principal.METERING_USER: surroundings.metering_entry,
        Principal.METERING_ROLE: surroundings.metering_role,
    }


def _member_role(surroundings: Surroundings, name: str | None) -> str | None:
    return None if name is None else Resource.ACCESS_ROLE.format(partition=surroundings.partition, access_role=name)


def _of(principal: Principal, arn: str, surroundings: Surroundings, *, optional: bool) -> PrincipalDocuments:
    grouped: dict[Statement, list[Operation]] = {}
    for operation in OPERATIONS:
        statement = _standing(operation.statement, surroundings)
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


def _standing(statement: Statement | None, surroundings: Surroundings) -> Statement | None:
    """The statement as it stands in this platform's policies: a direct user does the management role's work."""
    if statement is None:
        return None
    if statement.principal is Principal.METERING_ROLE and surroundings.metering_role is None:
        return replace(statement, principal=Principal.METERING_USER)
    if surroundings.management_role is not None:
        return statement
    if statement.principal not in (Principal.SERVICE_USER, Principal.MANAGEMENT_ROLE):
        return statement
    return replace(statement, principal=Principal.DIRECT_USER, sid=DIRECT_SIDS.get(statement.sid, statement.sid))


def _possible(operation: Operation, surroundings: Surroundings) -> bool:
    """Tell whether the platform has what the operation is for."""
    if surroundings.management_role is None and (
        Resource.MANAGEMENT_ROLE in operation.resources or operation.name in TAGGING
    ):
        return False
    feature = operation.statement.feature if operation.statement else None
    if feature is not None and feature not in surroundings.features:
        return False
    if Resource.METERING_ROLE in operation.resources:
        return surroundings.metering_role is not None
    if Resource.AUTOMATION_ROLE in operation.resources:
        return surroundings.automation_role is not None
    if operation.service == "identitystore" and surroundings.scim:
        return False
    return operation.service not in IDENTITY_CENTER or surroundings.instance is not None


def _allow(statement: Statement, operations: Iterable[Operation], surroundings: Surroundings) -> PolicyDocument:
    rows = list(operations)
    resources = list(dict.fromkeys(resource for row in rows for resource in row.resources))
    return {
        "Sid": statement.sid,
        "Effect": "Allow",
        "Action": _one_or_list([row.action for row in rows]),
        "Resource": _one_or_list([arn for each in resources for arn in _arn_patterns(each, surroundings, rows)]),
        **_condition(rows[0], resources[0], surroundings),
    }


def _condition(operation: Operation, resource: Resource, surroundings: Surroundings) -> PolicyDocument:
    match operation.name:
        case "AssumeRole":
            return _external_id(_external_id_for(resource, surroundings))
        case "TagSession":
            return ONLY_OUR_TAGS
    return {}


def _arn_patterns(resource: Resource, surroundings: Surroundings, rows: Iterable[Operation]) -> list[str]:
    pattern = _arn_pattern(resource, surroundings)
    if resource is Resource.UNIT and surroundings.units and any(row.name == "MoveAccount" for row in rows):
        return [f"{pattern.rpartition('/')[0]}/{unit}" for unit in surroundings.units]
    return [pattern]


def _arn_pattern(resource: Resource, surroundings: Surroundings) -> str:
    return resource.format(
        partition=surroundings.partition,
        management_role=surroundings.management_role,
        management_account=surroundings.management_account,
        automation_role=surroundings.automation_role,
        metering_role=surroundings.metering_role,
        access_role=surroundings.access_role,
        import_role=surroundings.import_role,
        instance=surroundings.instance,
        access_stack=STACK_NAME,
    )


def _external_id_for(resource: Resource, surroundings: Surroundings) -> str | None:
    """The external id that goes with assuming a role; None for everything else."""
    match resource:
        case Resource.MANAGEMENT_ROLE | Resource.ACCESS_ROLE | Resource.IMPORT_ROLE:
            return surroundings.external_id
        case Resource.AUTOMATION_ROLE:
            return surroundings.automation_external_id
        case Resource.METERING_ROLE:
            return surroundings.metering_external_id
        case _:
            return None


def _trust_of(principal: Principal, surroundings: Surroundings) -> PolicyDocument | None:
    match principal:
        case Principal.SERVICE_USER | Principal.DIRECT_USER:
            return entry_trust(surroundings.entry, surroundings.partition) if surroundings.web_identity else None
        case Principal.MANAGEMENT_ROLE:
            return _with_tags(trust(surroundings.entry, surroundings.external_id), surroundings)
        case Principal.AUTOMATION_ROLE:
            return _with_tags(trust(surroundings.entry, surroundings.automation_external_id), surroundings)
        case Principal.METERING_USER:
            web = surroundings.metering_entry if surroundings.metering_web_identity else None
            return entry_trust(web, surroundings.partition) if web else None
        case Principal.METERING_ROLE:
            assert surroundings.metering_entry is not None
            return trust(surroundings.metering_entry, surroundings.metering_external_id)
        case Principal.ACCESS_ROLE | Principal.IMPORT_ROLE:
            return trust(surroundings.entrant, surroundings.external_id)


def _with_tags(trusting: PolicyDocument, surroundings: Surroundings) -> PolicyDocument:
    """Return a trust policy that also takes session tags, where the platform passes them."""
    if Feature.SESSION_TAGS not in surroundings.features:
        return trusting
    tagging = {"Effect": "Allow", "Principal": {"AWS": surroundings.entry}, "Action": "sts:TagSession"}
    return _document([*trusting["Statement"], {**tagging, **ONLY_OUR_TAGS}])


def entry_trust(entry: str, partition: str) -> PolicyDocument:
    """Return the trust policy of a workload identity's entry role (its ARN), with placeholders for the cluster's."""
    account = entry.split(":")[4]
    subject = {"${OIDC_PROVIDER}:aud": "${OIDC_AUDIENCE}", "${OIDC_PROVIDER}:sub": "${OIDC_SUBJECT}"}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:{partition}:iam::{account}:oidc-provider/${{OIDC_PROVIDER}}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": subject},
    }
    return _document([statement])


def _external_id(external_id: str | None) -> PolicyDocument:
    return {"Condition": {"StringEquals": {"sts:ExternalId": external_id}}} if external_id else {}


def _one_or_list(texts: list[str]) -> str | list[str]:
    return texts[0] if len(texts) == 1 else texts


def _document(statements: list[PolicyDocument]) -> PolicyDocument:
    return {"Version": "2012-10-17", "Statement": statements}
