"""What people are told: every step has a name, and every message fits."""

from __future__ import annotations

from datetime import UTC, datetime

from tasks.chain import CHAINS, DELETION
from tasks.model.replication import LastError, Replication, State, StepState, WaitsFor
from workers.runner import words
from workers.runner.record import Status
from workers.runner.report import of_replication
from workers.runner.words import LONGEST, STEP_NAMES, error_message


def test_every_step_has_a_name_that_people_understand() -> None:
    steps = {step.name for chain in CHAINS.values() for step in chain.steps}
    assert STEP_NAMES.keys() == steps
    assert len(set(STEP_NAMES.values())) == len(steps)
    assert [name for name in STEP_NAMES.values() if "_" in name or not name[0].isupper()] == []


def test_of_a_long_error_code_request_id_and_remedy_stay() -> None:
    error = LastError(code="Denied", message="long " * 300, request_id="req-1", remedy="Do this. " * 100)
    said = error_message(error)
    assert len(said) <= LONGEST
    assert said.startswith("Denied: long")
    assert "(AWS request id req-1). What to do: Do this." in said


def test_a_step_that_was_skipped_in_a_success_has_not_failed() -> None:
    """Somebody began with a later step, so those before it were not run; no step in a success says that one failed."""
    first, *rest = (StepState(name=step.name, state=State.SUCCEEDED) for step in DELETION.steps)
    skipped = first.model_copy(update={"state": State.CANCELLED, "note": "skipped: it was to begin with close_account"})
    now = datetime.now(UTC)

    def shown(state: State) -> tuple[Status, str | None]:
        replication = Replication(id="r", tenant="a.b.c.d", state=state, steps=[skipped, *rest], requested_at=now)
        step = of_replication(replication)[0]
        return step.status, step.user

    assert shown(State.SUCCEEDED) == (Status.SUCCEEDED, words.NOTHING_TO_DO)
    assert shown(State.FAILED) == (Status.FAILED, words.NOT_DONE)


def test_only_a_limit_is_told_as_one() -> None:
    """A step may wait for AWS or a vending machine, and its note say so: that is nobody's turn."""

    def told(note: str, waits_for: WaitsFor) -> str | None:
        step = StepState(name=DELETION.steps[0].name, state=State.WAITING, note=note, waits_for=waits_for)
        replication = Replication(
            id="r", tenant="a.b.c.d", state=State.WAITING, steps=[step], requested_at=datetime.now(UTC)
        )
        return of_replication(replication)[0].user

    vending = "waiting for the vending machine to tag the account Stage=shop"
    assert told(vending, WaitsFor.AWS) == vending
    assert told("waiting for a StackSet (3 ahead)", WaitsFor.PLACE) == f"{words.LIMITED}: 3 ahead."
    assert told("waiting for Identity Center calls", WaitsFor.TURN) == f"{words.LIMITED}."
