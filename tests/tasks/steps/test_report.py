"""report: says where the account is; asks AWS nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from config.platform import IdentityFederation
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.report import report
from tests.tasks.steps.world import PLATFORM, World

HANDLES = Handles(account_id="123456789012", alias="likvid-shop")
assert PLATFORM.identity_store is not None
SIGN_IN = f"{PLATFORM.identity_store.sign_in_url}/#/console?account_id=123456789012"


def test_the_sign_in_address_is_told_and_kept(world: World) -> None:
    outcome, reads, writes = world.counted(report, world.tenant(), HANDLES)

    assert outcome == Done(
        replace(HANDLES, sign_in_url=SIGN_IN),
        f"account 123456789012 (likvid-shop) is ready; people sign in at {SIGN_IN}",
    )
    assert (reads, writes) == (0, 0)


def test_a_platform_without_identity_center_has_no_sign_in_address(world: World) -> None:
    tenant = world.tenant(platform={"identity_store": None})

    outcome = world.run(report, tenant, Handles(account_id="123456789012", sign_in_url="https://old.example.com"))

    assert outcome == Done(Handles(account_id="123456789012"), "account 123456789012 is ready")


def test_a_second_run_says_the_same(world: World) -> None:
    first = world.run(report, world.tenant(), HANDLES)

    assert world.run(report, world.tenant(), first.handles) == first


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (None, None),
        ("https://portal.example.com/start", "https://portal.example.com/start"),
        ("https://corp.awsapps.com/start/", "https://corp.awsapps.com/start/#/console?account_id=123456789012"),
    ],
)
def test_only_awss_portal_has_an_address_for_each_account(
    world: World, address: str | None, expected: str | None
) -> None:
    store = PLATFORM.identity_store
    assert store is not None
    changed = store.model_copy(update={"sign_in_url": address})
    outcome = world.run(report, world.tenant(platform={"identity_store": changed}), HANDLES)
    assert outcome.handles.sign_in_url == expected


def test_with_federation_alone_people_sign_in_at_the_broker(world: World) -> None:
    broker = IdentityFederation(saml_provider_name="broker", sign_in_url="https://broker.example.com")
    tenant = world.tenant(platform={"identity_store": None, "identity_federation": broker})
    assert world.run(report, tenant, HANDLES).handles.sign_in_url == "https://broker.example.com"
