"""The producer: what is refused for a new tenant, and what an existing one may keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from config.landing_zone import LandingZoneRoleMapping
from config.patterns import Pattern
from tasks.connector import Connector
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Doubt, Handles
from tasks.model.replication import State, StepState
from tasks.orders.deletion import request_deletion
from tasks.orders.producer import RequestRefused, check, replicate, replicate_again
from tasks.state.outcome import StepRecord
from tasks.state.records import TenantRecord
from tests.support.redis import CheckedRedis
from tests.workers.api.server import make

TENANT = TenantId("likvid", "shop", "aws.sandbox")
WANTED = Desired(landing_zone="development")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def connector(redis_server: CheckedRedis) -> Connector:
    connector = make(redis_server.url)
    redis_server.client.flushall()
    return connector


def disabled(connector: Connector, name: str) -> Connector:
    zones = dict(connector.catalog.landing_zones)
    zones[name] = zones[name].model_copy(update={"disabled": True})
    return replace(connector, catalog=replace(connector.catalog, landing_zones=MappingProxyType(zones)))


def test_a_disabled_landing_zone_takes_no_new_tenants_and_keeps_those_that_it_has(connector: Connector) -> None:
    replicate("likvid", "shop", "aws.sandbox", WANTED, connector=connector)
    later = disabled(connector, "development")

    changed = replicate("likvid", "shop", "aws.sandbox", WANTED.model_copy(update={"access": []}), connector=later)
    record = later.store.tenants.find(TENANT)
    assert record is not None
    again = replicate_again(record, later, wake=True)
    with pytest.raises(RequestRefused, match="unknown landing zone"):
        replicate("likvid", "new", "aws.sandbox", WANTED, connector=later)
    with pytest.raises(RequestRefused, match="unknown landing zone"):
        replicate(
            "likvid", "shop", "aws.sandbox", {"landingZone": "production"}, connector=disabled(connector, "production")
        )

    assert changed.tenant == again.tenant == str(TENANT)


def test_a_role_whose_groups_could_not_prove_whose_they_are_is_refused(connector: Connector) -> None:
    zone = connector.catalog.landing_zones["development"]
    role = LandingZoneRoleMapping(project_role="admin", platform_role="ü" * 60)
    zones = {"development": zone.model_copy(update={"role_mappings": (role,)})}
    catalog = replace(connector.catalog, landing_zones=zones)

    [mistake] = check(TENANT, WANTED, catalog, connector.settings)

    assert mistake.field == "awsRoleMappings"
    assert mistake.message.endswith("is longer than 256 characters")


def test_an_account_that_is_there_needs_no_email(connector: Connector) -> None:
    """The email's pattern may ask for a tag that has been removed: access must be taken away all the same."""
    replicate("likvid", "shop", "aws.sandbox", WANTED, connector=connector)
    record = connector.store.tenants.find(TENANT)
    assert record is not None
    platform = connector.catalog.platforms[TENANT.platform]
    needs_tag = platform.model_copy(update={"account_email_pattern": Pattern.parse("#{tagOwner}@example.com")})
    catalog = replace(connector.catalog, platforms={TENANT.platform: needs_tag})

    fields = [
        [each.field for each in check(TENANT, WANTED, catalog, connector.settings, known)]
        for known in (None, record, replace(record, handles=Handles(account_id="123456789012")))
    ]

    assert fields == [["accountEmailPattern"], ["accountEmailPattern"], []]


ALICE = {"username": "alice", "euid": "alice@example.com", "roles": ["admin", "user"]}
BOB = {"username": "bob", "euid": "bob@example.com", "roles": ["user"]}
FULL = {"landingZone": "development", "access": [ALICE, BOB], "project": {"tags": {"stage": ["dev"]}}}


def nothing_renders(connector: Connector) -> Connector:
    """Return a connector whose documents fit no order of before: patterns need a tag, the landing zone has moved."""
    platform = connector.catalog.platforms[TENANT.platform]
    needs = {
        "account_alias_pattern": Pattern.parse("#{tagOwner}"),
        "account_email_pattern": Pattern.parse("#{tagOwner}"),
    }
    zone = connector.catalog.landing_zones["development"].model_copy(update={"platform": "aws.elsewhere"})
    platforms = {TENANT.platform: platform.model_copy(update=needs)}
    catalog = replace(connector.catalog, platforms=platforms, landing_zones={"development": zone})
    return replace(connector, catalog=catalog)


