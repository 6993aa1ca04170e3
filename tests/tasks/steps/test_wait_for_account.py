"""wait_for_account: the creation is followed to its end, each end has its answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from config.patterns import Pattern
from tasks.accounts.creation_failures import AFTER, REMEDIES, FailureReason, Next
from tasks.errors import NotFound, NotOurs, PermanentError
from tasks.model.account import AccountState
from tasks.model.handles import Creation, Handles
from tasks.model.replication import Done, Wait
from tasks.steps.create_account import create_account
from tasks.steps.wait_for_account import wait_for_account
from tests.tasks.steps.world import World


def test_an_active_account_costs_one_read(world: World) -> None:
    handles = world.created(tenant := world.tenant())

    outcome, reads, writes = world.counted(wait_for_account, tenant, handles)

    assert outcome == Done(handles, f"account {handles.account_id} is active")
    assert (reads, writes) == (1, 0)
    assert handles.account_created_at is not None
    assert handles.account_arn is not None
    assert handles.account_arn.endswith(f"/{handles.account_id}")


def test_a_creation_in_progress_is_waited_for(world: World) -> None:
    world.simulator.set_options(creation_seconds=60)
    handles = world.run(create_account, tenant := world.tenant()).handles

    outcome, reads, writes = world.counted(wait_for_account, tenant, handles)

    assert isinstance(outcome, Wait)
    assert "AWS has been creating the account since" in outcome.note
    assert outcome.retry_in is None
    assert (reads, writes) == (1, 0)
    assert any(world.places.taken.values())


def test_the_place_is_given_back_when_the_account_is_there(world: World) -> None:
    world.created(world.tenant())

    assert not any(world.places.taken.values())


def test_accounts_are_read_without_the_retired_status(world: World) -> None:
    world.simulator.set_options(status_member=False)

    assert world.created(world.tenant()).account_id


@pytest.mark.parametrize("lag", [0.0, 0.3])
def test_an_account_that_shows_late_is_adopted_after_email_already_exists(world: World, lag: float) -> None:
    tenant = world.tenant()
    world.simulator.set_options(list_delay_seconds=lag)
    world.run(create_account, tenant)  # its outcome is lost, and with it even the intent
    again = world.run(create_account, tenant)

    handles = world.finish(wait_for_account, tenant, again.handles).handles

    (account,) = world.accounts()
    assert handles.account_id == account["id"]


def test_an_email_of_an_account_elsewhere_ends_with_a_remedy(world: World) -> None:
    email = f"aws+{world.workspace}.shop@example.com"
    world.simulator.set_options(foreign_emails=[email])
    world.lookup_grace = timedelta()
    handles = world.finish(create_account, tenant := world.tenant()).handles

    with pytest.raises(NotOurs) as refused:
        world.finish(wait_for_account, tenant, handles)

    assert refused.value.code == "EMAIL_ALREADY_EXISTS"
    assert email in refused.value.message
    assert "accountEmailPattern" in refused.value.remedy
    assert world.remembered[-1].creation is None
    assert not any(world.places.taken.values())


@pytest.mark.parametrize("reason", [one for one in AFTER if AFTER[one] is Next.GIVE_UP])
def test_a_final_failure_names_what_to_do_and_a_retry_starts_afresh(world: World, reason: FailureReason) -> None:
    tenant = world.tenant()
    world.simulator.set_options(failing_creations={f"aws+{world.workspace}.shop@example.com": reason})
    handles = world.run(create_account, tenant).handles

    with pytest.raises(PermanentError) as refused:
        world.finish(wait_for_account, tenant, handles)

    assert refused.value.code == reason
    assert refused.value.remedy == REMEDIES[reason]
    assert not any(world.places.taken.values())

    world.simulator.set_options(failing_creations={})
    handles = world.finish(wait_for_account, tenant, world.remembered[-1]).handles  # resumed at this very step
    assert handles.account_id == world.accounts()[0]["id"]


def test_an_internal_failure_leads_to_a_new_attempt_with_the_same_email(world: World) -> None:
    tenant = world.tenant()
    email = f"aws+{world.workspace}.shop@example.com"
    world.lookup_grace = timedelta(seconds=0.1)
    world.simulator.set_options(failing_creations={email: "INTERNAL_FAILURE"})
    handles = world.run(create_account, tenant).handles
    while len(world.creations()) == 1:
        handles = world.run(wait_for_account, tenant, handles).handles
    world.simulator.set_options(failing_creations={})
    world.simulator.set_options(creation_seconds=0.05)

    handles = world.finish(wait_for_account, tenant, handles).handles

    assert handles.creation is not None
    assert handles.creation.attempt >= 2
    assert {creation["email"] for creation in world.creations()} == {email}
    assert len(world.accounts()) == 1


def test_internal_failures_end_at_last(world: World) -> None:
    tenant = world.tenant()
    world.lookup_grace = timedelta()
    world.simulator.set_options(failing_creations={f"aws+{world.workspace}.shop@example.com": "INTERNAL_FAILURE"})
    handles = world.run(create_account, tenant).handles

    with pytest.raises(PermanentError, match="INTERNAL_FAILURE"):
        world.finish(wait_for_account, tenant, handles)

    assert len(world.creations()) == 5


def test_a_pending_validation_is_waited_for_slowly(world: World) -> None:
    tenant = world.tenant()
    email = f"aws+{world.workspace}.shop@example.com"
    world.simulator.set_options(failing_creations={email: "PENDING_BUSINESS_VALIDATION"}, creation_seconds=0)
    handles = world.run(create_account, tenant).handles

    outcome = world.run(wait_for_account, tenant, handles)
    world.simulator.set_options(failing_creations={})
    world.ahead = timedelta(hours=1, seconds=1)
    handles = world.finish(wait_for_account, tenant, outcome.handles).handles

    assert isinstance(outcome, Wait)
    assert outcome.retry_in is not None
    assert outcome.retry_in > timedelta(minutes=59)
    assert handles.account_id == world.accounts()[0]["id"]


def test_a_creation_that_aws_does_not_know_is_looked_for(world: World) -> None:
    tenant = world.tenant()
    made = world.created(tenant)
    lost = replace(made, account_id=None, creation=Creation(1, world.now(), "car-unknown00000000"))

    outcome = world.run(wait_for_account, tenant, lost)

    assert outcome.handles.account_id == made.account_id
    assert len(world.creations()) == 1


def test_a_creation_that_aws_has_forgotten_is_asked_for_again_after_the_grace(world: World) -> None:
    tenant = world.tenant()
    lost = Handles(
        email=f"aws+{world.workspace}.shop@example.com",
        account_name=f"{world.workspace}.shop",
        creation=Creation(1, world.now(), "car-unknown00000000"),
    )

    waiting, _, writes = world.counted(wait_for_account, tenant, lost)
    world.ahead = timedelta(minutes=3)
    handles = world.finish(wait_for_account, tenant, waiting.handles).handles

    assert isinstance(waiting, Wait)
    assert writes == 0
    assert handles.account_id == world.accounts()[0]["id"]


def test_an_account_with_another_email_than_asked_for_is_not_taken(world: World) -> None:
    tenant = world.tenant()
    handles = world.run(create_account, tenant).handles

    with pytest.raises(NotOurs):
        world.finish(wait_for_account, tenant, replace(handles, email="other@example.com"))


def test_an_account_whose_email_people_changed_stays_ours(world: World) -> None:
    handles = replace(world.created(tenant := world.tenant()), email="former@example.com")

    assert world.run(wait_for_account, tenant, handles) == Done(handles, f"account {handles.account_id} is active")


def test_a_closed_account_fails(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.operator("suspend_account", account=handles.account_id)

    with pytest.raises(PermanentError, match="SUSPENDED"):
        world.run(wait_for_account, tenant, handles)


def test_an_account_that_left_the_organization_fails(world: World) -> None:
    with pytest.raises(NotFound, match="no longer in the organization"):
        world.run(wait_for_account, world.tenant(), Handles(account_id="999999999999"))


def test_every_failure_reason_has_an_answer_and_a_remedy() -> None:
    assert set(AFTER) == set(REMEDIES) == set(FailureReason)


def test_every_state_of_an_account_is_known_to_aws() -> None:
    assert len(AccountState) == 5


def test_an_account_that_was_closed_for_a_deletion_is_history_when_the_tenant_is_ordered_again(world: World) -> None:
    anew = "aws+#{workspaceIdentifier}.#{projectIdentifier}-#{rand:%.8s}@example.com"
    tenant = world.tenant(platform={"account_email_pattern": Pattern.parse(anew)})
    handles = world.created(tenant)
    before = str(handles.account_id)
    world.simulator.operator("suspend_account", account=before)

    waiting = world.run(wait_for_account, tenant, replace(handles, closing_since=world.now()))
    assert isinstance(waiting, Wait)
    assert waiting.handles.closed_accounts == (before,)

    second = replace(tenant, accounts_before=1)
    created = world.finish(create_account, second, waiting.handles).handles
    after = world.finish(wait_for_account, second, created).handles
    assert after.account_id not in (None, before)


def test_an_account_that_somebody_else_closed_is_told(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.operator("suspend_account", account=handles.account_id)

    with pytest.raises(PermanentError, match="is SUSPENDED"):
        world.run(wait_for_account, tenant, handles)
