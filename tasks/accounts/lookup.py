"""Find the account that is this tenant's already, and take it over only on proof.

An account is looked for by its root email (lower-cased, in every state: AWS keeps an email even after closing), by its
name, which is not unique, and by its tag (`tagged.py`). What proves it ours is the tag `meshstack:tenant`, which goes
with CreateAccount; or, where somebody has removed the tag, our own recorded intent with the same email and name, if the
account joined after it. In direct mode, which allows no tags, the tenant's own email together with its name is proof,
letter by letter: AWS allows an email only once, keeps it as it was given, and the pattern gives it to this tenant only.
Everything else is left alone: a wrong account gives one tenant's people access to another's data.

The account that works is the tenant's, whatever it had before: closed ones are history, and only tell which emails are
spent. Two that work are nobody's to choose from.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tasks.accounts.creation_failures import FailureReason
from tasks.aws import Aws
from tasks.errors import Conflict, NotFound, NotOurs, PermanentError
from tasks.model.account import Account, AccountState
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.names import TENANT_TAG

CLOCK_SKEW = timedelta(minutes=1)  # by which AWS's clock may be behind ours
CLOSED = frozenset({AccountState.SUSPENDED, AccountState.PENDING_CLOSURE, AccountState.CLOSED})


@dataclass(frozen=True)
class Wanted:
    """What the account of a tenant looks like."""

    tenant: str
    email: str
    name: str
    intended_at: datetime | None  # when CreateAccount was about to be sent; None: it never was
    tagged: bool = True  # False: direct mode, in which no account tells whose it is


@dataclass(frozen=True)
class Candidate:
    """An account with our email, name or tag, and the tenant that its tag names."""

    account: Account
    tenant: str | None  # None: the account has no such tag
    told_by: str | None = None  # the AWS request id of the answer that says so


@dataclass(frozen=True)
class Found:
    """What the organization has of a tenant."""

    account: Account | None  # the one that works; None: there is none
    closed: tuple[Account, ...] = ()  # those that it had before, the newest last

    def history(self, handles: Handles) -> tuple[str, ...]:
        """Return the ids of the closed accounts, those that were found here after those that are known."""
        return tuple(dict.fromkeys((*handles.closed_accounts, *(account.id for account in self.closed))))


def find_account(tenant: Tenant, handles: Handles, aws: Aws, *, afresh: bool) -> Found:
    """Look for the tenant's account in the organization; by its tag as far as tags have been read.

    afresh   an account may have been made for the tenant a moment ago, so no list of the last minutes tells anything
    Reads    organizations:ListAccounts 1 call for 20 accounts; none where such a list will do, but DescribeAccount 1
             call for each account that it names; ListTagsForResource 1 call for each with our email, name or tag
    Raises   LaneFull while somebody else lists for all; NotOurs when the email is another account's, or the account
             runs a platform; Conflict when several accounts that work are the tenant's
    """
    wanted, tagged = _wanted(tenant, handles), _tagged(tenant, aws)
    alike = [each for each in _listed(tenant, wanted, tagged, aws, afresh=afresh) if _fits(each, wanted, tagged)]
    before = tuple(account for account in alike if account.id in handles.closed_accounts)
    found = _chosen(tenant, (each for each in alike if each not in before), wanted, aws)
    return replace(found, closed=_by_age((*before, *found.closed)))


def find_by_tag(tenant: Tenant, handles: Handles, aws: Aws) -> Found | None:
    """Look at the accounts that are known to carry the tenant's name; None: there is none.

    Reads    organizations:DescribeAccount, ListTagsForResource 1 call for each of them, which is mostly one
    Raises   as find_account
    """
    wanted, tagged = _wanted(tenant, handles), _tagged(tenant, aws)
    described = [_described(each, aws) for each in sorted(tagged - set(handles.closed_accounts))]
    accounts = [account for account in described if account is not None]
    return _chosen(tenant, accounts, wanted, aws) if accounts else None


def account_besides(tenant: Tenant, ordered: str, handles: Handles, aws: Aws) -> Account | None:
    """Return an account that works and proves to be the tenant's, beside the one that is ordered for it; None: none.

    So it is after a loss of Redis, when nobody remembers the account that was made.
    Reads    organizations:ListAccounts 1 call for 20 accounts, none where a list of the last minutes will do;
             DescribeAccount and ListTagsForResource 1 call for each with our email, name or tag
    """
    wanted, tagged = _wanted(tenant, handles), _tagged(tenant, aws) - {ordered}
    listed = _listed(tenant, wanted, tagged, aws, afresh=False)
    others = (each for each in listed if each.id != ordered and each.state not in CLOSED)
    alike = (each for each in others if _fits(each, wanted, tagged))
    return next((each for each in alike if _candidate(each, wanted, aws).tenant == wanted.tenant), None)


def _wanted(tenant: Tenant, handles: Handles) -> Wanted:
    if handles.email is None or handles.account_name is None:
        raise ValueError("the email and name must be rendered before the search for an account")
    intended_at = handles.creation.intended_at if handles.creation else None
    tagged = not tenant.platform.is_direct
    return Wanted(str(tenant.id), handles.email, handles.account_name, intended_at, tagged=tagged)


def _tagged(tenant: Tenant, aws: Aws) -> frozenset[str]:
    """Return the accounts that carry the tenant's name, as far as somebody has read it."""
    return frozenset() if tenant.platform.is_direct else aws.tag_index.accounts_of(str(tenant.id))


