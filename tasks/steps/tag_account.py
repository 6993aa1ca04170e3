"""The account proves to be the tenant's, and carries its tags.

Every step that changes something in the account needs this one to have worked in the same replication. When the account
turns out to be another tenant's, we take back what we have given there, and nothing else goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.aws import Aws
from tasks.errors import AccountNotOurs, PermanentError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.names import MOST_TAGS, TENANT_TAG, account_tags, first_tags, owned_tag, refused_for_good
from tasks.permissions.take_back import take_back


@dataclass(frozen=True)
class TagChange:
    """What turns the actual tags into the desired ones."""

    set: dict[str, str]
    remove: tuple[str, ...]
    total: int  # tags on the account afterwards, those of others included
    left_out: tuple[str, ...] = ()  # desired ones for which AWS has no room, the most important first


def tag_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Set the tenant's tags on its account and remove those under the platform's prefix that nothing maps to any more.

    Reads    organizations:ListTagsForResource   1 call; none in direct mode, whose user may not tag
    Writes   organizations:UntagResource 0 or 1, TagResource 0 or 1; tags of others stay
    Returns  Done, with a remark on tags for which AWS has no room, as it allows 50; Wait while what we gave in another
             tenant's account is taken back
    Raises   AccountNotOurs when the account is tagged as another tenant's, PermanentError when tags of others leave no
             room for the tenant's name, Refused by a tag policy (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_TagResource.html
    """
    account_id = handles.known_account()
    if tenant.platform.is_direct:
        return Done(handles, "accounts have no tags in direct mode")
    with refused_for_good("tenantTags"):
        desired = account_tags(tenant)
    actual = aws.organizations.tags(account_id)
    owner = actual.get(TENANT_TAG)
    if owner not in (None, desired[TENANT_TAG]):
        return _leave(tenant, handles, owner, aws)
    change = difference(desired, actual, lambda key: owned_tag(tenant, key))
    if TENANT_TAG in change.left_out:
        raise _no_room(account_id, change.total)
    if change.remove:
        aws.organizations.untag(account_id, change.remove)
    if change.set:
        aws.organizations.tag(account_id, change.set)
    if TENANT_TAG in change.set:
        aws.tag_index.note(account_id, desired[TENANT_TAG], aws.now())
    return Done(handles, _note(change))


def difference(desired: Mapping[str, str], actual: Mapping[str, str], owned: Callable[[str], bool]) -> TagChange:
    """Decide which tags to set and which to remove; `desired` has the most important first."""
    # AWS's own tags (aws:…) do not count.
    others = [key for key in actual if key not in desired and not owned(key) and not key.startswith("aws:")]
    kept = first_tags(desired, MOST_TAGS - len(others))
    missing = {key: value for key, value in kept.items() if actual.get(key) != value}
    stale = tuple(sorted(key for key in actual if owned(key) and key not in kept))
    left_out = tuple(key for key in desired if key not in kept)
    return TagChange(missing, stale, len(kept) + len(others), left_out)


def _note(change: TagChange) -> str:
    changes = [f"set {', '.join(sorted(change.set))}"] if change.set else []
    changes += [f"removed {', '.join(change.remove)}"] if change.remove else []
    notes = changes or [f"all {change.total} tags are up to date"]
    notes += [f"AWS allows {MOST_TAGS} tags, left out: {', '.join(change.left_out)}"] if change.left_out else []
    return "; ".join(notes)


def _leave(tenant: Tenant, handles: Handles, owner: str | None, aws: Aws) -> Wait:
    """Take back what we have given in the account; raises AccountNotOurs when that is done, or cannot be."""
    message = f"account {handles.account_id} is tagged {TENANT_TAG}={owner}, not {tenant.id}"
    remedy = f"Find out who changed {TENANT_TAG}. If the account is this tenant's, remove the tag and retry."
    try:
        outcome = take_back(tenant, handles, aws)
    except PermanentError as refused:
        left = f"; this tenant's access there could not be removed completely: {refused.message}"
        raise AccountNotOurs("AnotherTenant", message + left, refused.request_id, remedy) from refused
    if isinstance(outcome, Wait):
        return outcome
    aws.remember(outcome.handles)
    raise AccountNotOurs("AnotherTenant", message, remedy=remedy)


def _no_room(account_id: str, total: int) -> PermanentError:
    remedy = "Remove tags that the connector did not set from the account, then retry."
    message = (
        f"account {account_id} has {total} other tags; AWS allows {MOST_TAGS}, so there is no room for {TENANT_TAG}"
    )
    return PermanentError("TooManyTags", message, remedy=remedy)
