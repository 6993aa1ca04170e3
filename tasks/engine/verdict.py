"""What becomes of a step's answer: it is done, waits, is tried again, is parked, or has failed, and what follows.

A pure function of what is known at that moment. It asks neither Redis nor the clock, logs nothing and draws nothing:
whoever calls it (`execution.py`) hands in the time and the chance, and records what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from config.settings import Settings
from tasks.errors import (
    AccountNotOurs,
    LaneFull,
    NotReady,
    Parked,
    PermanentError,
    RateReached,
    Replaced,
    SignInRefused,
    StepError,
    Stopping,
    TransientError,
)
from tasks.limits.intervals import (
    LONGEST_RETRY,
    PROBING,
    SOON,
    WITHDRAWING,
    RetryState,
    brisk_interval,
    poll_interval,
    retry_interval,
)
from tasks.model.replication import Done, LastError, State, StepState, Wait, WaitsFor
from tasks.state.masking import shown_error
from tasks.state.outcome import Begun, StepRecord
from tasks.step import Chain

Answer = Done | Wait | StepError
"""What a step returns, or what it raises."""


@dataclass(frozen=True)
class Times:
    """How long things may take, as the settings say."""

    lease: timedelta  # until the chain's next message counts as lost
    poll_interval: timedelta  # from the first answer `Wait` to the look after it
    step_deadline: timedelta  # of transient errors in a row
    parked_deadline: timedelta  # of a step that waits for a person
    wait_deadline: timedelta  # of answers `Wait` in a row

    @classmethod
    def of(cls, settings: Settings) -> Times:
        """Read them out of the settings."""
        return cls(
            lease=settings.lease,
            poll_interval=settings.poll_interval,
            step_deadline=settings.step_deadline,
            parked_deadline=settings.parked_deadline,
            wait_deadline=settings.wait_deadline,
        )


@dataclass(frozen=True)
class Moment:
    """Everything that decides what becomes of an answer, besides the answer itself."""

    chain: Chain
    index: int  # of the step
    begun: Begun
    times: Times
    began: datetime  # when this execution began
    now: datetime
    chance: float  # 0 to 1: spreads the next looks of many replications
    idle: Mapping[str, str] = field(default_factory=dict)  # steps that have nothing to do, and why
    usual: timedelta | None = None  # how long AWS usually takes for what the step waits for; None: not seen yet

    @property
    def retry_state(self) -> RetryState:
        """How the step has gone so far."""
        return RetryState.read(self.begun.retry_state)

    @property
    def looks_again(self) -> bool:
        """Whether this step comes again: a stray call of a replaced replication may undo what it does (lease.py)."""
        return self.index == 0 and self.begun.stray is not None and self.begun.stray > timedelta()

    def following(self, failed: tuple[str, ...]) -> int | None:
        """Return the step to go on with; None: nothing is left to do.

        In a replication that was asked to begin later in its chain, only some of the steps before that run.
        """
        following = self.chain.after(self.index, failed, self.idle)
        while following is not None and following < self.begun.first and not self.chain.steps[following].always:
            following = self.chain.after(following, failed, self.idle)
        return following

    def document(self, **changes: object) -> StepState:
        """Return the step's document with this execution counted; a poll after a poll is the same attempt."""
        before = self.begun.step
        polled = before.state is State.WAITING and before.last_error is None
        counted = {
            "attempts": before.attempts if polled else before.attempts + 1,
            "started_at": before.started_at or self.began,
        }
        return before.model_copy(update={**counted, "waits_for": None, **changes})

    def record(self, document: StepState, state: State) -> StepRecord:
        """Return a record that leaves what failed before as it is."""
        begun = self.begun
        return StepRecord(
            step=self.index, document=document, state=state, idle=self.idle, failed=begun.failed, error=begun.failure
        )


