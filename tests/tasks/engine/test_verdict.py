"""What becomes of a step's answer: one table, a row for each way, and everything that is recorded then."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from config.settings import Settings
from tasks.engine.verdict import Answer, Moment, Times, continued, decide, failure, undelayed
from tasks.errors import (
    AccessDenied,
    LaneFull,
    Parked,
    PermanentError,
    RateReached,
    Stopping,
    Throttled,
    TransientError,
    Unanswered,
)
from tasks.limits.intervals import RetryState
from tasks.model.desired import Desired
from tasks.model.handles import Handles
from tasks.model.replication import Done, LastError, State, StepState, Wait, WaitsFor
from tasks.state.masking import shown_error
from tasks.state.outcome import Begun, StepRecord
from tasks.step import Chain, Step

CHAIN = Chain("chain", (Step("needed"), Step("free"), Step("needing", needs=("needed",)), Step("last")))
NEEDED, FREE, NEEDING, LAST = range(4)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
BEGAN = NOW - timedelta(seconds=2)
BEFORE = NOW - timedelta(minutes=10)  # when an earlier execution of the step began
SECOND = timedelta(seconds=1)
TIMES = Times(
    lease=60 * SECOND,
    poll_interval=4 * SECOND,
    step_deadline=timedelta(hours=1),
    parked_deadline=timedelta(days=7),
    wait_deadline=timedelta(hours=2),
)
GIVEN = Handles(account_id="600000000001")
KNOWN = Handles(email="a@example.com")
THROTTLED = Throttled("TooManyRequestsException", "slow down", "r-1")
ASKED = Throttled("TooManyRequestsException", "slow down", "r-1", retry_after=30)
QUOTA = Parked("QUOTA", "no more accounts", "r-2", "Raise it.", retry_after=3600)
DENIED = AccessDenied("AccessDenied", "not you", "r-3")
OLDER = LastError(code="Older", message="an earlier step's", remedy="Mend it.")

NO_RETRY_STATE = RetryState().document()
FAILING = RetryState(failures=1, failing_since=NOW.isoformat()).document()


def failing(failures: int, since: timedelta) -> dict[str, Any]:
    """Return the retry state of a step that has failed so often, for that long."""
    return RetryState(failures=failures, failing_since=(NOW - since).isoformat()).document()


def parked(failures: int, since: timedelta) -> dict[str, Any]:
    """Return the retry state of a step that was parked first that long ago, and has failed so often."""
    return RetryState(failures=failures, parked_since=(NOW - since).isoformat()).document()


def at(index: int = NEEDED, *, step: dict[str, Any] | None = None, **changes: Any) -> Moment:
    """Return a moment in which a step of the chain answers; what `begin` gave, and the rest, may be changed."""
    begun = Begun(
        Desired(landing_zone="zone"), KNOWN, StepState(name=CHAIN.steps[index].name), NO_RETRY_STATE, BEFORE, NOW
    )
    given = {
        name: changes.pop(name) for name in ("retry_state", "failed", "error", "first", "stray") if name in changes
    }
    begun = replace(begun, step=begun.step.model_copy(update=step or {}), **given)
    return replace(Moment(CHAIN, index, begun, TIMES, BEGAN, NOW, chance=1.0), **changes)


AS_NOTHING = {  # of a first execution that nothing is said of
    "state": State.WAITING,
    "due": timedelta(),
    "advance": False,
    "following": None,
    "idle": {},
    "failed": (),
    "handles": None,
    "retry_state": None,
    "error": None,
    "lane": None,
    "parked": False,
    "polls": False,
    "beside": False,
    "continued": None,
    "failure": None,
    "step": State.WAITING,
    "attempts": 1,
    "started_at": BEGAN,
    "ended_at": None,
    "last_error": None,
    "deadline": None,
}


SHOWN = ("note", "attempts", "started_at", "ended_at", "last_error", "deadline")


def everything(record: StepRecord, answer: Answer) -> dict[str, Any]:
    """Return what is recorded, and what the task does then."""
    document, raised = record.document, failure(record, answer)
    told = {name: getattr(record, name) for name in AS_NOTHING if hasattr(record, name)}
    shown = {name: getattr(document, name) for name in SHOWN}
    what = None if raised is None else (type(raised), str(raised))
    return {**told, **shown, "step": document.state, "continued": continued(record), "failure": what}


SUCCEEDED: dict[str, Any] = {
    "step": State.SUCCEEDED,
    "note": "made",
    "ended_at": NOW,
    "advance": True,
    "handles": GIVEN,
}
IDLE = {"free": "the platform has none", "needing": "nothing is configured"}
GOES_ON_WITH_LAST = {**SUCCEEDED, "state": State.RUNNING, "following": LAST, "due": TIMES.lease, "continued": LAST}
WAITS: dict[str, Any] = {
    "note": "AWS works",
    "handles": GIVEN,
    "polls": True,
    "deadline": NOW + TIMES.wait_deadline,
}
RETRIED: dict[str, Any] = {
    "note": str(THROTTLED),
    "last_error": shown_error(THROTTLED),
    "error": shown_error(THROTTLED),
}
PARKED: dict[str, Any] = {"note": str(QUOTA), "last_error": shown_error(QUOTA), "error": shown_error(QUOTA)}
FAILED: dict[str, Any] = {
    "step": State.FAILED,
    "ended_at": NOW,
    "note": str(DENIED),
    "last_error": shown_error(DENIED),
    "error": shown_error(DENIED),
    "failure": (AccessDenied, str(DENIED)),
}
GIVEN_UP = {"step": State.FAILED, "ended_at": NOW}


def polled(polls: int, interval: float, working: tuple[str, ...] = ()) -> dict[str, Any]:
    return RetryState(polls=polls, working=working, interval=interval).document()


YEAR_OF_POLLS = polled(1000, 16)
MINUTE_AGO, TEN_AGO = NOW - timedelta(minutes=1), NOW - timedelta(minutes=10)
HELD = {"state": State.WAITING, "attempts": 3, "started_at": BEFORE}  # the step's document after an answer Wait
TRIED = {**HELD, "last_error": shown_error(THROTTLED)}  # and after an error

LONG_AGO = NOW - timedelta(days=6)
LATE = {"state": State.WAITING, "attempts": 3, "started_at": LONG_AGO, "deadline": NOW}
TOO_LONG = PermanentError(
    "WaitedTooLong",
    "not finished after 2 hours: AWS works",
    remedy=(
        "Check its state in AWS and fix it, then retry. If it usually needs longer, raise "
        "CONNECTOR_WAIT_DEADLINE_SECONDS."
    ),
)

CASES: dict[str, tuple[Moment, Answer, dict[str, Any]]] = {
    "a step that waits for too long fails": (
        *(at(LAST, step=LATE), Wait(GIVEN, "AWS works")),
        {
            **GIVEN_UP,
            "state": State.FAILED,
            "failed": ("last",),
            "attempts": 3,
            "started_at": LATE["started_at"],
            "deadline": NOW,
            "note": str(TOO_LONG),
            "last_error": shown_error(TOO_LONG),
            "error": shown_error(TOO_LONG),
            "failure": (PermanentError, str(TOO_LONG)),
        },
    ),
    "a step that waits for a person waits on": (
        *(at(LAST, step=LATE), Wait(GIVEN, "AWS works", SECOND, waits_for=WaitsFor.QUOTA)),
        {
            **WAITS,
            "attempts": 3,
            "started_at": LATE["started_at"],
            "deadline": None,
            "due": SECOND,
            "retry_state": polled(1, 1),
        },
    ),
    "what AWS begins after days in line has all the time there is": (
        *(at(step={**HELD, "started_at": LONG_AGO}), Wait(GIVEN, "AWS works", SECOND)),
        {**WAITS, "attempts": 3, "started_at": LONG_AGO, "due": SECOND, "retry_state": polled(1, 1)},
    ),
    "an error between two polls gives no more time": (
        *(at(step={**LATE, "deadline": NOW + SECOND}), THROTTLED),
        {
            **RETRIED,
            "due": SECOND,
            "attempts": 3,
            "started_at": LONG_AGO,
            "deadline": NOW + SECOND,
            "retry_state": FAILING,
        },
    ),
    "a replication from a later step on skips what is before it": (
        *(at(NEEDED, first=NEEDING), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.RUNNING, "following": NEEDING, "due": TIMES.lease, "continued": NEEDING},
    ),
    # beside a stray call
    "the first step comes again as long as a call of the replaced replication runs": (
        *(at(NEEDED, stray=SECOND), Done(GIVEN, "made")),
        {
            **WAITS,
            "note": "made; checks again when AWS has answered a call of the replaced replication",
            "due": TIMES.poll_interval,
            "retry_state": polled(1, 4),
            "beside": True,
        },
    ),
    "also when it has failed for good": (
        *(at(NEEDED, stray=SECOND), DENIED),
        {
            "note": str(DENIED),
            "last_error": shown_error(DENIED),
            "error": shown_error(DENIED),
            "due": SECOND,
            "retry_state": FAILING,
            "beside": True,
        },
    ),
    "not any more once that call has ended": (
        *(at(NEEDED, stray=-SECOND), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.RUNNING, "following": FREE, "due": TIMES.lease, "continued": FREE},
    ),
    "nor does a later step, of a replication that nobody knew to have a rival": (
        *(at(LAST, stray=SECOND), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.SUCCEEDED},
    ),
    # done
    "the chain goes on": (
        *(at(NEEDED), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.RUNNING, "following": FREE, "due": TIMES.lease, "continued": FREE},
    ),
    "the last step": (at(LAST), Done(GIVEN, "made"), {**SUCCEEDED, "state": State.SUCCEEDED}),
    "the chain goes on after a step that cannot run": (
        *(at(FREE, failed=("needed",), error=OLDER), Done(GIVEN, "made")),
        {**GOES_ON_WITH_LAST, "failed": ("needed",), "error": OLDER},
    ),
    "the chain goes on after steps that have nothing to do": (
        *(at(NEEDED, idle=IDLE), Done(GIVEN, "made")),
        {**GOES_ON_WITH_LAST, "idle": IDLE},
    ),
    "nothing is left but what has nothing to do": (
        *(at(NEEDING, idle={"last": "nothing"}), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.SUCCEEDED, "idle": {"last": "nothing"}},
    ),
    "the last step after a failure": (
        *(at(LAST, failed=("free",), error=OLDER), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.FAILED, "failed": ("free",), "error": OLDER},
    ),
    "done after an error": (
        *(at(LAST, step=TRIED, retry_state=failing(2, SECOND), error=OLDER), Done(GIVEN, "made")),
        {**SUCCEEDED, "state": State.SUCCEEDED, "attempts": 4, "started_at": BEFORE},
    ),
    # waits
    "the first poll": (
        *(at(), Wait(GIVEN, "AWS works")),
        {**WAITS, "due": TIMES.poll_interval, "retry_state": polled(1, 4)},
    ),
    "spread by chance": (
        *(at(chance=0.0), Wait(GIVEN, "AWS works")),
        {**WAITS, "due": 0.75 * TIMES.poll_interval, "retry_state": polled(1, 3)},
    ),
    "a poll after a poll is the same attempt, and comes later": (
        *(at(step=HELD, retry_state=polled(1, 4)), Wait(GIVEN, "AWS works")),
        {**WAITS, "due": 6 * SECOND, "retry_state": polled(2, 6), "attempts": 3, "started_at": BEFORE},
    ),
    "never later than four times the first": (
        *(at(step=HELD, retry_state=YEAR_OF_POLLS), Wait(GIVEN, "AWS works")),
        {**WAITS, "due": 16 * SECOND, "retry_state": polled(1001, 16), "attempts": 3, "started_at": BEFORE},
    ),
    "a poll after an error is a new attempt, and the errors are over": (
        *(at(step=TRIED, retry_state=failing(5, SECOND)), Wait(GIVEN, "AWS works")),
        {**WAITS, "due": TIMES.poll_interval, "retry_state": polled(1, 4), "attempts": 4, "started_at": BEFORE},
    ),
    "the step says when": (
        *(at(chance=0.0), Wait(GIVEN, "AWS works", timedelta(minutes=7))),
        {**WAITS, "due": timedelta(minutes=7), "retry_state": polled(1, 420)},
    ),
    "at once": (at(), Wait(GIVEN, "AWS works", timedelta()), {**WAITS, "retry_state": polled(1, 0)}),
    "others wait for it, and nobody knows how long it takes": (
        *(at(), Wait(GIVEN, "AWS works", since=(NOW,))),
        {**WAITS, "due": TIMES.poll_interval, "retry_state": polled(1, 4, (NOW.isoformat(),))},
    ),
    "others wait for it: when it usually ends": (
        *(at(usual=10 * SECOND), Wait(GIVEN, "AWS works", since=(NOW - 3 * SECOND,))),
        {**WAITS, "due": 7 * SECOND, "retry_state": polled(1, 7, ((NOW - 3 * SECOND).isoformat(),))},
    ),
    "others wait for the first of several": (
        *(at(usual=10 * SECOND), Wait(GIVEN, "AWS works", since=(NOW, NOW - 8 * SECOND))),
        {**WAITS, "due": 2 * SECOND, "retry_state": polled(1, 2, (NOW.isoformat(), (NOW - 8 * SECOND).isoformat()))},
    ),
    "waits after a failure of another step": (
        *(at(FREE, failed=("needed",), error=OLDER), Wait(GIVEN, "AWS works")),
        {**WAITS, "due": TIMES.poll_interval, "retry_state": polled(1, 4), "failed": ("needed",), "error": OLDER},
    ),
    # gives way
    "in line again: what AWS did before has ended": (
        *(at(step=LATE), LaneFull("account creation")),
        {
            "lane": "account creation",
            "retry_state": NO_RETRY_STATE,
            "note": "waiting for account creation",
            "attempts": 3,
            "started_at": LONG_AGO,
        },
    ),
    "no place in a lane": (
        *(at(retry_state=FAILING), LaneFull("account creation")),
        {
            "lane": "account creation",
            "retry_state": FAILING,
            "note": "waiting for account creation",
        },
    ),
    "no turn at a rate": (
        *(at(retry_state=FAILING), RateReached("Organizations calls", 2.5)),
        {"due": timedelta(seconds=2.5), "retry_state": FAILING, "note": "waiting for Organizations calls"},
    ),
    "the worker ends": (
        *(at(retry_state=FAILING), Stopping()),
        {"retry_state": FAILING, "note": "this worker is stopping, another one continues"},
    ),
    "gives way after an error: that is not shown any more": (
        *(at(step=TRIED, retry_state=FAILING, error=OLDER), Stopping()),
        {
            "retry_state": FAILING,
            "note": "this worker is stopping, another one continues",
            "attempts": 4,
            "started_at": BEFORE,
        },
    ),
    "gives way after a failure of another step": (
        *(at(FREE, failed=("needed",), error=OLDER), LaneFull("lane")),
        {
            "lane": "lane",
            "retry_state": NO_RETRY_STATE,
            "note": "waiting for lane",
            "failed": ("needed",),
            "error": OLDER,
        },
    ),
    # tries again
    "the first error": (at(), THROTTLED, {**RETRIED, "due": SECOND, "retry_state": FAILING}),
    "the first error, spread by chance": (
        *(at(chance=0.0), THROTTLED),
        {**RETRIED, "due": 0.5 * SECOND, "retry_state": FAILING},
    ),
    "an error after errors comes later, and is one more attempt": (
        *(at(FREE, step=TRIED, retry_state=failing(3, timedelta(minutes=1))), THROTTLED),
        {
            **RETRIED,
            "due": 8 * SECOND,
            "attempts": 4,
            "started_at": BEFORE,
            "retry_state": failing(4, timedelta(minutes=1)),
        },
    ),
    "the first step comes again soon, for somebody may have to go": (
        *(at(retry_state=failing(9, timedelta(minutes=1))), THROTTLED),
        {**RETRIED, "due": 2 * SECOND, "retry_state": failing(10, timedelta(minutes=1))},
    ),
    "an error after polls is a new beginning": (
        *(at(step=HELD, retry_state=polled(7, 16)), THROTTLED),
        {
            **RETRIED,
            "due": SECOND,
            "attempts": 3,
            "started_at": BEFORE,
            "retry_state": {**polled(7, 16), "failures": 1, "failing_since": NOW.isoformat()},
        },
    ),
    "AWS says when": (at(), ASKED, {**RETRIED, "due": 30 * SECOND, "retry_state": FAILING}),
    "a moment before the deadline": (
        *(at(FREE, retry_state=failing(9, TIMES.step_deadline - SECOND)), THROTTLED),
        {**RETRIED, "due": timedelta(minutes=2), "retry_state": failing(10, TIMES.step_deadline - SECOND)},
    ),
    "tried again after a failure of another step": (
        *(at(FREE, failed=("needed",), error=OLDER), THROTTLED),
        {**RETRIED, "due": SECOND, "retry_state": FAILING, "failed": ("needed",), "error": OLDER},
    ),
    "tried again where only the last try has an error": (
        *(at(error=OLDER), THROTTLED),
        {**RETRIED, "due": SECOND, "retry_state": FAILING},
    ),
    "parked": (
        *(at(step=LATE, retry_state=failing(3, TIMES.step_deadline)), QUOTA),
        {
            **PARKED,
            "due": timedelta(hours=1),
            "retry_state": parked(4, timedelta()),
            "parked": True,
            "attempts": 3,
            "started_at": LONG_AGO,
        },
    ),
    "parked for longer than other errors may last": (
        *(at(retry_state=parked(9, TIMES.parked_deadline - SECOND)), QUOTA),
        {
            **PARKED,
            "due": timedelta(hours=1),
            "parked": True,
            "retry_state": parked(10, TIMES.parked_deadline - SECOND),
        },
    ),
    "another error while it is parked ends nothing": (
        *(at(retry_state=parked(0, TIMES.step_deadline)), THROTTLED),
        {
            **RETRIED,
            "due": SECOND,
            "retry_state": {**parked(1, TIMES.step_deadline), "failing_since": NOW.isoformat()},
        },
    ),
    # fails
    "a step that others need": (
        *(at(NEEDED), DENIED),
        {**FAILED, "state": State.RUNNING, "advance": True, "following": FREE, "failed": ("needed",)},
    ),
    "a step that none needs": (
        *(at(FREE), DENIED),
        {**FAILED, "state": State.RUNNING, "advance": True, "following": NEEDING, "failed": ("free",)},
    ),
    "the last step fails": (at(LAST), DENIED, {**FAILED, "state": State.FAILED, "failed": ("last",)}),
    "the last that can run": (
        *(at(NEEDING, failed=("last",), error=OLDER), DENIED),
        {**FAILED, "state": State.FAILED, "failed": ("last", "needing"), "error": OLDER},
    ),
    "the first failure is the one that is shown": (
        *(at(FREE, failed=("needed",), error=OLDER), DENIED),
        {
            **FAILED,
            "state": State.RUNNING,
            "advance": True,
            "following": LAST,
            "failed": ("needed", "free"),
            "error": OLDER,
        },
    ),
    "after polls it is the same attempt": (
        *(at(LAST, step=HELD, retry_state=polled(3, 9)), DENIED),
        {**FAILED, "state": State.FAILED, "failed": ("last",), "attempts": 3, "started_at": BEFORE},
    ),
    "a transient error at the deadline": (
        *(at(LAST, retry_state=failing(9, TIMES.step_deadline)), THROTTLED),
        {
            **RETRIED,
            **GIVEN_UP,
            "state": State.FAILED,
            "failed": ("last",),
            "failure": (PermanentError, str(THROTTLED)),
        },
    ),
    "parked until its own deadline": (
        *(at(LAST, retry_state=parked(9, TIMES.parked_deadline)), QUOTA),
        {**PARKED, **GIVEN_UP, "state": State.FAILED, "failed": ("last",), "failure": (PermanentError, str(QUOTA))},
    ),
}


@pytest.mark.parametrize(("moment", "answer", "recorded"), CASES.values(), ids=CASES)
def test_what_becomes_of_an_answer(moment: Moment, answer: Answer, recorded: dict[str, Any]) -> None:
    assert everything(decide(moment, answer), answer) == {**AS_NOTHING, **recorded}


@pytest.mark.parametrize("error", [THROTTLED, QUOTA, Unanswered("Lost", "nobody knows"), TransientError("x", "y")])
def test_no_deadline_leaves_no_second_try(error: TransientError) -> None:
    """The deadline counts from the first error; one of no length at all is over with it."""
    moment = at(LAST, times=replace(TIMES, step_deadline=timedelta(), parked_deadline=timedelta()))

    assert decide(moment, error).document.state is State.FAILED


def test_what_runs_always_is_not_skipped_by_a_replication_from_a_later_step_on() -> None:
    chain = Chain("proven", (Step("takes"), Step("makes"), Step("proves", always=True), Step("tags"), Step("last")))
    moments = [replace(at(0, first=4), chain=chain, index=index) for index in (0, 2)]

    assert [decide(moment, Done(GIVEN, "done")).following for moment in moments] == [2, 4]


def test_deciding_changes_nothing_that_was_handed_in() -> None:
    for moment, answer, _ in CASES.values():
        before = repr((moment, answer))
        assert decide(moment, answer) == decide(moment, answer)
        assert repr((moment, answer)) == before


def test_the_times_are_those_of_the_settings() -> None:
    settings = Settings(_env_file=None)

    assert Times.of(settings) == Times(
        settings.lease, settings.poll_interval, settings.step_deadline, settings.parked_deadline, settings.wait_deadline
    )


def test_time_in_which_nobody_looked_is_no_waiting() -> None:
    """The tenant was paused, or no worker was there."""
    late, hour = timedelta(hours=5), timedelta(hours=1)
    waiting = replace(at(step=LATE).begun, late=late)
    failing_ = replace(at(retry_state=failing(3, late)).begun, late=late)
    parked_ = replace(at(retry_state=parked(3, 7 * timedelta(days=1))).begun, late=late)

    assert undelayed(waiting).step.deadline == NOW + late
    assert decide(at(begun=undelayed(waiting)), Wait(GIVEN, "AWS works")).document.state is State.WAITING
    assert decide(at(begun=undelayed(failing_)), THROTTLED).document.state is State.WAITING
    assert decide(at(begun=undelayed(parked_)), QUOTA).document.state is State.WAITING
    assert undelayed(at().begun) == at().begun
    assert decide(at(begun=undelayed(replace(waiting, late=-hour))), Wait(GIVEN, "x")).document.state is State.FAILED
