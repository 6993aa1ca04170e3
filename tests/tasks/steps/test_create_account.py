"""create_account: exactly one account, whatever happens to the call."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from config.patterns import Pattern
from tasks.accounts.lookup import Candidate, Found, Wanted, choose
from tasks.errors import AccessDenied, Conflict, LaneFull, NotFound, NotOurs, PermanentError, Refused, Throttled
from tasks.model.account import Account, AccountState
from tasks.model.handles import Handles
from tasks.model.replication import Done, Wait
from tasks.names import TENANT_TAG
from tasks.steps.create_account import create_account
from tasks.steps.wait_for_account import wait_for_account
from tests.tasks.steps.world import World
from workers.sandbox import organization

AMBIGUOUS = {
    "lost response": {"kind": "lost_response"},
    "cut before": {"kind": "reset"},
    "garbled": {"kind": "malformed"},
    "500, done": {"kind": "error", "code": "ServiceException", "status": 500, "before": False},
    "500, not done": {"kind": "error", "code": "ServiceException", "status": 500, "before": True},
    "503, done": {"kind": "error", "code": "ServiceUnavailable", "status": 503, "before": False},
    "503, not done": {"kind": "error", "code": "ServiceUnavailable", "status": 503, "before": True},
}
REFUSED = {
    "too many requests": ({"kind": "throttle"}, Throttled),
    "concurrent": ({"code": "ConcurrentModificationException", "status": 400}, Throttled),
    "finalizing": ({"code": "FinalizingOrganizationException", "status": 400}, Throttled),
    "quota": ({"code": "ConstraintViolationException", "status": 400}, Refused),
    "policy": ({"code": "AccessDeniedException", "status": 400}, AccessDenied),
}


def test_a_new_tenant_gets_an_account_with_its_tags(world: World) -> None:
    tenant = world.tenant()

    outcome = world.run(create_account, tenant)
    handles = world.finish(wait_for_account, tenant, outcome.handles).handles

    (account,) = world.accounts()
    assert isinstance(outcome, Done)
    assert account["email"] == handles.email == f"aws+{world.workspace}.shop@example.com"
    assert account["name"] == handles.account_name == f"{world.workspace}.shop"
    assert account["tags"] == {TENANT_TAG: str(tenant.id)}
    assert organization.ACCESS_ROLE in account["roles"]
    assert handles.account_id == account["id"]


class RecentList:
    """A list of the last minutes, in which the tenant's account is not."""

    def find(self, email: str, name: str) -> frozenset[str]:
        return frozenset()

    def share(self, accounts: Collection[Account], began: datetime, now: datetime) -> None:
        self.shared = accounts


def test_where_somebody_has_just_listed_the_accounts_they_are_not_listed_again(world: World) -> None:
    world.lists = RecentList()

    outcome, reads, writes = world.counted(create_account, tenant := world.tenant(), Handles())

    assert (reads, writes) == (0, 1)
    assert world.finish(wait_for_account, tenant, outcome.handles).handles.account_id == world.accounts()[0]["id"]


def test_an_account_that_such_a_list_lacks_is_taken_over_all_the_same(world: World) -> None:
    tenant = world.tenant()
    before = world.created(tenant)  # Redis has lost it since, or another worker's list is older than it
    world.lists = RecentList()

    outcome = world.run(create_account, tenant)
    found = world.finish(wait_for_account, tenant, outcome.handles).handles

    assert found.account_id == before.account_id
    assert len(world.accounts()) == 1


def test_once_a_creation_was_sent_no_such_list_is_believed(world: World) -> None:
    world.simulator.inject(operation="CreateAccount", kind="lost_response")
    world.simulator.make_stale("ListAccounts")  # so that the account is in no list yet
    world.lists = lists = RecentList()
    handles = world.run(create_account, tenant := world.tenant()).handles

    outcome = world.run(create_account, tenant, handles)

    assert "searching for the account" in outcome.note
    assert len(lists.shared) > 1
    assert len(world.creations()) == 1


def test_the_intent_is_written_before_the_call(world: World) -> None:
    world.run(create_account, world.tenant())

    (ahead,) = world.remembered
    assert ahead.creation is not None
    assert ahead.creation.request_id is None
    assert ahead.creation.attempt == 1
    assert ahead.email == f"aws+{world.workspace}.shop@example.com"


