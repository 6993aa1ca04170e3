"""One tenant, one account: ask AWS for it exactly once, whatever is lost on the way.

CreateAccount has no idempotency token, and its answer may never arrive. Therefore:

    look for the account, by its tag too ── found, proven ours ──► take it over
      └ not there ─► write the intent down ─► CreateAccount, once ─► write the request id down ─► poll it
                        ▲                         └ no answer ─► look for the account during the lookup grace
                        └────── still not there: a new attempt with the same email ──────┘

A new attempt can make no second account either: AWS allows an email only once, and answers EMAIL_ALREADY_EXISTS or
CONCURRENT_ACCOUNT_MODIFICATION, upon which we look again. So the email must never change while an attempt may live.

The place among the organization's creations in flight is taken before the first look: thus a queue of tenants costs no
ListAccounts while it stands, and what a look has found is still true when CreateAccount follows. A throttled call keeps
the place (AWS took nothing, we are still first); every end gives it back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta

from tasks.accounts.creation_failures import Next, after_failure, failed_for_good
from tasks.accounts.lookup import Found, adopted, check_email_is_free, find_account, find_by_tag
from tasks.accounts.tagged import look_at_tags
from tasks.aws import Aws, Lane
from tasks.aws.organizations import CreationState, CreationStatus
from tasks.errors import LaneFull, NotFound, PermanentError, Throttled, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Creation, Doubt, Handles
from tasks.model.replication import Done, Outcome, Wait, WaitsFor
from tasks.names import account_email, account_name, account_tags, first_tags, refused_for_good

LOOK_EVERY = timedelta(seconds=15)  # a look costs one call for 20 accounts; lists lag by seconds to a few minutes
# AWS refused the only attempt that we know of, so an account with this email is a stranger's, or ours from before a
# loss of Redis: made long ago and listed. Should AWS be making it right now, a retry takes it over.
FIRST_ATTEMPT_GRACE = timedelta(seconds=15)
ATTEMPTS = 5  # CreateAccount calls that AWS failed by itself; more of the same will not help
SLOWLY = timedelta(hours=1)  # AWS validates a business for hours to days


def request_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Find the tenant's account or ask AWS for it; Done knows the account's id or the request's.

    Reads    organizations:ListAccounts 1 call for 20 accounts, none where somebody has just listed them or the account
             is known by its tag; ListTagsForResource, DescribeAccount 0 or 1. Unless AWS is creating the
             account, those of look_at_tags too
    Writes   organizations:CreateAccount 0 or 1, with the tenant's tags; without any in direct mode
    Raises   LaneFull, Throttled (transient); NotOurs, AccessDenied, Refused, PermanentError
    """
    handles = named(tenant, handles)
    creation = handles.creation
    if creation is not None and creation.request_id is not None:
        with suppress(LaneFull):  # AWS counts it already; a cancelled replication may have left the place behind
            aws.enter(Lane.ACCOUNT_CREATION, tenant.platform.management_account_id, str(tenant.id))
        return Done(handles, f"creation {creation.request_id} in progress")
    aws.enter(Lane.ACCOUNT_CREATION, tenant.platform.management_account_id, str(tenant.id))
    with _place_given_back_on_failure(tenant, aws):
        if creation is not None:
            note = f"requested the account from AWS at {_time(creation.intended_at)}, no answer"
            return _look(tenant, handles, aws, creation.intended_at, note) or _submit(tenant, handles, aws)
        return look_at_tags(tenant, handles, aws, keeps_others=True) or _first_look(tenant, handles, aws)