@pytest.mark.parametrize(
    "access",
    [[], [ALICE], [{**ALICE, "roles": ["user"]}, BOB], [{**ALICE, "roles": ["admin"]}]],
    ids=["all", "a person", "a role", "both"],
)
def test_an_order_that_only_takes_away_is_always_accepted(
    connector: Connector, access: list[dict[str, object]]
) -> None:
    replicate("likvid", "shop", "aws.sandbox", FULL, connector=connector)

    accepted = replicate(
        "likvid", "shop", "aws.sandbox", {**FULL, "access": access}, connector=nothing_renders(connector)
    )

    record = connector.store.tenants.find(TENANT)
    assert record is not None
    assert accepted.tenant == str(TENANT)
    assert [person.username for person in record.desired.access] == [person["username"] for person in access]


@pytest.mark.parametrize(
    ("change", "keep"),
    [
        ({"access": [ALICE, {**BOB, "roles": ["user", "admin"]}]}, 0),
        ({"access": [ALICE, BOB, {**BOB, "username": "carol"}]}, 0),
        ({"access": [{**ALICE, "euid": "other@example.com"}]}, 2),
        ({"access": [ALICE], "project": {"tags": {}}}, 1),
        ({"project": {"tags": {}}}, 0),
        ({}, 0),
    ],
)
def test_any_other_order_is_checked_and_says_who_keeps_access(
    connector: Connector, change: dict[str, object], keep: int
) -> None:
    replicate("likvid", "shop", "aws.sandbox", FULL, connector=connector)

    with pytest.raises(RequestRefused) as refused:
        replicate("likvid", "shop", "aws.sandbox", {**FULL, **change}, connector=nothing_renders(connector))

    assert refused.value.keep == keep
    assert ("such an order is always accepted" in str(refused.value)) == bool(keep)


def test_fewer_people_than_before_a_deletion_get_access_back_so_that_is_checked(connector: Connector) -> None:
    replicate("likvid", "shop", "aws.sandbox", FULL, connector=connector)
    record = connector.store.tenants.find(TENANT)
    assert record is not None
    request_deletion(record, connector, by=None)

    with pytest.raises(RequestRefused) as refused:
        replicate("likvid", "shop", "aws.sandbox", {**FULL, "access": [ALICE]}, connector=nothing_renders(connector))

    assert refused.value.keep == 0


def test_without_the_platforms_document_nobody_can_be_taken_out_and_the_answer_says_so(connector: Connector) -> None:
    replicate("likvid", "shop", "aws.sandbox", FULL, connector=connector)
    without = replace(connector, catalog=replace(connector.catalog, platforms={}))

    with pytest.raises(RequestRefused, match=r"unknown platform.*put its document back"):
        replicate("likvid", "shop", "aws.sandbox", {**FULL, "access": [ALICE]}, connector=without)


def after_a_loss(connector: Connector, desired: Desired, handles: Handles) -> TenantRecord:
    """Order a tenant of whom nothing is known, and let a worker learn something of it."""
    replication = replicate("likvid", "shop", "aws.sandbox", desired, connector=connector).replication
    [dispatch] = connector.store.work.pump("celery", 10, MINUTE, MINUTE, "w1")
    assert connector.store.work.begin(dispatch, "holder", MINUTE)
    failed = StepRecord(0, StepState(name="create_account", state=State.FAILED), State.FAILED, handles=handles)
    assert connector.store.work.record(replication, "holder", failed)
    record = connector.store.tenants.find(TENANT)
    assert record is not None
    return record


@pytest.mark.parametrize("doubt", [Doubt(), None])
def test_an_account_that_was_ordered_wrongly_keeps_nobody_from_replicating_the_tenant(
    connector: Connector, doubt: Doubt | None
) -> None:
    """The order came when nothing was known, so it was accepted; then the account that the tenant has was found."""
    wrong = WANTED.model_copy(update={"platform_tenant_id": "222222222222"})
    record = after_a_loss(connector, wrong, Handles(account_id="999999999999", doubt=doubt))

    again = replicate_again(record, connector, wake=False, daily=True)

    assert connector.store.replications.find(again.replication) is not None
    with pytest.raises(RequestRefused, match="cannot change"):
        replicate("likvid", "shop", "aws.sandbox", wrong, connector=connector)


def test_a_tenant_in_doubt_is_replicated_again_whatever_does_not_fit_but_its_platform(connector: Connector) -> None:
    record = after_a_loss(connector, WANTED, Handles(account_id="999999999999"))
    broken = nothing_renders(connector)

    assert replicate_again(record, broken, wake=False, daily=True)
    with pytest.raises(RequestRefused):
        replicate_again(replace(record, handles=Handles(doubt=None)), broken, wake=False, daily=True)
    with pytest.raises(RequestRefused, match="unknown platform"):
        replicate_again(record, replace(connector, catalog=replace(connector.catalog, platforms={})), wake=False)
