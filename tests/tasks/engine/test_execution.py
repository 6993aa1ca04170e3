"""What becomes of a step's errors: tried again up to a deadline, parked, or final; and what people see of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from config.catalog import load_catalog
from config.platform import Platform
from config.settings import Settings
from tasks.aws.purpose import CONNECTOR, Purpose
from tasks.aws.session import Sessions
from tasks.engine.lease import Leases
from tasks.engine.stretch import Stretch
from tasks.limits.call_rates import FIRST_GUESS
from tasks.model.desired import Desired, TenantId
from tasks.model.handles import Group, Handles
from tasks.model.replication import Replication, State, StepState
from tasks.state.orders import Order
from tasks.state.outcome import Dispatch, StepRecord
from tasks.state.store import Store
from tasks.worker import Worker
from tests.support.cluster import CONFIG_DIR
from workers.sandbox.organization import environment

SHOP = TenantId("likvid", "shop", "aws.sandbox")
QUOTA = ("ConstraintViolationException", {"Reason": "ACCOUNT_NUMBER_LIMIT_EXCEEDED"})
TOMORROW = ("ConstraintViolationException", {"Reason": "ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"})
LEASE = timedelta(seconds=30)


class Refusing(Sessions):
    """An AWS without accounts and groups that refuses every CreateAccount."""

    def __init__(self, code: str, members: dict[str, Any]) -> None:
        super().__init__()
        self._error = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"RequestId": "r-1"}, **members}

    def management(self, platform: Platform, service: str, purpose: Purpose = CONNECTOR) -> Any:
        """Answer a client of Organizations or of the identity store."""

        def refuse(**_: Any) -> Any:
            raise ClientError(self._error, "CreateAccount")

        def miss(**_: Any) -> Any:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "no"}}, "GetGroupId")

        return SimpleNamespace(
            meta=SimpleNamespace(service_model=SimpleNamespace(service_name=service, resolved_protocol="json")),
            list_accounts=lambda **_: {"Accounts": [], "ResponseMetadata": {}},
            create_account=refuse,
            get_group_id=miss,
            list_tags_for_resource=lambda **_: {"Tags": [], "ResponseMetadata": {}},
            tag_resource=lambda **_: {"ResponseMetadata": {}},
        )


MakeWorker = Callable[..., Worker]


@pytest.fixture
def make_worker(store: Store, monkeypatch: pytest.MonkeyPatch) -> MakeWorker:
    """Build a worker whose AWS refuses with a code."""
    for name, value in environment("http://127.0.0.1:1", "redis://127.0.0.1:1/0").items():
        monkeypatch.setenv(name, value)
    catalog = load_catalog([CONFIG_DIR])

    def build(code: str, members: dict[str, Any] | None = None, **settings: Any) -> Worker:
        return Worker(Settings(**settings), catalog, store, Refusing(code, members or {}))

    return build


def tried(worker: Worker) -> Replication:
    """Run the one replication, now, whenever it is due, as far as its message goes; answers what people see then."""
    store = worker.store
    replication = store.orders.submit(Order(SHOP, Desired(landing_zone="development"), wake=True))
    [dispatch] = store.work.pump("queue", 10, LEASE, LEASE, "w")
    assert isinstance(dispatch, Dispatch)
    while (following := Stretch(worker, Leases(), dispatch).run().following) is not None:
        dispatch = replace(dispatch, step=following)
    found = store.replications.find(replication)
    assert found is not None
    return found


def creation(replication: Replication) -> StepState:
    """Return the step that asks AWS for the account: the first that calls it for a new tenant."""
    return next(step for step in replication.steps if step.name == "create_account")


def due_in(redis: Any, replication: Replication) -> float:
    """Return the seconds until somebody looks at a replication."""
    seconds, micros = redis.time()
    due: float = redis.zscore("connector:due", replication.id)
    return due / 1000 - float(seconds) - float(micros) / 1e6


def test_a_transient_error_is_tried_again_with_its_reason_in_sight(make_worker: MakeWorker, redis: Any) -> None:
    worker = make_worker("TooManyRequestsException")

    for attempt in (1, 2, 3):
        found = tried(worker)
        assert (found.state, creation(found).attempts) == (State.WAITING, attempt)
        assert found.last_error is not None
        assert found.last_error.code == "TooManyRequestsException"
        assert found.last_error.documentation == "docs/errors.md#toomanyrequestsexception"
        assert due_in(redis, found) < 2**attempt


def test_an_answer_of_aws_ends_its_platforms_silence(make_worker: MakeWorker, redis: Any) -> None:
    worker = make_worker("TooManyRequestsException")
    redis.hset("connector:unresponsive", SHOP.platform, 3)

    tried(worker)

    assert redis.hlen("connector:unresponsive") == 0, "a refusal is an answer too"


def test_a_transient_error_fails_visibly_at_the_deadline_that_is_configured(make_worker: MakeWorker) -> None:
    worker = make_worker("TooManyRequestsException", step_deadline=0.000_001)
    assert tried(worker).state is State.WAITING

    found = tried(worker)

    assert found.state is State.FAILED
    assert found.last_error is not None
    assert (found.last_error.code, found.last_error.request_id) == ("TooManyRequestsException", "r-1")


@pytest.mark.parametrize(("fault", "hours"), [(QUOTA, 1), (TOMORROW, 24)])
def test_a_quota_is_parked_and_an_operator_is_told(
    make_worker: MakeWorker, fault: tuple[str, dict[str, Any]], hours: int, redis: Any
) -> None:
    worker = make_worker(*fault, step_deadline=0.000_001)

    with capture_logs() as logs:
        states = [tried(worker) for _ in range(3)]

    assert [found.state for found in states] == [State.WAITING] * 3
    assert due_in(redis, states[-1]) == pytest.approx(hours * 3600, abs=30)
    assert states[-1].last_error is not None
    assert states[-1].last_error.remedy.endswith(("every hour.", "tomorrow."))
    [told, *_] = [entry for entry in logs if entry["event"] == "parked: an operator must act"]
    assert (told["log_level"], told["tenant"], told["code"]) == ("warning", str(SHOP), fault[0])
    assert redis.keys("connector:holders:account creation*") == [], "others may create accounts meanwhile"


def test_what_is_parked_fails_at_its_own_deadline(make_worker: MakeWorker) -> None:
    worker = make_worker(*QUOTA, parked_deadline=0.000_001)
    tried(worker)

    assert tried(worker).state is State.FAILED


def test_an_unknown_code_is_final_with_the_raw_text(make_worker: MakeWorker) -> None:
    found = tried(make_worker("AteByDogException"))

    assert found.state is State.FAILED
    assert found.last_error is not None
    assert (found.last_error.code, found.last_error.message) == ("AteByDogException", "organizations:CreateAccount: no")


def test_waiting_for_a_place_or_a_turn_is_no_error(make_worker: MakeWorker, redis: Any) -> None:
    worker = make_worker("TooManyRequestsException", organizations_calls_per_second=1)
    worker.store.orders.submit(Order(TenantId("likvid", "blog", "aws.sandbox"), Desired(landing_zone="development")))
    [other] = worker.store.work.pump("queue", 10, LEASE, LEASE, "w")
    for place in range(5):
        worker.store.limits.enter("account creation in 111111111111", str(place), other.replication, 5)

    found = tried(worker)
    assert (found.state, found.last_error) == (State.WAITING, None)
    assert creation(found).note == "waiting for account creation in 111111111111 (0 ahead)"

    worker.store.limits.leave("account creation in 111111111111", "0", other.replication)
    tried(worker)  # AWS is asked, and calls are owed from then on
    found = tried(worker)
    assert (found.state, found.last_error) == (State.WAITING, None)
    assert creation(found).note == "waiting for Organizations calls in 111111111111"
    assert 0 < due_in(redis, found) < 15


def test_who_takes_access_away_gives_back_what_it_did_not_need_in_the_same_line(
    make_worker: MakeWorker, store: Store, redis: Any
) -> None:
    """It asks for four calls and ends at the first: whoever else takes access away waits for that one only."""
    worker = make_worker("TooManyRequestsException", identity_center_calls_per_second=1)
    group = Group("admin", "g-1", people=("alice",))
    first = store.orders.submit(Order(SHOP, Desired(landing_zone="development")))
    [dispatch] = store.work.pump("queue", 10, LEASE, LEASE, "w")
    assert store.work.begin(dispatch, "me", LEASE)
    done = StepState(name="withdraw_access", state=State.SUCCEEDED)
    handles = Handles(account_id="111111111112", groups={"mst-a": group})
    assert store.work.record(first, "me", StepRecord(0, done, State.SUCCEEDED, handles=handles))

    tried(worker)

    [rate] = redis.scan_iter("connector:rate:Identity Center calls*")
    through = float(redis.hget(rate, "through")) / 1000
    assert through - store.now().timestamp() < FIRST_GUESS - 2


def test_a_doubt_that_comes_between_two_looks_of_the_first_step_counts(
    make_worker: MakeWorker, store: Store, redis: Any
) -> None:
    """A stray call of an older replication has written meanwhile."""
    worker = make_worker("TooManyRequestsException")
    replication = store.orders.submit(Order(SHOP, Desired(landing_zone="development")))
    [dispatch] = store.work.pump("queue", 10, LEASE, LEASE, "w")
    assert store.work.begin(dispatch, "me", LEASE)
    waiting = StepState(name="withdraw_access", state=State.WAITING, started_at=datetime.now(UTC))
    assert store.work.record(replication, "me", StepRecord(0, waiting, State.WAITING, handles=Handles(doubt=None)))
    redis.hset(f"connector:replication:{replication}", "doubt", 1)

    [again] = store.work.pump("queue", 10, LEASE, LEASE, "w")
    Stretch(worker, Leases(), again).run()

    record = store.tenants.find(SHOP)
    assert record is not None
    assert record.handles.doubt is not None
    assert record.handles.doubt.since is not None