def test_a_known_account_costs_no_call(world: World) -> None:
    handles = world.created(tenant := world.tenant())

    outcome, reads, writes = world.counted(create_account, tenant, handles)

    assert outcome == Done(handles, f"account {handles.account_id} is known")
    assert (reads, writes) == (0, 0)


def test_a_creation_in_progress_costs_no_call(world: World) -> None:
    handles = world.run(create_account, tenant := world.tenant()).handles

    outcome, reads, writes = world.counted(create_account, tenant, handles)

    assert outcome.handles == handles
    assert (reads, writes) == (0, 0)


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_an_ambiguous_answer_makes_exactly_one_account(world: World, fault: dict[str, object]) -> None:
    tenant = world.tenant()
    world.lookup_grace = timedelta(seconds=0.3)  # longer than a creation takes here
    world.simulator.inject(operation="CreateAccount", **fault)

    outcome = world.run(create_account, tenant)
    handles = world.finish(create_account, tenant, outcome.handles).handles
    handles = world.finish(wait_for_account, tenant, handles).handles

    assert isinstance(outcome, Wait)
    assert "searching for the account" in outcome.note
    (account,) = world.accounts()
    assert account["id"] == handles.account_id
    assert len(world.creations()) == 1
    assert not any(world.places.taken.values())


