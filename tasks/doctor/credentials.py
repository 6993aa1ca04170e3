"""Who we are: the service user, both role chains, and whether external ids keep others out of the roles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from uuid import uuid4

from pydantic import SecretStr

from config.platform import Auth, DefaultAuth
from tasks.aws.purpose import Purpose
from tasks.aws.sts import Caller, Identity
from tasks.doctor.finding import Finding, error, ok, warning
from tasks.doctor.patient import Patient
from tasks.errors import SignInRefused

TOLERATED = timedelta(minutes=1)
REFUSED = timedelta(minutes=4)  # AWS refuses a signature that is 5 minutes off


def service_user(patient: Patient) -> Iterator[Finding]:
    """See that we can sign in, and as whom. Reads sts:GetCallerIdentity 1 call."""
    caller = patient.aws.user_identity.whoami()
    yield signed_in(patient.platform.auth, caller.arn)
    yield _clock(patient, caller)


def signed_in(auth: Auth, arn: str) -> Finding:
    """Say as whom we signed in, and whether that is what the document means."""
    said = ok(f"signed in as {arn}")
    if not isinstance(auth, DefaultAuth):
        return said
    meant = auth.principal_arn
    if meant is not None and _without_session(meant) != _without_session(arn):
        remedy = "Give the worker that identity, or correct auth.default.principalArn: the policies are printed for it."
        return warning(f"signed in as {arn}, but the platform document says {meant}", remedy)
    if ":user/" in arn:
        remedy = "Give the worker a role instead (docs/security.md, Workload identity): a user has a key that stays."
        return warning(f"signed in as {arn} by a key in the worker's environment", remedy)
    return said


def _without_session(arn: str) -> tuple[str, str, str]:
    """Return account, kind and name of a role, a user or a session of a role; STS leaves out the path of a role."""
    account, resource = arn.split(":")[4], arn.split(":", 5)[5]
    kind, *names = resource.split("/")
    return (account, "role", names[0]) if kind == "assumed-role" else (account, kind, names[-1])


def _clock(patient: Patient, caller: Caller) -> Finding:
    if caller.answered_at is None:
        return ok("AWS does not tell its time")
    skew = abs(patient.now() - caller.answered_at)
    remedy = "Synchronize the clock of this machine (NTP): AWS refuses signatures that are 5 minutes off."
    message = f"this machine's clock is {skew.total_seconds():.0f} s off AWS's"
    if skew >= REFUSED:
        return error(message, remedy)
    return warning(message, remedy) if skew > TOLERATED else ok(message)


def management_role(patient: Patient) -> Iterator[Finding]:
    """See that we come into the management account. Reads sts:AssumeRole, GetCallerIdentity 1 call each."""
    caller = patient.aws.management_identity.whoami()
    wanted = patient.platform.management_account_id
    if caller.account_id != wanted:
        remedy = "Correct the role or the management account in the platform document."
        yield error(f"signed in to account {caller.account_id}, not to {wanted}", remedy)
        return
    yield ok(f"signed in as {caller.arn}")


def management_external_id(patient: Patient) -> Iterator[Finding]:
    """See whether others get into the management role. Reads sts:AssumeRole 2 calls, which must be refused."""
    platform = patient.platform
    if platform.is_direct:
        return
    if platform.management_external_id is None:
        yield without(platform.management_role_arn)
        return
    for how, secret in others():
        other = patient.changed(management_external_id=secret)
        yield probed(platform.management_role_arn, how, entered=_enters_management(other))


def automation_role(patient: Patient) -> Iterator[Finding]:
    """See that we come into the automation account. Reads sts:AssumeRole, GetCallerIdentity 1 call each."""
    if patient.platform.automation_role_arn is not None:
        yield ok(f"signed in as {patient.aws.automation_identity.whoami().arn}")


def automation_external_id(patient: Patient) -> Iterator[Finding]:
    """See whether others get into the automation role. Reads sts:AssumeRole 2 calls, which must be refused."""
    platform = patient.platform
    if platform.automation_role_arn is None:
        return
    if platform.automation_external_id is None:
        yield without(platform.automation_role_arn)
        return
    for how, secret in others():
        other = patient.changed(automation_external_id=secret)
        yield probed(platform.automation_role_arn, how, entered=_enters_automation(other))


def session_tags(patient: Patient) -> Iterator[Finding]:
    """See that the roles take session tags, if there are any. Reads sts:AssumeRole, GetCallerIdentity 2 calls each."""
    platform = patient.platform
    if not platform.session_tags:
        return
    tagged = patient.aws_for(Purpose(f"doctor.doctor.{platform.identifier}", "doctor"))
    if platform.management_role_arn is not None:
        yield _tagged(platform.management_role_arn, lambda: tagged.management_identity)
    if platform.automation_role_arn is not None:
        yield _tagged(platform.automation_role_arn, lambda: tagged.automation_identity)


def _tagged(role: str, identity: Callable[[], Identity]) -> Finding:
    try:
        identity().whoami()
    except SignInRefused as refused:
        remedy = "Allow sts:TagSession as `aws-connector policies --platform` prints it, or remove sessionTags."
        return error(f"{role} takes no session tags: {refused.message}", remedy)
    return ok(f"{role} takes session tags")


def member_role(patient: Patient) -> Iterator[Finding]:
    """See that we come into an account that a tenant has. Reads sts:AssumeRole, GetCallerIdentity 1 call each."""
    account_id = patient.account_id
    if account_id is None:
        yield ok(f"{patient.platform.account_access_role} is not checked: no tenant has an account yet")
        return
    yield ok(f"signed in as {patient.aws.identity(account_id).whoami().arn}")


def others() -> Iterator[tuple[str, SecretStr | None]]:
    """Yield ways in which somebody else would ask for a role."""
    yield "without the external id", None
    yield "with a wrong external id", SecretStr(uuid4().hex)


def without(role: str | None) -> Finding:
    """Say that a role has no external id."""
    remedy = "Give the role's trust policy an external id, and the platform document the same one."
    return warning(f"{role} has no external id", remedy)


def probed(role: str | None, how: str, *, entered: bool) -> Finding:
    """Say whether somebody else got into a role."""
    if not entered:
        return ok(f"{role} cannot be assumed {how}")
    remedy = "Put the condition sts:ExternalId into its trust policy: aws-connector policies prints the whole of it."
    return warning(f"{role} can be assumed {how}", remedy)


def _enters_management(patient: Patient) -> bool:
    try:
        patient.aws.management_identity.whoami()
    except SignInRefused:
        return False
    return True


def _enters_automation(patient: Patient) -> bool:
    try:
        patient.aws.automation_identity.whoami()
    except SignInRefused:
        return False
    return True
