"""Whether a refusal is the platform's, for which all of its tenants wait, or one tenant's own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tasks.aws.rights import Rights, UsedRights, judged
from tasks.errors import AccessDenied, RightRefused
from tasks.model.call import Intent
from tests.tasks.steps.world import SCIM, World

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE, DELAY = timedelta(minutes=1), timedelta(seconds=15)
MANAGEMENT = "111111111111"
GATE = "permission organizations:CreateAccount of aws.sandbox"


def denied(service: str, operation: str, code: str = "AccessDeniedException", **given: str) -> AccessDenied:
    """Return a refusal as the seam marks it."""
    error = AccessDenied(code, "not you", "r-1", "Allow the call; then retry.")
    Rights("aws.sandbox", UsedRights(), lambda: NOON).mark(error, Intent(service, operation, MANAGEMENT, given))
    return error


@pytest.mark.parametrize(
    ("service", "operation", "code", "gate"),
    [
        ("organizations", "create_account", "AccessDeniedException", GATE),
        (
            "sso-admin",
            "create_account_assignment",
            "AccessDeniedException",
            "permission sso:CreateAccountAssignment of",
        ),
        ("scim", "patch_group", "AccessDeniedException", "permission scim:PatchGroup of aws.sandbox"),
        ("lambda", "invoke", "AccessDeniedException", "permission lambda:InvokeFunction of aws.sandbox"),
        ("organizations", "close_account", "AccessDeniedException", None),  # optional: the remedy says what to do then
        ("sso-admin", "delete_account_assignment", "AccessDeniedException", None),
        ("organizations", "create_account", "NoAutomationAccount", None),
    ],
)
def test_what_every_tenant_needs_has_a_gate(service: str, operation: str, code: str, gate: str | None) -> None:
    found = denied(service, operation, code).gate
    assert found == gate or (found or "").startswith(gate or "-")


def test_what_only_the_management_accounts_tenant_needs_holds_up_nobody() -> None:
    assert denied("sso-admin", "create_account_assignment", TargetId=MANAGEMENT).gate is None
    assert denied("sso-admin", "list_account_assignments", AccountId=MANAGEMENT).gate is None
    assert denied("sso-admin", "create_account_assignment", TargetId="500000000001").gate is not None


def test_all_wait_for_it_until_the_role_is_seen_to_be_allowed_for_others() -> None:
    used, refused, first = UsedRights(), denied("organizations", "create_account"), NOON
    used.note(GATE, first + timedelta(seconds=10))  # AWS may not have known the newest policy everywhere

    waits = judged(refused, first, used, first + 10 * MINUTE, DELAY)
    assert isinstance(waits, RightRefused)
    assert (waits.gate, waits.code, waits.request_id) == (GATE, "AccessDeniedException", "r-1")
    assert waits.remedy == "Allow the call. All tenants that wait for it then continue automatically."

    used.note(GATE, first + MINUTE)
    assert isinstance(judged(refused, None, used, first + 10 * MINUTE, DELAY), RightRefused)  # it was never refused yet
    assert isinstance(judged(refused, first, used, first + MINUTE + DELAY / 2, DELAY), RightRefused)
    assert judged(refused, first, used, first + 2 * MINUTE, DELAY) is refused


def test_a_use_long_ago_is_found_among_many() -> None:
    used = UsedRights()
    for second in range(300):
        used.note(GATE, NOON + timedelta(seconds=second))
    assert used.between(GATE, NOON + MINUTE, NOON + MINUTE)
    assert not used.between(GATE, NOON + 10 * MINUTE, NOON + 20 * MINUTE)


def test_calls_of_the_platforms_roles_show_what_they_may_do(world: World) -> None:
    aws = world.aws(world.tenant())
    world.simulator.deny("organizations:ListRoots")
    with pytest.raises(AccessDenied) as raised:
        aws.organizations.root()
    assert raised.value.gate == "permission organizations:ListRoots of aws.sandbox"

    world.simulator.allow_all()
    aws.organizations.root()
    assert world.sessions.used_rights.between(raised.value.gate, world.now() - MINUTE, world.now() + MINUTE)


def test_a_scim_token_that_may_not_do_something_is_the_platforms(world: World) -> None:
    aws = world.aws(world.tenant(platform={"identity_store": None, "scim": SCIM}))
    world.simulator.inject(service="scim", operation="ListUsers", status=403, code="AccessDeniedException")
    with pytest.raises(AccessDenied) as raised:
        aws.directory.user_id("alice")
    assert raised.value.gate == "permission scim:ListUsers of aws.sandbox"


def test_what_an_account_refuses_is_its_own(world: World) -> None:
    account_id = world.account(tenant := world.tenant()).known_account()
    world.simulator.deny("iam:ListAccountAliases")
    with pytest.raises(AccessDenied) as raised:
        world.aws(tenant).account_aliases(account_id).find()
    assert raised.value.gate is None
