"""report: says where the account is; asks AWS nothing."""

from __future__ import annotations

from dataclasses import replace

from tasks.model import Done, Handles
from tasks.steps.report import report
from tests.steps.world import PLATFORM, World

HANDLES = Handles(account_id="123456789012", alias="likvid-shop")
assert PLATFORM.identity_store is not None
SIGN_IN = PLATFORM.identity_store.sign_in_url


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