def _listed(tenant: Tenant, wanted: Wanted, tagged: frozenset[str], aws: Aws, *, afresh: bool) -> Iterable[Account]:
    """Return the organization's accounts, or only those that a list of the last minutes names, described afresh."""
    if afresh:
        return aws.list_accounts()
    ids = tagged | aws.listed(wanted.email, wanted.name, str(tenant.id))
    return [account for account in (_described(each, aws) for each in sorted(ids)) if account is not None]


def _fits(account: Account, wanted: Wanted, tagged: frozenset[str]) -> bool:
    return account.id in tagged or _has_email(account, wanted) or account.name == wanted.name


def _described(account_id: str, aws: Aws) -> Account | None:
    try:
        return aws.organizations.account(account_id)
    except NotFound:  # it has left the organization since its tag was read
        return None


def _chosen(tenant: Tenant, accounts: Iterable[Account], wanted: Wanted, aws: Aws) -> Found:
    found = choose((_candidate(each, wanted, aws) for each in accounts), wanted)
    if found.account is not None:
        _check_free(tenant, found.account.id)
    return found


def _candidate(account: Account, wanted: Wanted, aws: Aws) -> Candidate:
    if not wanted.tagged:
        return Candidate(account, None, aws.organizations.request_id)
    owner = aws.organizations.tags(account.id).get(TENANT_TAG)
    aws.tag_index.note(account.id, owner, aws.now())
    return Candidate(account, owner, aws.organizations.request_id)


def choose(candidates: Iterable[Candidate], wanted: Wanted) -> Found:
    """Decide which candidates are the tenant's: the one that works, and those that it had before."""
    proven = []
    for candidate in candidates:
        if candidate.tenant == wanted.tenant or _follows_our_intent(candidate, wanted) or _is_direct(candidate, wanted):
            proven.append(candidate.account)
        elif _has_email(candidate.account, wanted):
            raise _occupied(candidate, wanted)
    working = [account for account in proven if account.state not in CLOSED]
    if len(working) > 1:
        ids = " and ".join(sorted(account.id for account in working))
        remedy = f"Remove the tag {TENANT_TAG} from all of them but one, then retry."
        raise Conflict("SeveralAccounts", f"accounts {ids} all have the tag of tenant {wanted.tenant}", remedy=remedy)
    closed = _by_age(account for account in proven if account.state in CLOSED)
    return Found(working[0] if working else None, closed)


def _by_age(accounts: Iterable[Account]) -> tuple[Account, ...]:
    return tuple(sorted(accounts, key=lambda each: (each.joined_at is not None, each.joined_at, each.id)))


def check_email_is_free(email: str, found: Found) -> None:
    """Raise NotOurs when the email that the tenant's next account would have is that of a closed one."""
    for account in found.closed:
        if account.email.lower() == email.lower():
            raise _spent(email, account)


def take_over(tenant: Tenant, account_id: str, aws: Aws) -> Account:
    """Return the existing account that meshStack names for this tenant.

    Reads    organizations:DescribeAccount 1 call, ListTagsForResource 1 call
    Raises   NotOurs when it is the management account or tagged as another tenant's, NotFound, PermanentError when
             closed
    """
    _check_free(tenant, account_id)
    account = _member(tenant, account_id, aws)
    owner = None if tenant.platform.is_direct else aws.organizations.tags(account_id).get(TENANT_TAG)
    if owner not in (None, str(tenant.id)):
        remedy = (
            f"Order the tenant without this account, or remove the tag {TENANT_TAG} from it if it is free, then retry."
        )
        raise NotOurs("AnotherTenant", f"account {account_id} belongs to tenant {owner}", remedy=remedy)
    return account


