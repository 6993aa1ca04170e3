"""The daily round: every tenant is replicated again without being asked, so that AWS stays as ordered.

The round only puts tenants into the due index, a few at each tick of beat, the one that was replicated longest ago
first. It may run twice, or in two beats at once: a tenant that is under way is left alone, and one that cannot be
enqueued never stops the others. On a platform with `drift: report` the tenant is only looked at (`drift_report.py`).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

import structlog

from config.day_window import DAY, DayWindow
from config.platform import Platform
from config.schedule import EVERY, REPLICATE
from tasks.connector import Connector
from tasks.daily import retries as daily_retries
from tasks.daily.drift_report import ask_for_report
from tasks.errors import StepError
from tasks.model.account import Account
from tasks.model.desired import TenantId
from tasks.orders.producer import RequestRefused, offered, replicate_again
from tasks.organization import snapshot, unmanaged
from tasks.state.records import TenantRecord
from tasks.state.snapshots import Listing
from tasks.worker import Worker

BATCH = 20  # tenants at once, at the least: a small fleet is done in a few ticks
HEADROOM = 1.25  # so that a round ends within its window although some ticks come late
MANY = 100_000  # more tenants than any organization has accounts
PAGE = 20  # accounts that one ListAccounts shows
SAVED = 2  # calls that a snapshot saves an unchanged tenant: DescribeAccount and ListParents
log = structlog.get_logger(__name__)


def replicate_oldest(connector: Connector, now: datetime) -> int:
    """Enqueue the tenants whose last replication ended too long ago, oldest first; answers how many.

    Then those that have failed and whose next try is due. Nothing outside of the window. When nobody who is due is
    left, the round has been through, which is noted.
    """
    settings = connector.settings
    age = too_old(settings.replication_window, settings.replication_interval, now)
    if age is None:
        return 0
    share = batch(len(connector.store.tenants.idle(timedelta(), MANY)), settings.replication_window.length)
    failed, old = connector.store.retries.due(now, share), connector.store.tenants.idle(age, share)
    enqueued = sum(
        _enqueue(connector, tenant, now, again=tenant in failed) for tenant in dict.fromkeys([*old, *failed])
    )
    if len(old) < share and len(failed) < share:
        connector.store.daily_rounds.note(now)
    return enqueued


def too_old(window: DayWindow, interval: timedelta, now: datetime) -> timedelta | None:
    """Return how long ago a tenant must have been replicated to be due now; None: the window is closed.

    In a window that is a part of the day each tenant has its turn in every one of them, and not a day after the last,
    which would be later every day until it is missed.
    """
    since = window.open_for(now)
    if since is None or window.length == DAY:
        return None if since is None else interval
    return min(interval, since) if interval <= DAY else interval - window.length


def batch(tenants: int, window: timedelta) -> int:
    """Return how many tenants to enqueue at once, so that all have their turn spread over the window.

    >>> batch(10_000, timedelta(hours=6)), batch(30, timedelta(hours=6))
    (174, 20)
    """
    return max(BATCH, ceil(tenants * (EVERY[REPLICATE] / window) * HEADROOM))


def look_at_organizations(worker: Worker, now: datetime) -> int:
    """Take the snapshots that are wanted, and see which accounts no tenant owns; answers how many snapshots.

    One platform whose AWS does not answer never stops the others, nor the daily replications: they ask AWS themselves.
    """
    platforms = list(worker.catalog.platforms.values())
    wanted = [each for each in {platform.management_account_id for platform in platforms} if _wants(worker, each, now)]
    return sum(
        _look(worker, [each for each in platforms if each.management_account_id == name], now) for name in wanted
    )


def _look(worker: Worker, platforms: list[Platform], now: datetime) -> bool:
    """Take a snapshot by the first platform of the organization that AWS answers."""
    for platform in platforms:
        try:
            accounts = snapshot.take(worker, platform, now)
        except StepError as error:
            log.warning("the accounts could not be listed", platform=platform.identifier, error=str(error))
            continue
        if accounts is None:
            return False
        _keep(worker, platforms, accounts, now)
        _look_at_stack_sets(worker, platforms, now)
        return True
    return False


def _look_at_stack_sets(worker: Worker, platforms: list[Platform], now: datetime) -> None:
    for zone in worker.catalog.landing_zones.values():
        stack_set = zone.stack_set
        platform = next((each for each in platforms if offered(zone, each, disabled=True)), None)
        if stack_set is None or platform is None or platform.automation_role_arn is None:
            continue
        try:
            snapshot.take_instances(worker, platform, stack_set, now)
        except StepError as error:
            log.warning("the stack instances could not be listed", stack_set=stack_set.name, error=str(error))


def _keep(worker: Worker, platforms: list[Platform], accounts: list[Account], now: datetime) -> None:
    organization = platforms[0].management_account_id
    foreign = unmanaged.refresh(worker, organization, accounts, now, _homes(worker, platforms))
    worker.store.snapshots.note_listing(organization, Listing(now, len(accounts)))
    log.info("listed the accounts", organization=organization, accounts=len(accounts), unmanaged=foreign)


def _homes(worker: Worker, platforms: list[Platform]) -> set[str]:
    """Return the accounts in which our own users live: no tenant will ever own them."""
    found = set()
    for platform in platforms:
        try:
            found.add(snapshot.home(worker, platform))
        except StepError as error:
            log.warning("AWS does not say who signs in", platform=platform.identifier, error=str(error))
    return found


def _wants(connector: Connector, organization: str, now: datetime) -> bool:
    """Tell whether a list is due: a day has passed, or the tenants that are due soon save more calls than it costs."""
    last = connector.store.snapshots.last_listing(organization)
    if last is None or now - last.at >= DAY:
        return True
    if now - last.at < snapshot.MOST_AGE:
        return False
    age = too_old(connector.settings.replication_window, connector.settings.replication_interval, now)
    if age is None:
        return False
    soon = connector.store.tenants.idle(max(age - snapshot.MOST_AGE, timedelta()), MANY)
    return SAVED * sum(_stands_in(connector, tenant, organization) for tenant in soon) > last.accounts / PAGE


def _stands_in(connector: Connector, tenant: TenantId, organization: str) -> bool:
    platform = connector.catalog.platforms.get(tenant.platform)
    return platform is not None and platform.management_account_id == organization


def _enqueue(connector: Connector, tenant: TenantId, now: datetime, *, again: bool) -> bool:
    """Enqueue one tenant; False: it cannot be, or need not.

    again   its last replication has failed, and that one's next try is due
    """
    record = connector.store.tenants.find(tenant)
    if record is None or record.deleted_at is not None:
        connector.store.retries.forget(tenant)
        connector.store.tenants.postpone(tenant)  # it must not stand first in every batch, or nobody else would come
        return False
    daily_retries.postpone(connector.store, tenant, now)
    if record.paused is None and _only_reports(connector, record) and not again:
        ask_for_report(connector, record)
        return True
    # Paused ones must not fill every batch, nor those that wait for long: the others would never come.
    connector.store.tenants.postpone(tenant)
    if record.paused is not None:
        return False
    try:
        # One that fails is to find out all that is wrong: it asks AWS itself.
        replicate_again(record, connector, wake=False, daily=connector.store.retries.failures(tenant) == 0)
    except RequestRefused as error:  # its platform or landing zone is gone: one tenant never stops the others
        log.warning("a tenant cannot be replicated any more", tenant=str(tenant), error=str(error))
        return False
    return True


def _only_reports(connector: Connector, record: TenantRecord) -> bool:
    """Tell whether the tenant is only looked at; a deletion that is under way goes on."""
    platform = connector.catalog.platforms.get(record.id.platform)
    return platform is not None and platform.drift == "report" and record.deletion is None
