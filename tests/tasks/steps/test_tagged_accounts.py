"""A tenant of whom nothing is known has its account found by the tag, before AWS is asked for another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import time
from typing import Any

import pytest
from redis import Redis

from config.patterns import Pattern
from tasks.accounts.tagged import PORTION, SOON, SOONEST, look_at_tags
from tasks.aws.run import NoTags
from tasks.aws.session import Sessions
from tasks.errors import AccessDenied, Conflict, NotOurs
from tasks.model.desired import Tenant
from tasks.model.handles import Creation, Handles
from tasks.model.replication import Done, Wait
from tasks.names import TENANT_TAG
from tasks.organization.account_lists import SharedAccountLists
from tasks.organization.tag_index import SharedTagIndex
from tasks.state.store import Store
from tasks.steps.create_account import create_account
from tasks.steps.locate_account import locate_account
from tasks.steps.tag_account import tag_account
from tasks.steps.wait_for_account import wait_for_account
from tests.tasks.steps.world import World
from workers.sandbox import organization

RANDOM = {"account_email_pattern": Pattern.parse("aws+#{rand:%.12s}@example.com")}
ROOT = organization.MANAGEMENT_ACCOUNT_ID


@pytest.fixture
def world(world: World, store: Store) -> World:
    """Let the world share what it reads, as workers do."""
    world.tags, world.lists = SharedTagIndex(store, ROOT), SharedAccountLists(store, ROOT)
    return world


def somebodys(world: World, name: str, tenant: Tenant | str | None = None) -> str:
    """Let the organization have an account that no order made; answers its id."""
    tags = {} if tenant is None else {TENANT_TAG: str(tenant.id if isinstance(tenant, Tenant) else tenant)}
    label = f"{world.workspace}-{name}"
    made = world.simulator.operator("create_account", name=label, email=f"{label}@example.org", tags=tags)
    return str(made["account"])


def found(world: World, tenant: Tenant, handles: Handles | None = None) -> Done:
    return world.finish_at_once(create_account, tenant, handles)


def reads(world: World, mark: int) -> list[str]:
    return [call.operation for call in world.simulator.calls(mark) if call.operation == "ListTagsForResource"]


def test_an_account_whose_owner_changed_name_and_email_is_found(world: World) -> None:
    tenant = world.tenant()
    account = somebodys(world, "renamed", tenant)

    outcome = found(world, tenant)

    assert outcome.handles.account_id == account
    assert outcome.handles.email == f"{world.workspace}-renamed@example.org"
    assert world.creations() == []


def test_an_imported_account_is_found_although_later_orders_leave_it_out(world: World) -> None:
    account = somebodys(world, "older")
    ordered = world.tenant(desired={"platform_tenant_id": account})
    found(world, world.tenant("other"))  # somebody has read its tags: it has none
    handles = world.finish(create_account, ordered).handles
    world.finish(tag_account, ordered, handles)

    outcome = found(world, world.tenant())  # the tenant's record is lost

    assert outcome.handles.account_id == account
    assert [each["name"] for each in world.creations()] == [f"{world.workspace}.other"]


def test_the_account_that_works_wins_over_those_before(world: World) -> None:
    tenant = world.tenant(platform=RANDOM)
    closed = somebodys(world, "closed", tenant)
    world.simulator.operator("suspend_account", account=closed)
    account = somebodys(world, "second", tenant)

    outcome = found(world, tenant)

    assert outcome.handles.account_id == account
    assert outcome.handles.closed_accounts == (closed,)


def test_two_that_work_are_both_named(world: World) -> None:
    tenant = world.tenant()
    accounts = sorted(somebodys(world, name, tenant) for name in ("one", "two"))

    with pytest.raises(Conflict, match=f"accounts {accounts[0]} and {accounts[1]} all have the tag of tenant"):
        found(world, tenant)

    assert world.creations() == []
    assert not any(world.places.taken.values())


def test_a_tenant_that_had_one_gets_another_email_although_all_was_forgotten(world: World) -> None:
    tenant = world.tenant(platform=RANDOM)
    first = world.created(tenant)
    world.simulator.operator("suspend_account", account=first.account_id)

    second = world.finish(wait_for_account, tenant, found(world, tenant).handles).handles

    assert second.account_id != first.account_id
    assert second.email != first.email
    assert second.closed_accounts == (first.account_id,)
    assert [account["state"] for account in world.accounts()] == ["SUSPENDED", "ACTIVE"]


def test_only_a_hint_is_taken_from_what_was_read_before(world: World) -> None:
    tenant = world.tenant()
    account = somebodys(world, "given", tenant)
    world.tags.note(account, str(tenant.id), world.now())
    world.simulator.operator("tag_account", account=account, tags={TENANT_TAG: "likvid.other.aws.sandbox"})

    handles = world.finish(wait_for_account, tenant, found(world, tenant).handles).handles

    assert handles.account_id != account
    assert world.tags.accounts_of("likvid.other.aws.sandbox") == {account}


def test_every_account_is_read_once(world: World) -> None:
    somebodys(world, "new")
    first = world.simulator.mark()
    found(world, world.tenant("one"))
    everybody = len(reads(world, first))
    mark = world.simulator.mark()

    outcome = found(world, world.tenant("two"))

    assert everybody > 1
    assert [call.operation for call in world.simulator.calls(mark) if not call.write] == []
    assert outcome.note.startswith("requested the account from AWS")


def test_a_portion_at_a_time_with_its_progress_and_others_wait(world: World, sessions: Sessions) -> None:
    for number in range(PORTION + 5):
        somebodys(world, f"many{number}")
    other = World(world.simulator, sessions, world.workspace, tags=world.tags, lists=world.lists)
    mark = world.simulator.mark()

    first = world.run(create_account, world.tenant("one"))
    assert len(reads(world, mark)) == PORTION
    waiting = other.run(create_account, world.tenant("two"))

    assert isinstance(first, Wait)
    assert isinstance(waiting, Wait)
    assert len(reads(world, mark)) == PORTION
    assert first.note == waiting.note
    assert first.note.startswith(f"reading the tags of the organization's accounts: {PORTION} of ")
    assert not first.retry_in
    assert waiting.retry_in is not None
    assert SOONEST <= waiting.retry_in < SOON  # it holds a place among the organization's creations
    importing = other.run(create_account, world.tenant("three", desired={"platform_tenant_id": "123456789012"}))
    assert isinstance(importing, Wait)
    assert importing.retry_in == SOON  # there may be thousands of these
    listed = [call for call in world.simulator.calls(mark) if call.operation == "ListAccounts"]
    found(world, world.tenant("one"), first.handles)
    assert isinstance(other.run(create_account, world.tenant("two"), waiting.handles), Done)
    again = [call for call in world.simulator.calls(mark) if call.operation == "ListAccounts"]
    assert again == listed  # one list for both


def test_nobody_waits_for_a_reader_that_failed(world: World) -> None:
    world.simulator.inject(operation="ListTagsForResource", kind="error", code="AccessDeniedException", times=1)

    with pytest.raises(AccessDenied):
        world.run(create_account, world.tenant("one"))

    assert isinstance(found(world, world.tenant("two")), Done)


def test_a_reader_that_is_gone_is_replaced(world: World, redis: Redis) -> None:
    world.run(create_account, world.tenant("one"))
    world.tags.take_turn("likvid.gone.aws.sandbox")
    redis.delete(f"connector:tags_whole:{ROOT}", f"connector:tags_reader:{ROOT}")

    assert isinstance(found(world, world.tenant("two")), Done)


@dataclass(frozen=True)
class Expiring:
    """An index whose look has expired when the first tag of it is noted."""

    index: SharedTagIndex
    redis: Redis

    def note(self, account_id: str, tenant: str | None, now: datetime) -> None:
        self.index.note(account_id, tenant, now)
        self.redis.delete(f"connector:tags_unread:{ROOT}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.index, name)


def test_a_look_that_expires_while_a_portion_is_read_begins_anew(world: World, redis: Redis, store: Store) -> None:
    tenant = world.tenant("lost")
    for number in range(2 * PORTION):
        somebodys(world, f"many{number}")
    account = somebodys(world, "renamed", tenant)

    world.tags = Expiring(SharedTagIndex(store, ROOT), redis)
    handles = Handles()
    for _ in range(2):
        outcome = world.run(create_account, tenant, handles)
        assert isinstance(outcome, Wait)
        handles = outcome.handles
    world.tags = SharedTagIndex(store, ROOT)

    assert found(world, tenant, handles).handles.account_id == account


def test_an_account_that_was_taken_over_before_redis_came_back_older_is_found(
    world: World, redis: Redis, store: Store
) -> None:
    account = somebodys(world, "imported")
    found(world, world.tenant("other"))  # reads all tags
    tenant = world.tenant("lost")
    world.simulator.operator("tag_account", account=account, tags={TENANT_TAG: str(tenant.id)})
    come_back_older(redis, store)
    world.ahead = timedelta(seconds=5)

    assert found(world, tenant).handles.account_id == account


def come_back_older(redis: Redis, store: Store) -> None:
    """Let Redis be as if nobody had been there for a while, and a worker look again."""
    redis.hset("connector:clock", "pumped", round((time() - 11) * 1000))
    store.work.pump("queue", 1, timedelta(minutes=1), timedelta(minutes=1), "worker")


@pytest.mark.parametrize("step", [wait_for_account, locate_account])
@pytest.mark.parametrize("request_id", [None, "car-123456789012"], ids=["no answer", "AWS does not know it"])
def test_a_creation_that_an_older_redis_remembers_is_not_sent_again_beside_a_later_account(
    world: World, redis: Redis, store: Store, step: Any, request_id: str | None
) -> None:
    found(world, world.tenant("other"))  # reads all tags
    tenant = world.tenant("lost")
    account = somebodys(world, "imported", tenant)
    come_back_older(redis, store)
    world.ahead = timedelta(seconds=5)
    creation = Creation(1, world.now() - timedelta(days=1), request_id)

    outcome = world.finish_at_once(
        step, tenant, Handles(email="lost@example.com", account_name="lost", creation=creation)
    )

    assert outcome.handles.account_id == account


@pytest.mark.parametrize("reason", ["PENDING_BUSINESS_VALIDATION", "INTERNAL_FAILURE"])
def test_a_creation_that_failed_is_not_repeated_beside_an_account_that_came_by_another_way(
    world: World, redis: Redis, store: Store, reason: str
) -> None:
    tenant = world.tenant()
    email = f"aws+{world.workspace}.shop@example.com"
    world.simulator.set_options(failing_creations={email: reason}, creation_seconds=0)
    handles = found(world, tenant).handles
    account = somebodys(world, "imported", tenant)
    world.simulator.set_options(failing_creations={})
    come_back_older(redis, store)
    world.ahead = timedelta(hours=2)

    assert world.finish(wait_for_account, tenant, handles).handles.account_id == account


def test_an_account_that_left_the_organization_meanwhile_is_nobodys(world: World) -> None:
    world.tags.begin(["599999999999"], world.now())

    assert isinstance(found(world, world.tenant()), Done)


def test_a_deletion_finds_the_account_by_its_tag_too(world: World) -> None:
    tenant = world.tenant()
    account = somebodys(world, "deleted", tenant)

    outcome = world.finish_at_once(locate_account, tenant)

    assert outcome.handles.account_id == account


def test_a_deletion_takes_a_closed_account_where_none_works(world: World) -> None:
    tenant = world.tenant()
    account = somebodys(world, "closed", tenant)
    world.simulator.operator("suspend_account", account=account)

    assert world.finish_at_once(locate_account, tenant).handles.account_id == account
    known = Handles(closed_accounts=(account,))
    assert world.finish_at_once(locate_account, tenant, known).handles.account_id is None


def test_an_account_by_which_another_platform_works_is_nobodys(world: World) -> None:
    account = somebodys(world, "automation", (tenant := world.tenant()))
    works = tenant.platform.model_copy(update={"neighbours": ((account, "the automation account of aws.two"),)})

    with pytest.raises(NotOurs, match=f"account {account} is the automation account of aws.two"):
        found(world, replace(tenant, platform=works))
    ordered = world.tenant(desired={"platform_tenant_id": account})
    with pytest.raises(NotOurs, match=r"is the automation account of aws\.two"):
        world.run(create_account, replace(ordered, platform=works))


def test_direct_mode_reads_no_tags(world: World) -> None:
    direct = {"management_role_arn": None, "direct_account_id": ROOT, "automation_role_arn": None}
    tenant = world.tenant(platform=direct)
    world.tags = _Refusing()

    assert look_at_tags(tenant, Handles(), world.aws(tenant)) is None


class _Refusing(NoTags):
    """An index that must not be asked."""

    def is_whole(self) -> bool:
        raise AssertionError("direct mode has no tags")


def test_no_second_account_is_taken_over_for_a_tenant_that_is_forgotten(world: World) -> None:
    """Its first one, imported too, has another email and name: only the tag tells."""
    tenant = world.tenant()
    first, second = somebodys(world, "first", tenant), somebodys(world, "second")

    with pytest.raises(Conflict, match=f"the tenant has account {first}, but the order names account {second}"):
        found(world, world.tenant(desired={"platform_tenant_id": second}))

    assert world.remembered[-1].account_id == first
    assert TENANT_TAG not in world.simulator.state()["accounts"][second]["tags"]