def _check_free(tenant: Tenant, account_id: str) -> None:
    """Raise NotOurs for an account by which a platform of the organization works."""
    platform = tenant.platform
    manages = account_id == platform.management_account_id
    if manages and platform.management_account_tenant == f"{tenant.id.workspace}.{tenant.id.project}":
        return
    if (what := platform.reserved(account_id)) is not None:
        remedy = (
            "Name the tenant in managementAccountTenant if its people should have access there, then retry."
            if manages
            else "Order the tenant with another account, or with none to get a new one."
        )
        raise NotOurs("NoMemberAccount", f"account {account_id} is {what}", remedy=remedy)


def _member(tenant: Tenant, account_id: str, aws: Aws) -> Account:
    try:
        return aws.organizations.account(account_id)
    except NotFound as missing:
        message = f"account {account_id} is not in the organization of platform {tenant.platform.identifier}"
        remedy = (
            "Correct platformTenantId, or invite the account into the organization (AWS Organizations, Invite an "
            "existing AWS account); then retry."
        )
        raise NotFound(missing.code, message, missing.request_id, remedy) from missing


def adopted(handles: Handles, account: Account) -> Handles:
    """Return the handles with an account that is proven to be the tenant's; PermanentError when it is closed."""
    if account.state in CLOSED:
        raise closed(account)
    return replace(
        handles,
        account_id=account.id,
        account_arn=account.arn,
        account_name=account.name,
        email=account.email,
        account_created_at=account.joined_at or created_at(handles),
    )


def created_at(handles: Handles) -> datetime | None:
    """When we asked for the account: for servers that do not tell when it joined."""
    return handles.account_created_at or (handles.creation.intended_at if handles.creation else None)


def closed(account: Account) -> PermanentError:
    """Return the error that says that the tenant's account is closed or about to be."""
    remedy = (
        f"Reopen account {account.id} (AWS Support, within 90 days of closing) and retry. To give the tenant a new "
        f"account, remove the tag {TENANT_TAG} and change the email pattern: AWS never accepts that email again."
    )
    return PermanentError("AccountClosed", f"account {account.id} of this tenant is {account.state}", remedy=remedy)


def _spent(email: str, account: Account) -> NotOurs:
    return NotOurs(
        "EmailOfClosedAccount",
        f"the tenant's earlier account {account.id} is {account.state} and keeps the email {email} forever",
        remedy=(
            "Put #{rand:%.8s} into accountEmailPattern of the platform document, so that each account of a "
            "tenant gets its own email, then retry. For 90 days, AWS Support can reopen the old account."
        ),
    )


def _has_email(account: Account, wanted: Wanted) -> bool:
    return account.email.lower() == wanted.email.lower()


def _follows_our_intent(candidate: Candidate, wanted: Wanted) -> bool:
    account = candidate.account
    if candidate.tenant is not None or wanted.intended_at is None or account.joined_at is None:
        return False
    same = _has_email(account, wanted) and account.name == wanted.name
    return same and account.joined_at >= wanted.intended_at - CLOCK_SKEW


def _is_direct(candidate: Candidate, wanted: Wanted) -> bool:
    account = candidate.account
    return not wanted.tagged and account.email == wanted.email and account.name == wanted.name


def _occupied(candidate: Candidate, wanted: Wanted) -> NotOurs:
    if not wanted.tagged:
        return _named_otherwise(candidate, wanted)
    whose = f"has the tag of tenant {candidate.tenant}" if candidate.tenant else "has no tag that names a tenant"
    return NotOurs(
        FailureReason.EMAIL_ALREADY_EXISTS.value,  # what AWS would answer to CreateAccount
        f"email {wanted.email} belongs to account {candidate.account.id} ({candidate.account.name}), which {whose}",
        candidate.told_by,
        remedy=(
            f"If it is this tenant's account, tag it {TENANT_TAG}={wanted.tenant} and retry; "
            "else change accountEmailPattern so that this tenant gets its own email."
        ),
    )


def _named_otherwise(candidate: Candidate, wanted: Wanted) -> NotOurs:
    account = candidate.account
    differs = f"is named {account.name}, not {wanted.name}"
    if account.name == wanted.name:
        differs = f"has it as {account.email}, but in direct mode it must match letter by letter"
    return NotOurs(
        FailureReason.EMAIL_ALREADY_EXISTS.value,
        f"email {wanted.email} belongs to account {account.id}, which {differs}",
        candidate.told_by,
        remedy=(
            f"If it is this tenant's account, order the tenant with platformTenantId {account.id}; "
            "else change accountEmailPattern so that this tenant gets its own email."
        ),
    )
