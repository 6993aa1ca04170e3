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

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import uuid4

from pydantic import TypeAdapter

from config.landing_zone import StackSet
from config.platform import Platform
from tasks.aws import Aws
from tasks.aws.stack_sets import StackInstance
from tasks.model.account import Account
from tasks.state.store import Store
from tasks.worker import Worker

MOST_AGE = timedelta(hours=2)
SETTLING = timedelta(minutes=5)  # a step's writes and AWS's lists that lag behind them are over by then
LOCK = timedelta(minutes=15)  # 10,000 accounts are 500 calls, at 40 a second some 13 s; slow ones some minutes
TOUCHED_FOR = timedelta(days=1)
ACCOUNT: TypeAdapter[Account] = TypeAdapter(Account)
INSTANCES: TypeAdapter[dict[str, StackInstance]] = TypeAdapter(dict[str, StackInstance])
TAKEN_AT = "taken_at"  # the field beside the account ids


def take(worker: Worker, platform: Platform, now: datetime) -> list[Account] | None:
    """List the organization's accounts and share the list; None: somebody else does so right now.

    organizations:ListAccounts, 1 call for 20 accounts. Raises StepError when AWS does not answer.
    """
    organization, redis = platform.management_account_id, worker.store.redis
    lock, mine = f"{worker.store.prefix}look:{organization}", uuid4().hex
    if not redis.set(lock, mine, nx=True, px=LOCK):
        return None
    try:
        accounts = list(_reader(worker, platform).organizations.accounts())
        rows = {account.id: ACCOUNT.dump_json(account).decode() for account in accounts}
        _share(worker.store, _key(worker.store, organization), rows, now)
        return accounts
    finally:
        if redis.get(lock) == mine:
            redis.delete(lock)


def take_instances(worker: Worker, platform: Platform, stack_set: StackSet, now: datetime) -> None:
    """List a StackSet's instances and share the list: ListStackInstances, 1 call for 100. Raises StepError."""
    found = _reader(worker, platform).stack_sets(stack_set.region).all_instances(stack_set.name)
    rows = {account_id: INSTANCES.dump_json(instances).decode() for account_id, instances in found.items()}
    _share(worker.store, _instances_key(worker.store, stack_set.arn), rows, now)


def seen_instances(store: Store, stack_set: str, account_id: str, now: datetime) -> dict[str, StackInstance] | None:
    """Return an account's instances of a StackSet (ARN), by region, as the snapshot shows them; None: ask AWS."""
    document = _seen(store, _instances_key(store, stack_set), account_id, now)
    return None if document is None else INSTANCES.validate_json(document)


def seen(store: Store, organization: str, account_id: str, now: datetime) -> Account | None:
    """Return an account as the snapshot shows it; None: ask AWS."""
    document = _seen(store, _key(store, organization), account_id, now)
    return None if document is None else ACCOUNT.validate_json(document)


def _seen(store: Store, key: str, account_id: str, now: datetime) -> str | None:
    with store.redis.pipeline(transaction=False) as pipeline:
        pipeline.hmget(key, TAKEN_AT, account_id)
        pipeline.zscore(f"{store.prefix}touched", account_id)
        (began, found), touched = pipeline.execute()
    if began is None or found is None:
        return None
    document = str(found)
    taken = datetime.fromisoformat(began)
    recently = touched is not None and touched >= (taken - SETTLING).timestamp()
    return None if recently or not timedelta() <= now - taken < MOST_AGE else document


def touch(store: Store, account_id: str, now: datetime) -> None:
    """Note that we are about to change the account: no snapshot from before tells anything of it any more."""
    with store.redis.pipeline() as pipeline:
        pipeline.zadd(f"{store.prefix}touched", {account_id: now.timestamp()})
        pipeline.zremrangebyscore(f"{store.prefix}touched", "-inf", (now - TOUCHED_FOR).timestamp())
        pipeline.execute()


def _share(store: Store, key: str, rows: Mapping[str, str], now: datetime) -> None:
    with store.redis.pipeline() as pipeline:
        pipeline.delete(key)
        pipeline.hset(key, mapping={TAKEN_AT: now.isoformat(), **rows})
        pipeline.pexpire(key, MOST_AGE)
        pipeline.execute()


def _key(store: Store, organization: str) -> str:
    return f"{store.prefix}organization:{organization}"


def _instances_key(store: Store, stack_set: str) -> str:
    return f"{store.prefix}instances:{stack_set.rpartition(':')[2]}"


def _reader(worker: Worker, platform: Platform) -> Aws:
    """AWS for one who only lists; the calls count in the shared rate, and whoever comes later waits for them."""
    return Aws(platform, worker.sessions, worker.reading(platform, counted_as="snapshot"))