def undelayed(begun: Begun) -> Begun:
    """Return what is known with its deadlines later by what nobody has looked, although it was time.

    A tenant may have been paused, every worker away, or the queue long: that is no waiting for AWS or a person.
    """
    deadline = begun.step.deadline
    step = begun.step if deadline is None else begun.step.model_copy(update={"deadline": deadline + begun.late})
    retry_state = RetryState.read(begun.retry_state).later(begun.late)
    return replace(begun, step=step, retry_state=retry_state.document())


def decide(moment: Moment, answer: Answer) -> StepRecord:
    """Decide what becomes of a step's answer."""
    match answer:
        case Done() | PermanentError() if moment.looks_again:
            return _stays_beside(moment, answer)
        case Done():
            return _done(moment, answer)
        case Wait():
            return _waits(moment, answer)
        case LaneFull() | RateReached() | Stopping() | Replaced():  # nothing is wrong: others come first
            return _gives_way(moment, answer)
        case TransientError() if _may_try_again(moment, answer):
            return _tries_again(moment, answer)
        case _:
            return _fails(moment, answer)


def continued(record: StepRecord) -> int | None:
    """Return the step with which the chain's own message goes on; None: the due index has what is left to do."""
    succeeded = record.document.state is State.SUCCEEDED and record.state is State.RUNNING
    return record.following if succeeded else None


def failure(record: StepRecord, answer: Answer) -> PermanentError | None:
    """Return the error with which the step's task ends; None: the step has not failed.

    A transient error that lasted beyond the step's deadline ends it like a permanent one.
    """
    error = record.document.last_error
    if record.document.state is not State.FAILED or error is None:
        return None
    if isinstance(answer, PermanentError):
        return answer
    return PermanentError(error.code, error.message, error.request_id, error.remedy)


def _done(moment: Moment, answer: Done) -> StepRecord:
    following = moment.following(moment.begun.failed)
    ended = State.FAILED if moment.begun.failed else State.SUCCEEDED
    document = moment.document(state=State.SUCCEEDED, note=answer.note, ended_at=moment.now, last_error=None)
    return replace(
        moment.record(document, ended if following is None else State.RUNNING),
        due=timedelta() if following is None else moment.times.lease,  # the chain's own message goes on at once
        advance=True,
        following=following,
        handles=answer.handles,
    )


def _stays_beside(moment: Moment, answer: Done | PermanentError) -> StepRecord:
    """Do it again once AWS has answered the stray call, which wakes us, or whoever makes it has died."""
    if isinstance(answer, PermanentError):
        return replace(_tries_again(moment, answer), beside=True)
    note = f"{answer.note}; checks again when AWS has answered a call of the replaced replication"
    return replace(_waits(moment, Wait(answer.handles, note)), beside=True)


def _waits(moment: Moment, answer: Wait) -> StepRecord:
    deadline = None if answer.patient else moment.begun.step.deadline or moment.now + moment.times.wait_deadline
    if deadline is not None and moment.now >= deadline:
        return _fails(moment, _waited_too_long(moment, answer))
    interval = _until_next_poll(moment, answer) if answer.retry_in is None else answer.retry_in
    document = moment.document(
        state=State.WAITING, note=answer.note, last_error=None, deadline=deadline, waits_for=answer.waits_for
    )
    return replace(
        moment.record(document, State.WAITING),
        parked=answer.waits_for is WaitsFor.PERSON,
        due=interval,
        handles=answer.handles,
        retry_state=moment.retry_state.polled(interval, answer.since).document(),
        polls=True,
    )


def _waited_too_long(moment: Moment, answer: Wait) -> PermanentError:
    hours = moment.times.wait_deadline / timedelta(hours=1)
    remedy = (
        "Check its state in AWS and fix it, then retry. If it usually needs longer, raise "
        "CONNECTOR_WAIT_DEADLINE_SECONDS."
    )
    return PermanentError("WaitedTooLong", f"not finished after {hours:g} hours: {answer.note}", remedy=remedy)


