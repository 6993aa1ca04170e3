"""docs/errors.md, made of the tables of errors: `python -m tests.tasks.aws.error_page > docs/errors.md`.

A test compares the page with what this module makes, and the codes of our own with those that the product raises.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator

from tasks.accounts.creation_failures import AFTER, REMEDIES, Next
from tasks.aws.fault_table import BY_REASON, BY_SERVICE, EVERY_SERVICE, Fault
from tasks.errors import NotReady, Parked, TransientError, Unanswered

HEAD = """# Errors

<!-- Made by `python -m tests.tasks.aws.error_page > docs/errors.md`. -->

Every error of a replication has a code: AWS's own, or one of the connector's. This page explains each of them.
`lastError` in the API links to it (`docs/errors.md#accessdeniedexception`). Each error has one of three consequences:

- **retried**: the step is retried after 1 s, 2 s, 4 s … up to 2 minutes, and not before AWS allows it (`Retry-After`).
  After `CONNECTOR_STEP_DEADLINE_SECONDS` (30 minutes) without a single success the step fails. You see WAITING with
  `lastError`.
- **parked**: the step is retried every hour, or the next day, for `CONNECTOR_PARKED_DEADLINE_SECONDS` (3 days). A newer
  order for the tenant does not wait for it, and `retry` tries at once. You see WAITING with `lastError`, and
  `parked: an operator must act` in the log.
- **final**: the step has failed, and the error says what to do. Later steps that do not need it still run, then the
  replication ends FAILED. The daily replication tries again.