def settle_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Follow the creation, or begin one, until the account has an id; Done knows it, Wait says what AWS is doing.

    Reads    organizations:DescribeCreateAccountStatus 1 call; as request_account when the creation came to nothing
    Writes   organizations:CreateAccount 0 or 1
    Raises   as request_account; PermanentError with AWS's FailureReason
    """
    outcome = request_account(tenant, handles, aws)
    if isinstance(outcome, Done) and outcome.handles.account_id is None:
        outcome = _follow(tenant, outcome.handles, aws)
    if isinstance(outcome, Done) and outcome.handles.account_id is None:
        return Wait(outcome.handles, outcome.note, since=_since(outcome.handles))
    return outcome


def _first_look(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Take over the account of a tenant for which nothing that we know of was ever sent, or ask for one."""
    found = find_by_tag(tenant, handles, aws)
    if found is None or found.account is None:  # a list of the last minutes will do (organization/account_lists.py)
        found = find_account(tenant, handles, aws, afresh=False)
    if found.account is not None:
        return _taken(tenant, handles, found, aws)
    # Closed ones that we have forgotten count: the next one gets another email where the pattern can give it one.
    later = replace(tenant, accounts_before=len(found.history(handles)))
    renamed = named(later, replace(handles, closed_accounts=found.history(handles)))
    if renamed.email != handles.email:
        return _first_look(later, renamed, aws)
    check_email_is_free(renamed.email or "", found)
    return _submit(later, renamed, aws)


def _taken(tenant: Tenant, handles: Handles, found: Found, aws: Aws) -> Outcome:
    """Make the account that was found the tenant's."""
    if found.account is None:
        raise ValueError("no account was found")
    known = replace(handles, closed_accounts=found.history(handles), sign_in_roles=None, doubt=Doubt())
    taken = adopted(known, found.account)
    leave_lane(tenant, aws)
    return Done(taken, f"found this tenant's account {found.account.id}")


def leave_lane(tenant: Tenant, aws: Aws) -> None:
    """Give the place among the organization's creations back; again is fine."""
    aws.leave(Lane.ACCOUNT_CREATION, tenant.platform.management_account_id, str(tenant.id))


def named(tenant: Tenant, handles: Handles) -> Handles:
    """The handles with email and name: rendered anew only while no CreateAccount may have been sent."""
    if handles.creation is not None and handles.email and handles.account_name:
        return handles
    with refused_for_good("accountEmailPattern"):
        return replace(handles, email=account_email(tenant), account_name=account_name(tenant))