@pytest.mark.parametrize("fault", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_new_attempt_before_the_lost_one_shows_makes_no_second_account(
    world: World, fault: dict[str, object]
) -> None:
    tenant = world.tenant()
    world.lookup_grace = timedelta()  # the lost creation is in nobody's list yet when we ask again
    world.simulator.inject(operation="CreateAccount", **fault)

    outcome = world.run(create_account, tenant)
    handles = world.finish(create_account, tenant, outcome.handles).handles
    world.lookup_grace = timedelta(minutes=2)
    handles = world.finish(wait_for_account, tenant, handles).handles

    (account,) = world.accounts()
    assert account["id"] == handles.account_id
    assert not any(world.places.taken.values())


def test_a_crash_after_the_call_makes_exactly_one_account(world: World) -> None:
    tenant = world.tenant()
    world.run(create_account, tenant)  # its outcome is lost with the worker

    handles = world.finish(create_account, tenant, world.remembered[-1]).handles

    (account,) = world.accounts()
    assert account["id"] == handles.account_id
    assert len(world.creations()) == 1


def test_while_an_unanswered_call_may_have_worked_nothing_is_sent_again(world: World) -> None:
    world.simulator.inject(operation="CreateAccount", kind="reset")
    handles = world.run(create_account, tenant := world.tenant()).handles

    outcome, _, writes = world.counted(create_account, tenant, handles)

    assert isinstance(outcome, Wait)
    assert outcome.retry_in == timedelta(seconds=15)
    assert "requested the account from AWS at" in outcome.note
    assert writes == 0


def test_after_the_grace_a_new_attempt_uses_the_same_email(world: World) -> None:
    tenant = world.tenant()
    world.simulator.inject(operation="CreateAccount", kind="reset")
    handles = world.run(create_account, tenant).handles
    other = Pattern.parse("other+#{workspaceIdentifier}.#{projectIdentifier}@example.com")
    changed = world.tenant(platform={"account_email_pattern": other})

    world.ahead = timedelta(minutes=3)
    outcome = world.run(create_account, changed, handles)

    assert outcome.handles.creation is not None
    assert outcome.handles.creation.attempt == 2
    (creation,) = world.creations()
    assert creation["email"] == handles.email


@pytest.mark.parametrize(("fault", "error"), REFUSED.values(), ids=REFUSED)
def test_a_refused_call_leaves_no_intent(world: World, fault: dict[str, object], error: type[Exception]) -> None:
    tenant = world.tenant()
    world.simulator.inject(operation="CreateAccount", **fault)

    with pytest.raises(error):
        world.run(create_account, tenant)

    assert world.remembered[-1].creation is None
    assert world.accounts() == []
    held = any(world.places.taken.values())
    assert held is (error is Throttled)  # whoever is only throttled stays first in line

    world.finish(wait_for_account, tenant, world.finish(create_account, tenant, world.remembered[-1]).handles)
    assert len(world.accounts()) == 1


def test_a_full_lane_costs_no_call(world: World) -> None:
    world.limits = dict.fromkeys(world.limits, 0)

    with pytest.raises(LaneFull):
        world.run(create_account, world.tenant())

    assert world.records == []
    assert world.remembered == []


def test_after_everything_is_forgotten_the_account_is_found_by_its_tag(world: World) -> None:
    handles = world.created(tenant := world.tenant())

    outcome, _, writes = world.counted(create_account, tenant, Handles())

    assert outcome.handles.account_id == handles.account_id
    assert writes == 0
    assert not any(world.places.taken.values())


def test_an_account_of_a_changed_email_pattern_is_found_by_name_and_tag(world: World) -> None:
    handles = world.created(world.tenant())
    other = Pattern.parse("other+#{workspaceIdentifier}.#{projectIdentifier}@example.com")

    outcome = world.run(create_account, world.tenant(platform={"account_email_pattern": other}))

    assert outcome.handles.account_id == handles.account_id
    assert outcome.handles.email == handles.email


def test_a_foreign_account_with_our_email_is_left_alone(world: World) -> None:
    email = f"AWS+{world.workspace}.shop@example.com"
    account = world.simulator.operator("create_account", name="foreign", email=email)["account"]

    with pytest.raises(NotOurs) as refused:
        world.run(create_account, world.tenant())

    assert account in str(refused.value)
    assert email.lower() in str(refused.value)
    assert world.creations() == []
    assert not any(world.places.taken.values())


def test_a_closed_account_keeps_its_email(world: World) -> None:
    handles = world.created(tenant := world.tenant())
    world.simulator.operator("suspend_account", account=handles.account_id)

    with pytest.raises(NotOurs) as refused:
        world.run(create_account, tenant)

    assert refused.value.code == "EmailOfClosedAccount"
    assert "SUSPENDED" in refused.value.message
    assert len(world.creations()) == 1


def test_an_email_that_aws_cannot_take_is_refused_for_good(world: World) -> None:
    tenant = world.tenant(platform={"account_email_pattern": Pattern.parse("#{tagOwner}@example.com")})

    with pytest.raises(PermanentError) as refused:
        world.run(create_account, tenant)

    assert "accountEmailPattern" in refused.value.message
    assert "owner" in refused.value.message


def test_an_ordered_account_is_taken_over(world: World) -> None:
    name = f"{world.workspace}.old"
    account = world.simulator.operator("create_account", name=name, email=f"{name}@example.com")["account"]
    tenant = world.tenant(desired={"platform_tenant_id": account})
    world.lists = RecentList()  # which knows no account of ours beside it

    outcome, reads, writes = world.counted(create_account, tenant, Handles())

    assert outcome.handles.account_id == account
    assert outcome.handles.email == f"{name}@example.com"
    assert (reads, writes) == (3, 0)


def test_no_other_account_is_taken_over_for_a_tenant_that_has_one_which_nobody_remembers(world: World) -> None:
    own = world.created(world.tenant()).account_id
    name = f"{world.workspace}.old"
    account = world.simulator.operator("create_account", name=name, email=f"{name}@example.com")["account"]

    with pytest.raises(Conflict, match=f"the tenant has account {own}"):
        world.run(create_account, world.tenant(desired={"platform_tenant_id": account}), Handles())


def test_an_ordered_account_of_another_tenant_is_left_alone(world: World) -> None:
    account = world.created(world.tenant("first")).account_id

    with pytest.raises(NotOurs) as refused:
        world.run(create_account, world.tenant("second", desired={"platform_tenant_id": account}))

    assert f"{world.workspace}.first.aws.sandbox" in refused.value.message


@pytest.mark.parametrize(
    ("ordered", "error"),
    [
        ("999999999999", NotFound),
        (organization.MANAGEMENT_ACCOUNT_ID, NotOurs),
        (organization.AUTOMATION_ACCOUNT_ID, NotOurs),
    ],
)
def test_what_is_no_member_account_is_not_taken_over(world: World, ordered: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        world.run(create_account, world.tenant(desired={"platform_tenant_id": ordered}))


def test_an_account_of_no_organization_is_named(world: World) -> None:
    with pytest.raises(NotFound, match=r"999999999999 is not in the organization of platform aws\.sandbox") as missing:
        world.run(create_account, world.tenant(desired={"platform_tenant_id": "999999999999"}))

    assert "invite the account" in missing.value.remedy


def test_what_aws_may_be_creating_is_not_left_behind(world: World) -> None:
    asked = world.run(create_account, world.tenant()).handles
    ordered = world.tenant(desired={"platform_tenant_id": "500000000002"})

    assert world.run(create_account, ordered, asked).handles == asked
    known = world.finish(wait_for_account, ordered, asked).handles
    with pytest.raises(Conflict):
        world.run(create_account, ordered, known)


def test_a_tenant_does_not_change_its_account(world: World) -> None:
    handles = Handles(account_id="500000000001")

    with pytest.raises(Conflict):
        world.run(create_account, world.tenant(desired={"platform_tenant_id": "500000000002"}), handles)


AT = datetime(2026, 5, 1, 12, tzinfo=UTC)
OURS = Account("1", "arn", "w.p", "a@b.c", AccountState.ACTIVE, AT)
ELSEWHERE = replace(OURS, id="2", email="x@y.z")
CLOSED = replace(OURS, id="3", email="o@l.d", state=AccountState.SUSPENDED)
LATER = replace(CLOSED, id="4", joined_at=AT + timedelta(days=1))
WANTED = Wanted("w.p.aws.l", "A@b.c", "w.p", None)
INTENDED = replace(WANTED, intended_at=AT)
DIRECT = replace(WANTED, tagged=False)
EXACT = replace(OURS, email="A@b.c")


def tagged(*accounts: Account) -> list[Candidate]:
    return [Candidate(account, "w.p.aws.l") for account in accounts]


@pytest.mark.parametrize(
    ("candidates", "wanted", "expected"),
    [
        ([], WANTED, Found(None)),
        (tagged(OURS), WANTED, Found(OURS)),
        (tagged(ELSEWHERE), WANTED, Found(ELSEWHERE)),
        ([Candidate(ELSEWHERE, None)], WANTED, Found(None)),
        ([Candidate(ELSEWHERE, "other")], WANTED, Found(None)),
        ([Candidate(OURS, None)], WANTED, NotOurs),
        ([Candidate(OURS, "other")], INTENDED, NotOurs),
        ([Candidate(OURS, None)], INTENDED, Found(OURS)),
        ([Candidate(OURS, None)], replace(WANTED, intended_at=AT + timedelta(minutes=2)), NotOurs),
        ([Candidate(replace(OURS, name="w.q"), None)], INTENDED, NotOurs),
        (tagged(OURS, ELSEWHERE), WANTED, Conflict),
        (tagged(OURS, replace(ELSEWHERE, state=AccountState.PENDING_ACTIVATION)), WANTED, Conflict),
        (tagged(CLOSED), WANTED, Found(None, (CLOSED,))),
        (tagged(CLOSED, ELSEWHERE), WANTED, Found(ELSEWHERE, (CLOSED,))),
        (tagged(LATER, CLOSED), WANTED, Found(None, (CLOSED, LATER))),
        ([Candidate(EXACT, None)], DIRECT, Found(EXACT)),
        ([Candidate(OURS, None)], DIRECT, NotOurs),  # the same email to AWS, and not letter by letter
        ([Candidate(replace(EXACT, name="w.P"), None)], DIRECT, NotOurs),
    ],
)
def test_only_proven_accounts_are_chosen(candidates: list[Candidate], wanted: Wanted, expected: object) -> None:
    if isinstance(expected, type):
        with pytest.raises(PermanentError) as refused:
            choose(candidates, wanted)
        assert type(refused.value) is expected
    else:
        assert choose(candidates, wanted) == expected


def test_two_accounts_that_work_are_both_named() -> None:
    with pytest.raises(Conflict, match="accounts 1 and 2 all have the tag of tenant"):
        choose(tagged(ELSEWHERE, OURS), WANTED)
