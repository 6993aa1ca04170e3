"""docs/errors.md, made of the tables of errors: `python -m tests.tasks.aws.error_page > docs/errors.md`.

A test compares the page with what this module makes, and the codes of our own with those that the product raises.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tasks.accounts.creation_failures import AFTER, REMEDIES, Next
from tasks.aws.fault_table import BY_REASON, BY_SERVICE, EVERY_SERVICE, Fault
from tasks.aws.sign_in import UNKNOWN_KEY
from tasks.errors import NotReady, Parked, TransientError, Unanswered

HEAD = """# Errors

<!-- Made by `python -m tests.tasks.aws.error_page > docs/errors.md`. -->

Look up an error's code here to see what happens next and what you can do. The code is AWS's own or one of the
connector's. `lastError` in the API links to it (`docs/errors.md#accessdeniedexception`). Each error has one of these
consequences:

- **retried**: the step is retried after 1 s, 2 s, 4 s … up to 2 minutes, and not before AWS allows it (`Retry-After`).
  After `CONNECTOR_STEP_DEADLINE_SECONDS` (30 minutes) without a single success the step fails. You see WAITING with
  `lastError`.
- **parked**: the step is retried every hour, or the next day, for `CONNECTOR_PARKED_DEADLINE_SECONDS` (3 days). A newer
  order for the tenant does not wait for it, and `retry` tries at once. You see WAITING with `lastError`, and
  `parked: an operator must act` in the log.
- **parked for the whole platform**: AWS refuses the platform's sign-in, or a role of the platform document cannot be
  assumed, so all tenants of the platform wait together. One of them tries again every 10 seconds. As soon as AWS
  accepts it, all continue. A refused access role of one account affects only that tenant.
- **parked for the whole organization**: a quota of the organization is used up, so all tenants that need more of it
  wait together. One of them tries again every hour, or the next day, or when you order one of them again, for example
  with `retry`. As soon as AWS accepts it, all continue.
- **final**: the step has failed, and the error says what to do. Later steps that do not need it still run, then the
  replication ends FAILED. The daily replication tries again.