def _submit(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Write the intent ahead, then call CreateAccount once."""
    tags = {} if tenant.platform.is_direct else _tags(tenant)
    attempt = handles.creation.attempt + 1 if handles.creation else 1
    begun = _beginning(handles) if handles.creation is None else handles
    intended = replace(begun, creation=Creation(attempt, aws.now()))
    aws.enter(Lane.ACCOUNT_CREATION, tenant.platform.management_account_id, str(tenant.id))
    aws.remember(intended)
    try:
        request_id = aws.organizations.create_account(
            handles.account_name or "", handles.email or "", _role_name(tenant), tags
        )
    except Unanswered as error:
        note = f"requested the account from AWS, no answer ({error.code}); searching for the account"
        return Wait(intended, note, min(LOOK_EVERY, aws.lookup_grace))
    except (Throttled, PermanentError):  # AWS took nothing, for certain: what may live is the attempt before, if any
        aws.remember(handles)
        raise
    creation = Creation(attempt, intended.creation.intended_at if intended.creation else aws.now(), request_id)
    return Done(replace(intended, creation=creation), f"requested the account from AWS: creation {request_id}")


def _beginning(handles: Handles) -> Handles:
    """Return the handles of a tenant of which AWS has nothing: from now on they tell all that it has."""
    return handles if handles.groups else replace(handles, sign_in_roles={}, doubt=None)


def _look(
    tenant: Tenant,
    handles: Handles,
    aws: Aws,
    since: datetime,
    note: str,
    grace: timedelta | None = None,
) -> Outcome | None:
    """Take over the account if it is there, wait while it may still appear; None: it is not there.

    The tags are looked at first, as when nothing was ever sent: Redis may have come back as it was before the tenant
    got another account, and then the creation that it remembers tells nothing of that one.

    since   from when on it may appear during the grace
    grace   None: the lookup grace
    """
    if (reading := look_at_tags(tenant, handles, aws, keeps_others=True)) is not None:
        return reading
    found = find_account(tenant, handles, aws, afresh=True)
    if found.account is not None:
        return _taken(tenant, handles, found, aws)
    check_email_is_free(handles.email or "", found)
    left = since + (aws.lookup_grace if grace is None else grace) - aws.now()
    return Wait(handles, f"{note}; searching for the account", min(LOOK_EVERY, left)) if left > timedelta() else None


def _follow(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Ask what became of the creation."""
    creation = handles.creation
    if creation is None or creation.request_id is None:
        raise ValueError("there is no creation to follow")
    try:
        status = aws.organizations.creation(creation.request_id)
    except NotFound:
        note = f"AWS does not know creation {creation.request_id}"
        with _place_given_back_on_failure(tenant, aws):
            return _look(tenant, handles, aws, creation.intended_at, note) or _submit(tenant, handles, aws)
    if status.state is CreationState.IN_PROGRESS:
        return Wait(
            handles, f"AWS has been creating the account since {_time(creation.intended_at)}", since=_since(handles)
        )
    leave_lane(tenant, aws)
    if status.state is CreationState.FAILED:
        return _after_failure(tenant, handles, creation, status, aws)
    if status.account_id is None:
        raise Unanswered("MalformedAnswer", f"creation {creation.request_id} has succeeded without an account id")
    if not tenant.platform.is_direct:
        aws.tag_index.note(status.account_id, str(tenant.id), aws.now())
    return Done(replace(handles, account_id=status.account_id), f"AWS has created account {status.account_id}")


def _after_failure(tenant: Tenant, handles: Handles, creation: Creation, status: CreationStatus, aws: Aws) -> Outcome:
    """Do what the table says for AWS's FailureReason; giving up forgets the intent, so that a retry starts afresh."""
    ended = status.ended_at or creation.intended_at
    then = after_failure(status.failure)
    note = f"AWS could not create the account ({status.failure})"
    try:
        if then is Next.AGAIN_SLOWLY:
            left = ended + SLOWLY - aws.now()
            return (
                Wait(handles, f"{note}; trying again later", left, waits_for=WaitsFor.QUOTA)
                if left > timedelta()
                else _look(tenant, handles, aws, ended, note, timedelta()) or _submit(tenant, handles, aws)
            )
        if then is not Next.GIVE_UP:
            grace = FIRST_ATTEMPT_GRACE if creation.attempt == 1 else aws.lookup_grace
            outcome = _look(tenant, handles, aws, ended, note, min(grace, aws.lookup_grace))
            if outcome is not None:
                return outcome
        if then is Next.LOOK_THEN_AGAIN and creation.attempt < ATTEMPTS:
            return _submit(tenant, handles, aws)
        raise failed_for_good(status.failure, handles.email or "", creation.request_id, status.told_by)
    except PermanentError:
        aws.remember(replace(handles, creation=None))
        leave_lane(tenant, aws)
        raise


def _tags(tenant: Tenant) -> dict[str, str]:
    with refused_for_good("tenantTags"):
        return first_tags(account_tags(tenant))


@contextmanager
def _place_given_back_on_failure(tenant: Tenant, aws: Aws) -> Iterator[None]:
    try:
        yield
    except PermanentError:
        leave_lane(tenant, aws)
        raise


def _since(handles: Handles) -> tuple[datetime, ...]:
    return (handles.creation.intended_at,) if handles.creation else ()


def _role_name(tenant: Tenant) -> str | None:
    """The access role that AWS makes in the account; None for a role with a path, which CreateAccount cannot make."""
    role = tenant.platform.account_access_role
    return None if "/" in role else role


def _time(moment: datetime) -> str:
    return f"{moment:%H:%M:%S} UTC"