def _until_next_poll(moment: Moment, answer: Wait) -> timedelta:
    first = moment.times.poll_interval
    if not answer.since:
        return poll_interval(first, moment.retry_state, moment.chance)
    return brisk_interval(first, answer.since, moment.usual, moment.now, moment.chance)


def _gives_way(moment: Moment, error: LaneFull | RateReached | Stopping | Replaced) -> StepRecord:
    """Wait for a place, for our turn, or for another worker; how the step has gone so far stays as it was."""
    document = moment.document(state=State.WAITING, note=error.message, last_error=None, waits_for=_reason(error))
    record = replace(moment.record(document, State.WAITING), retry_state=moment.begun.retry_state, let_in=False)
    match error:
        case LaneFull():  # AWS works on nothing of ours: the next answer `Wait` is the first one again
            unlimited = document.model_copy(update={"deadline": None})
            return replace(record, document=unlimited, lane=error.lane)
        case RateReached():
            return replace(record, due=timedelta(seconds=error.seconds))
        case Stopping() | Replaced():
            return record


def _reason(error: LaneFull | RateReached | Stopping | Replaced) -> WaitsFor:
    match error:
        case LaneFull():
            return WaitsFor.PLACE
        case RateReached():
            return WaitsFor.TURN
        case Stopping() | Replaced():
            return WaitsFor.WORKER


def _may_try_again(moment: Moment, error: TransientError) -> bool:
    failed = _after(moment, error)
    if isinstance(error, Parked):
        return failed.parked_for(moment.now) < moment.times.parked_deadline
    return failed.failing_for(moment.now) < moment.times.step_deadline


def _after(moment: Moment, error: StepError) -> RetryState:
    before = moment.retry_state
    return before.parked(moment.now) if isinstance(error, Parked) else before.failed(moment.now)


def _tries_again(moment: Moment, error: StepError) -> StepRecord:
    shown, parked = shown_error(error), isinstance(error, Parked)
    deadline = None if parked else moment.begun.step.deadline  # for a person it does not count
    reason = WaitsFor.PERSON if parked else WaitsFor.RETRY
    document = moment.document(
        state=State.WAITING, note=str(error), last_error=shown, deadline=deadline, waits_for=reason
    )
    return replace(
        moment.record(document, State.WAITING),
        again=parked and _is_same(moment.begun.step, shown),
        due=retry_interval(moment.retry_state, error.retry_after, moment.chance, _longest_retry(moment, error)),
        retry_state=_after(moment, error).document(),
        error=moment.begun.failure or shown,
        parked=parked,
        let_in=parked,  # of what is not parked nobody knows whether AWS has let us in
        gate=error.gate if isinstance(error, Parked) else None,
    )


def _is_same(before: StepState, error: LastError) -> bool:
    """Tell whether a step waits for a person for the same as before."""
    known = before.last_error.code if before.last_error is not None else None
    return before.waits_for is WaitsFor.PERSON and known == error.code


def _longest_retry(moment: Moment, error: StepError) -> timedelta:
    if isinstance(error, SignInRefused):
        return PROBING
    if moment.index == 0:
        return WITHDRAWING
    return SOON if isinstance(error, NotReady) else LONGEST_RETRY


def _fails(moment: Moment, error: StepError) -> StepRecord:
    """End the replication, or go on with the steps that do not need this one."""
    failed = (*moment.begun.failed, moment.chain.steps[moment.index].name)
    following = None if isinstance(error, AccountNotOurs) else moment.following(failed)
    shown = shown_error(error)
    document = moment.document(state=State.FAILED, note=str(error), last_error=shown, ended_at=moment.now)
    return replace(
        moment.record(document, State.FAILED if following is None else State.RUNNING),
        advance=following is not None,
        following=following,
        failed=failed,
        error=moment.begun.failure or shown,
        let_in=not isinstance(error, TransientError),  # one that is refused until its deadline opens no gate
    )
