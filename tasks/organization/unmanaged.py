"""Accounts of an organization that no tenant owns: found in the list that the daily look takes anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.platform import Platform
from tasks.connector import Connector
from tasks.documents import UnmanagedAccount
from tasks.model.account import Account

KEPT = timedelta(days=3)  # an account that is unseen for so long has left the organization, or is gone for good


@dataclass(frozen=True)
class Owned:
    """What the tenants have: ids of accounts, also of those before, and emails under which one is being made."""

    ids: frozenset[str]
    emails: frozenset[str]


def unmanaged(
    accounts: Iterable[Account],
    owned: Owned,
    before: Mapping[str, UnmanagedAccount],
    organization: str,
    now: datetime,
) -> dict[str, UnmanagedAccount]:
    """Decide which accounts no tenant owns; those unseen for a short time stay, for AWS's lists may be late."""
    foreign = [each for each in accounts if each.id not in owned.ids and each.email.lower() not in owned.emails]
    found = {account.id: _shown(account, before.get(account.id), organization, now) for account in foreign}
    listed = {account.id for account in accounts}
    missing = {
        account_id: old
        for account_id, old in before.items()
        if account_id not in listed and account_id not in owned.ids and now - old.last_seen < KEPT
    }
    return {**missing, **found}


def refresh(
    connector: Connector, organization: str, accounts: list[Account], now: datetime, own: Iterable[str] = ()
) -> int:
    """Keep which of an organization's accounts no tenant owns; answers how many.

    own   ids of accounts that are the connector's own, and stand in no document
    """
    kept = connector.store.unmanaged
    found = unmanaged(accounts, _owned(connector, own), kept.of(organization), organization, now)
    kept.replace(organization, found)
    return len(found)


def listed(connector: Connector, platform: str | None = None) -> list[UnmanagedAccount]:
    """List the accounts that no tenant owns, of one platform's organization or of all, by organization and id."""
    platforms = connector.catalog.platforms.values()
    organizations = {each.management_account_id for each in platforms if platform in (None, each.identifier)}
    names = {each: _named(platforms, each) for each in organizations}
    return [
        account.model_copy(update={"platforms": names[organization]})
        for organization in sorted(organizations)
        for _, account in sorted(connector.store.unmanaged.of(organization).items())
    ]


def _named(platforms: Iterable[Platform], organization: str) -> tuple[str, ...]:
    return tuple(sorted(each.identifier for each in platforms if each.management_account_id == organization))


def _owned(connector: Connector, own: Iterable[str]) -> Owned:
    """What our own platforms and tenants have."""
    ours = set(own) | {
        account
        for platform in connector.catalog.platforms.values()
        for account in (platform.management_account_id, platform.automation_account_id)
        if account
    }
    emails: set[str] = set()
    for handles in connector.store.tenants.handles():
        ours |= {*handles.closed_accounts, *filter(None, [handles.account_id])}
        if handles.creation is not None and handles.account_id is None and handles.email:
            emails.add(handles.email.lower())
    return Owned(frozenset(ours), frozenset(emails))


def _shown(account: Account, before: UnmanagedAccount | None, organization: str, now: datetime) -> UnmanagedAccount:
    return UnmanagedAccount(
        account_id=account.id,
        name=account.name,
        email=account.email,
        organizational_unit=account.units[0] if account.units else None,
        state=account.state,
        first_seen=before.first_seen if before else now,
        last_seen=now,
        management_account_id=organization,
    )
