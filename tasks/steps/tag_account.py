"""The account carries the tenant's tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tasks.aws import Aws
from tasks.errors import NotOurs, PermanentError
from tasks.model import Done, Handles, Outcome, Tenant
from tasks.names import TENANT_TAG, account_tags, owned_tag, refused_for_good

MOST_TAGS = 50  # on one account. Source: AWS Organizations user guide, quotas


@dataclass(frozen=True)
class TagChange:
    """What turns the actual tags into the desired ones."""

    set: dict[str, str]
    remove: tuple[str, ...]
    total: int  # tags on the account afterwards, those of others included


def tag_account(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Set the tenant's tags on its account and remove those under the platform's prefix that nothing maps to any more.

    Reads    organizations:ListTagsForResource   1 call
    Writes   organizations:UntagResource 0 or 1, TagResource 0 or 1; tags of others stay
    Returns  Done; never Wait
    Raises   NotOurs when the account is tagged as another tenant's, PermanentError when there would be more than 50
             tags, Refused by a tag policy (permanent); Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/organizations/latest/APIReference/API_TagResource.html
    """
    account_id = handles.known_account()
    with refused_for_good("tenantTags"):
        desired = account_tags(tenant)
    actual = aws.organizations.tags(account_id)
    _check_owner(account_id, actual.get(TENANT_TAG), desired[TENANT_TAG])
    change = difference(desired, actual, lambda key: owned_tag(tenant, key))
    if change.total > MOST_TAGS:
        raise _too_many(account_id, change.total)
    if change.remove:
        aws.organizations.untag(account_id, change.remove)
    if change.set:
        aws.organizations.tag(account_id, change.set)
    return Done(handles, _note(change))


def difference(desired: Mapping[str, str], actual: Mapping[str, str], owned: Callable[[str], bool]) -> TagChange:
    """Decide which tags to set and which to remove."""
    missing = {key: value for key, value in desired.items() if actual.get(key) != value}
    stale = tuple(sorted(key for key in actual if owned(key) and key not in desired))
    return TagChange(missing, stale, len(desired.keys() | actual.keys()) - len(stale))


def _note(change: TagChange) -> str:
    changes = [f"set {', '.join(sorted(change.set))}"] if change.set else []
    changes += [f"removed {', '.join(change.remove)}"] if change.remove else []
    return "; ".join(changes) or f"all {change.total} tags are right"


def _check_owner(account_id: str, owner: str | None, tenant: str) -> None:
    if owner not in (None, tenant):
        raise NotOurs(
            "AnotherTenant",
            f"account {account_id} is tagged {TENANT_TAG}={owner}, not {tenant}",
            remedy=f"Find out who changed {TENANT_TAG}. If the account is this tenant's, remove the tag and retry.",
        )


def _too_many(account_id: str, total: int) -> PermanentError:
    remedy = "Remove tags of others from the account, or tag mappers from the platform document, then retry."
    message = f"account {account_id} would have {total} tags; AWS allows {MOST_TAGS}"
    return PermanentError("TooManyTags", message, remedy=remedy)
