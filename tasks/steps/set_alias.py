"""The account has its IAM alias."""

from __future__ import annotations

from dataclasses import replace

from tasks.aws import Aws
from tasks.errors import Conflict, NotReady, StepError
from tasks.model.desired import Tenant
from tasks.model.handles import AliasGiven, Handles
from tasks.model.replication import Done, Outcome
from tasks.names import account_alias, refused_for_good


def set_alias(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Give the account the alias of the platform's pattern; one that people chose stays unless ours is enforced.

    Reads    iam:ListAccountAliases   1 call, in the account; 1 more when AWS says that the alias exists
    Writes   iam:CreateAccountAlias   0 or 1; AWS drops the previous alias in the same call, so there is no moment
             without one
    Returns  Done; never Wait
    Raises   Conflict when another account of AWS has the alias, AccessDenied (permanent); NotReady when AWS may have
             given it to this account and not show it yet, Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccountAlias.html
    """
    account_id = handles.known_account()
    with refused_for_good("accountAliasPattern"):
        desired = account_alias(tenant)
    aliases = aws.account_aliases(account_id)
    actual = aliases.find()
    if not needs_alias(desired, actual, enforce=tenant.platform.enforce_account_alias):
        return Done(replace(handles, alias=actual), f"alias {actual} is set")
    given_before = handles.alias_given
    handles = replace(handles, alias_given=AliasGiven(desired, aws.now()))
    aws.remember(handles)
    try:
        aliases.set(desired)
    except Conflict as conflict:
        if aliases.find() != desired:
            aws.remember(replace(handles, alias_given=given_before))
            raise _taken(conflict, desired, account_id, lately=_lately(given_before, desired, aws)) from conflict
    return Done(replace(handles, alias=desired), f"alias {desired} set{f' instead of {actual}' if actual else ''}")


def needs_alias(desired: str, actual: str | None, *, enforce: bool) -> bool:
    """Decide whether to write."""
    return actual is None or (enforce and actual != desired)


def _lately(given: AliasGiven | None, alias: str, aws: Aws) -> bool:
    """Tell whether we have asked for this alias so lately that AWS may have it and not show it."""
    return given is not None and given.alias == alias and aws.now() - given.at < aws.visibility_grace


def _taken(conflict: Conflict, alias: str, account_id: str, *, lately: bool) -> StepError:
    if lately:
        return NotReady("AliasNotShown", f"AWS does not show yet whether account {account_id} has the alias {alias}")
    remedy = (
        "Aliases are unique over all of AWS. Change accountAliasPattern so that this tenant gets another one "
        "(a prefix of your own or #{rand:%.8s} helps), then replicate again."
    )
    message = f"alias {alias} for account {account_id} is taken by another AWS account"
    return Conflict(conflict.code, message, conflict.request_id, remedy)
