"""The accounts of an organization as one paged ListAccounts showed them, shared by all workers for a while.

A daily replication of an unchanged tenant looks here first, so that 1,000 tenants do not ask 1,000 times what 50 calls
tell of all of them: that the account is there, active, and under which OUs; in the same way a StackSet's instances.
What keeps that safe:

    only daily replications look here     an order, a retry, a deletion always ask AWS
    only "all is right" is believed       a difference is read afresh before anything is written
    no entry of what we changed ourselves from some minutes before the snapshot on (`touched`, written ahead of the
                                          first write of each step), so that it never shows what was before it
    never older than MOST_AGE             so a drift shows at the latest a day and that long after it came

That an account is *not* there is never believed: CreateAccount follows a younger list (`account_lists.py`), because the
account that a lost answer made a while ago is in no snapshot.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import TypeAdapter

from config.landing_zone import StackSet
from config.platform import Platform
from tasks.aws import Aws
from tasks.aws.stack_sets import StackInstance
from tasks.model.account import Account
from tasks.state.keys import Keys
from tasks.state.snapshots import Shown
from tasks.state.store import Store
from tasks.worker import Worker

MOST_AGE = Keys.snapshot.ttl
SETTLING = timedelta(minutes=5)  # a step's writes and AWS's lists that lag behind them are over by then
LONGEST_LISTING = timedelta(minutes=15)  # 10,000 accounts are 500 calls: at 40 a second 13 s, slow ones minutes
ACCOUNT: TypeAdapter[Account] = TypeAdapter(Account)
INSTANCES: TypeAdapter[dict[str, StackInstance]] = TypeAdapter(dict[str, StackInstance])


def take(worker: Worker, platform: Platform, now: datetime) -> list[Account] | None:
    """List the organization's accounts and share the list; None: somebody else does so right now.

    organizations:ListAccounts, 1 call for 20 accounts. Raises StepError when AWS does not answer.
    """
    organization, store = platform.management_account_id, worker.store
    with store.locks.held(f"listing {organization}", LONGEST_LISTING) as alone:
        if not alone:
            return None
        accounts = list(_reader(worker, platform).organizations.accounts())
        rows = {account.id: ACCOUNT.dump_json(account).decode() for account in accounts}
        store.snapshots.share_accounts(organization, rows, now)
        return accounts


def home(worker: Worker, platform: Platform) -> str:
    """Return the account in which whoever signs in lives: sts:GetCallerIdentity 1 call. Raises StepError."""
    return _reader(worker, platform).user_identity.whoami().account_id


def take_instances(worker: Worker, platform: Platform, stack_set: StackSet, now: datetime) -> None:
    """List a StackSet's instances and share the list: ListStackInstances, 1 call for 100. Raises StepError."""
    found = _reader(worker, platform).stack_sets(stack_set.region).all_instances(stack_set.name)
    rows = {account_id: INSTANCES.dump_json(instances).decode() for account_id, instances in found.items()}
    worker.store.snapshots.share_instances(_id_of(stack_set.arn), rows, now)


def seen_instances(store: Store, stack_set: str, account_id: str, now: datetime) -> dict[str, StackInstance] | None:
    """Return an account's instances of a StackSet (ARN), by region, as the snapshot shows them; None: ask AWS."""
    shown = store.snapshots.instances(_id_of(stack_set), account_id)
    return INSTANCES.validate_json(shown.document) if shown is not None and _is_believed(shown, now) else None


def seen(store: Store, organization: str, account_id: str, now: datetime) -> Account | None:
    """Return an account as the snapshot shows it; None: ask AWS."""
    shown = store.snapshots.account(organization, account_id)
    return ACCOUNT.validate_json(shown.document) if shown is not None and _is_believed(shown, now) else None


def _is_believed(shown: Shown, now: datetime) -> bool:
    recently = shown.touched_at is not None and shown.touched_at >= (shown.taken_at - SETTLING).timestamp()
    return not recently and timedelta() <= now - shown.taken_at < MOST_AGE


def _id_of(stack_set: str) -> str:
    """Return the id of a StackSet in its ARN."""
    return stack_set.rpartition(":")[2]


def _reader(worker: Worker, platform: Platform) -> Aws:
    """AWS for one who only lists; the calls count in the shared rate, and whoever comes later waits for them."""
    return Aws(platform, worker.sessions, worker.reading(platform, counted_as="snapshot"))
