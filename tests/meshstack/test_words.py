"""What people are told: every step has a name, and every message fits."""

from __future__ import annotations

from tasks.chain import CHAINS
from tasks.model.replication import LastError
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