**A code that is not on this page** is final and shown with AWS's raw text. Look it up in AWS's documentation of the
call that the message names, fix the cause, then retry. The status of a CloudFormation stack (`ROLLBACK_COMPLETE`) or
of a stack instance (`INOPERABLE`) means that a deployment failed; the message contains the reason. An answer with an
HTTP status of 500 or more is retried whatever its code. A code that is the name of a Python exception is a bug in the
connector: report it with the log.
"""

OWN = {  # what we say ourselves: the sentence that the error's own remedy does not say
    "AccessPolicyChanged": "The access role's policy was not as the connector wrote it, so it detached nothing.",
    "AccountAssignmentFailed": "An account assignment ended FAILED in AWS; the message has the reason.",
    "AccountClosed": "The tenant's account is closed or being closed.",
    "AliasNotShown": "The account may have the alias already; AWS does not show it yet.",
    "AnotherAccount": "The account is not the one that was ordered, or the access role belongs to another account.",
    "AnotherEmail": "AWS created an account with a different email than requested.",
    "AnotherPolicy": "The organization has a service control policy of that name that the connector did not create.",
    "AnotherTenant": "The account has the tag of another tenant.",
    "ChangeSetFailed": "CloudFormation cannot deploy a stack of `aws-connector bootstrap`; the message has the reason.",
    "ClosureNotAllowed": "`accountClosure` of the platform lists no OU above the account and no tag of it.",
    "EmailOfClosedAccount": "The pattern would give the tenant's new account the same email as its closed one.",
    "EnrollmentNotConfigured": "The landing zone enrolls accounts, but the documents do not say how or where.",
    "ExecutionRoleNotShown": "StackSets cannot access a new account: its execution role is missing or not shown yet.",
    "FederationNotFound": "The account lacks the SAML provider or a role that somebody else should have created.",
    "ForeignGroup": "A group of that name belongs to another tenant or role, or nothing proves whose it is.",
    "ForeignRole": "The account has a role of that name, and nothing proves that the connector created it.",
    "ForeignSamlProvider": "The account has a SAML provider of that name for another identity provider.",
    "GroupNameNotUnique": "Two roles would get the same group: change `groupNamePattern` so that their names differ.",
    "GroupNotShown": "Identity Center does not yet show a group that exists, or whose group it is.",
    "GroupRenamed": "Somebody has renamed a group of the tenant: the connector removes people, but adds nobody.",
    "MalformedAnswer": "The connector could not read AWS's answer, so the call may or may not have worked.",
    "MembershipNotShown": "A person to be removed was added to a group a moment ago; AWS does not show it yet.",
    "MetadataRefused": "`identityFederation.metadataUrl` does not return the metadata of a SAML identity provider.",
    "MetadataUnavailable": "The server of `identityFederation.metadataUrl` does not answer.",
    "MoveNotShown": "An account to be closed was moved a moment ago; AWS does not show its new place yet.",
    "NameRefused": "A pattern gives a name that AWS refuses.",
    "NoAccessRole": "The account has no access role, and no import role is configured to create it.",
    "NoAutomationAccount": "The landing zone has a StackSet, but the platform has no automation account.",
    "NoLandingZone": "Control Tower is not set up in the platform's region.",
    "NoLaunchPath": "The connector cannot access the account factory's product, or it has no active version.",
    "NoMemberAccount": "The management or automation account cannot be a tenant.",
    "NoParent": "AWS lists no parent of the account.",
    "NoRoot": "AWS lists no root of the organization.",
    "NoSuchPolicy": "Neither AWS nor the account has a managed policy with the name in the role mappings.",
    "NoWebIdentityToken": "The platform uses a workload identity, but no token file is configured.",
    "NotKnownYet": "IAM created the SAML provider or the role a moment ago and does not know it everywhere yet.",
    "NotPlannable": "Only in plans: this depends on an account that does not exist yet or cannot be accessed yet.",
    "NotProvablyOurs": "Nothing proves that the account belongs to the tenant, so it is not closed.",
    "RoleNotShown": "IAM says that the role exists, but does not show it yet.",
    "OwnedByAnother": "The account, group or alias belongs to another tenant, according to the connector's records.",
    "ParameterRefused": "A parameter of the access stack needs something that the tenant does not have.",
    "PolicyNotShown": "A policy to be detached was attached to a role a moment ago; AWS does not show it yet.",
    "SamlProviderNotShown": "IAM says that the SAML provider exists, but does not show it yet.",
    "ServiceManagedStackSet": "The StackSet deploys by organizational unit and not by account.",
    "SeveralAccounts": "Several accounts are tagged as this tenant's.",
    "StillShown": "AWS still shows something that was deleted a moment ago; the connector takes it as gone.",
    "TooManyTags": "The account has so many other tags that there is no room for the tenant's own.",
    "UnknownAccountState": "AWS reports an account state that this version does not know.",
    "UnknownConfiguration": "The configuration directory no longer has the tenant's platform or landing zone.",
    "UnknownCreationState": "AWS reports a state of the account creation that this version does not know.",
    "UnknownParameter": "The template has a parameter without a default, and there is no value for it.",
    "UnknownStatus": "AWS reports a status that this version does not know.",
    "Unreachable": "AWS's endpoint could not be reached; nothing was sent.",
    "VendingOverdue": "The account vending machine did not tag the account in time to show that it has finished.",
    "WaitedTooLong": "A step has waited too long for AWS or somebody else to finish.",
    "WebIdentityTokenExpired": "The web identity token has expired, and the cluster has not replaced it.",
    "NoCredentials": "The document has `auth.type: default`, but the worker finds no credentials in its environment.",
    "WebIdentityTokenUnreadable": "The file of the web identity token is missing, empty, or does not contain a token.",
    "WrongWebIdentityAudience": "The web identity token has a different audience than the platform document.",
}
RETRIED_OF_OURS = {
    "AccessPolicyChanged",
    "AliasNotShown",
    "ExecutionRoleNotShown",
    "GroupNotShown",
    "MalformedAnswer",
    "MembershipNotShown",
    "MetadataUnavailable",
    "MoveNotShown",
    "NoParent",
    "NoRoot",
    "NoWebIdentityToken",
    "NotKnownYet",
    "PolicyNotShown",
    "RoleNotShown",
    "SamlProviderNotShown",
    "Unreachable",
    "WebIdentityTokenExpired",
    "NoCredentials",
    "WebIdentityTokenUnreadable",
}
RETRIED_WHILE_YOUNG = {"AccountAssignmentFailed"}
STEPS_AFTER_FAILURE = {
    Next.LOOK_THEN_GIVE_UP: "final, unless the account turns out to be this tenant's",
    Next.LOOK_THEN_AGAIN: "retried up to 5 times, each time after a search for the account; then final",
    Next.AGAIN_SLOWLY: "parked: retried every hour",
    Next.GIVE_UP: "final",
}


def page() -> str:
    """Return the whole page."""
    parts = [
        HEAD,
        "## Codes of AWS\n",
        *_aws(),
        "## Reasons of a failed account creation\n",
        *_creations(),
        "## Codes of the connector\n",
        *_own(),
    ]
    return "\n".join(parts)


def _aws() -> Iterator[str]:
    entries: dict[str, list[tuple[str, Fault]]] = defaultdict(list)
    for code, fault in EVERY_SERVICE.items():
        entries[code].append(("", fault))
    for (service, code), fault in BY_SERVICE.items():
        entries[code].append((service, fault))
    for (service, code, reason), fault in BY_REASON.items():
        entries[code].append((f"{service}, {reason}", fault))
    for code in sorted(entries):
        yield from _section(code, (_line(where, fault, code) for where, fault in entries[code]))


def _line(where: str, fault: Fault, code: str) -> str:
    prefix = f"{where}: " if where else ""
    return f"{prefix}**{treatment(fault, code)}**. {fault.remedy or _why(fault)}"


def treatment(fault: Fault, code: str) -> str:
    """Name what the connector does."""
    if fault.kind is Parked:
        return "parked for the whole organization" if fault.of_all else "parked"
    if code in UNKNOWN_KEY:
        return "parked for the whole platform"
    return "retried" if issubclass(fault.kind, TransientError) else "final"


def _why(fault: Fault) -> str:
    if fault.kind is Unanswered:
        return "The call may have worked. The connector checks what AWS has before it sends anything again."
    if fault.kind is NotReady:
        return "The service of a new account is still being set up; `wait_for_access` fails if that takes 30 minutes."
    return "AWS did not apply the change."


def _creations() -> Iterator[str]:
    for reason, then in sorted(AFTER.items()):
        yield from _section(reason.value, [f"**{STEPS_AFTER_FAILURE[then]}**. {REMEDIES[reason]}"])


def _own() -> Iterator[str]:
    for code, meaning in sorted(OWN.items()):
        yield from _section(code, [f"**{_own_treatment(code)}**. {meaning}"])


def _own_treatment(code: str) -> str:
    if code in RETRIED_WHILE_YOUNG:
        return "retried while what it names is new, then final"
    return "retried" if code in RETRIED_OF_OURS else "final"


def _section(code: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"### {code}\n"
    found = list(lines)
    yield "\n".join(found if len(found) == 1 else (f"- {line}" for line in found)) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