**A code that is not on this page** is final and shown with AWS's raw text. Look it up in AWS's documentation of the
call that the message names, fix the cause, then retry. The status of a CloudFormation stack (`ROLLBACK_COMPLETE`) or
of a stack instance (`INOPERABLE`) stands for a deployment that failed; the message contains the reason. An answer with
an HTTP status of 500 or more is retried whatever its code is. A code that is the name of a Python exception is a bug in
the connector: report it with the log.
"""

OWN = {  # what we say ourselves: the sentence that the error's own remedy does not say
    "AccessPolicyChanged": "The access role's policy was not as written before, so nothing was taken from the role.",
    "AccountAssignmentFailed": "AWS ended an account assignment as FAILED; the message has its reason.",
    "AccountClosed": "The tenant's account is closed or being closed.",
    "AliasNotShown": "The account may have the alias already; AWS does not show it yet.",
    "AnotherAccount": "The account is not the one that was ordered, or the access role leads elsewhere.",
    "AnotherEmail": "AWS created an account with another email than was requested.",
    "AnotherPolicy": "The organization has a service control policy of that name which the connector did not create.",
    "AnotherTenant": "The account is tagged as another tenant's.",
    "ChangeSetFailed": "CloudFormation cannot deploy a stack of `aws-connector bootstrap`; the message has its reason.",
    "ClosureNotAllowed": "`accountClosure` of the platform lists neither an OU above the account nor a tag of it.",
    "EmailOfClosedAccount": "The pattern gives the tenant's new account the email of the closed one.",
    "EnrollmentNotConfigured": "The landing zone enrols accounts, but the documents do not say how or where.",
    "ExecutionRoleNotShown": "StackSets cannot enter a new account: its execution role is missing, or not shown yet.",
    "FederationNotFound": "An account lacks the SAML provider or the role that somebody else should have created.",
    "ForeignGroup": "A group of that name is another tenant's or another role's, or nothing proves whose it is.",
    "ForeignRole": "The account has a role of that name, and nothing proves that the connector created it.",
    "ForeignSamlProvider": "The account has a SAML provider of that name, of another identity provider.",
    "GroupNameNotUnique": "Two roles would have the same group: `groupNamePattern` must tell them apart.",
    "GroupNotShown": "Identity Center does not show a group yet that it has, or whose group it is.",
    "GroupRenamed": "Somebody has renamed a group of the tenant: people are taken out of it, but nobody is put in.",
    "MalformedAnswer": "AWS's answer could not be read, so the call may or may not have worked.",
    "MembershipNotShown": "Somebody who is to be removed was put into a group a moment ago; AWS does not show it yet.",
    "MetadataRefused": "What `identityFederation.metadataUrl` answers is not the metadata of a SAML identity provider.",
    "MetadataUnavailable": "The server of `identityFederation.metadataUrl` does not answer.",
    "MoveNotShown": "AWS does not show yet where an account that is to be closed was moved a moment ago.",
    "NameRefused": "A pattern gives a name that AWS refuses.",
    "NoAccessRole": "The account has no access role, and there is no import role that may create it.",
    "NoAutomationAccount": "The landing zone has a StackSet, but the platform has no automation account.",
    "NoLandingZone": "Control Tower is not set up in the platform's region.",
    "NoLaunchPath": "The account factory's product is in no portfolio of the connector's, or has no active version.",
    "NoMemberAccount": "The management or automation account cannot be a tenant.",
    "NoParent": "AWS lists no parent of the account.",
    "NoRoot": "AWS lists no root of the organization.",
    "NoSuchPolicy": "Neither AWS nor the account has a managed policy of the name in the role mappings.",
    "NoWebIdentityToken": "The platform uses a workload identity, but nothing names the file of its token.",
    "NotKnownYet": "IAM created the SAML provider or the role a moment ago, and does not know it everywhere yet.",
    "NotPlannable": "Only in plans: only the account could tell, and it does not exist yet or cannot be accessed yet.",
    "NotProvablyOurs": "Nothing proves that the account is the tenant's, so it is not closed.",
    "RoleNotShown": "IAM says that the role exists, but does not show it yet.",
    "OwnedByAnother": "The account, group or alias belongs to another tenant, according to the connector's records.",
    "ParameterRefused": "A parameter of the access stack needs something that the tenant does not have.",
    "PolicyNotShown": "A policy that is to go was given to a role a moment ago; AWS does not show it yet.",
    "SamlProviderNotShown": "IAM says that the SAML provider exists, but does not show it yet.",
    "ServiceManagedStackSet": "The StackSet deploys by organizational unit and not by account.",
    "SeveralAccounts": "Several accounts are tagged as this tenant's.",
    "StillShown": "AWS shows what was deleted a moment ago; it counts as gone.",
    "TooManyTags": "Tags of others fill the account, so that there is no room for the tenant's own.",
    "UnknownAccountState": "AWS describes the account with a state that this version does not know.",
    "UnknownConfiguration": "The tenant's platform or landing zone is no longer in the configuration directory.",
    "UnknownCreationState": "AWS describes the creation with a state that this version does not know.",
    "UnknownParameter": "The template has a parameter without default for which there is no value.",
    "UnknownStatus": "AWS answered with a status that this version does not know.",
    "Unreachable": "AWS's endpoint could not be reached; nothing was sent.",
    "VendingOverdue": "The tags by which an account vending machine shows that it has finished did not come in time.",
    "WaitedTooLong": "A step has waited too long for work that AWS or somebody else does.",
    "WebIdentityTokenExpired": "The cluster has not replaced the web identity token before it expired.",
    "NoCredentials": "The document says `auth.type: default`, and the worker finds no credentials.",
    "WebIdentityTokenUnreadable": "The file of the web identity token is missing, empty, or does not contain a token.",
    "WrongWebIdentityAudience": "The web identity token is for somebody else than the platform document says.",
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
    Next.LOOK_THEN_AGAIN: "retried up to 5 times, after the account was looked for; then final",
    Next.AGAIN_SLOWLY: "parked: asked again every hour",
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
        yield from _section(code, (_line(where, fault) for where, fault in entries[code]))


def _line(where: str, fault: Fault) -> str:
    prefix = f"{where}: " if where else ""
    return f"{prefix}**{treatment(fault)}**. {fault.remedy or _why(fault)}"


def treatment(fault: Fault) -> str:
    """Name what the connector does."""
    if fault.kind is Parked:
        return "parked"
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
