"""Every write of tasks/aws/actions.py has all that belongs to it: a planned write, a sentence, faults, a remedy.

The fault matrix has the rest: it fails when none of its scenarios reaches a write (tests/faults/matrix/choice.py).
"""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from config.catalog import load_catalog
from tasks.aws.actions import OPERATIONS, Kind, Operation
from tasks.aws.fault_table import BY_SERVICE, EVERY_SERVICE, THROTTLING
from tasks.aws.planning import planned_writes
from tasks.aws.scim_client import CODES, SERVICE
from tasks.model.call import Intent
from tasks.questions.plan_sentences import BRIEFLY, SENTENCES, sent
from workers.examples import EXAMPLES

ROWS = {(each.service, each.method): each for each in OPERATIONS if each.kind is Kind.WRITE}


def codes(operation: Operation) -> set[str]:
    """Return the error codes that AWS documents for an operation."""
    if operation.service == SERVICE:
        return set(CODES.values())
    model = botocore.session.get_session().get_service_model(operation.service).operation_model(operation.name)
    return {str(shape.metadata.get("error", {}).get("code") or shape.name) for shape in model.error_shapes}


def test_every_write_is_planned_and_nothing_else() -> None:
    assert set(planned_writes.WRITES) == set(ROWS)


def test_every_write_has_its_sentence_and_nothing_else_has() -> None:
    assert set(SENTENCES) == set(ROWS)
    assert set(BRIEFLY) < set(SENTENCES)


@pytest.mark.parametrize(
    "arguments", [{}, {"Tags": [7], "Operations": "x", "Members": None, "PolicyDocument": [None]}], ids=str
)
def test_a_sentence_keeps_no_call_from_being_sent(arguments: dict[str, Any]) -> None:
    platform = load_catalog([EXAMPLES / "config"], secrets=False).platforms["aws.sandbox"]
    for service, method in [*ROWS, ("iam", "a_call_of_tomorrow")]:
        said = sent(Intent(service, method, None, arguments), {}, platform)
        assert said is None or said


@pytest.mark.parametrize("operation", ROWS.values(), ids=[f"{service}:{method}" for service, method in ROWS])
def test_every_error_of_a_write_is_in_the_fault_table(operation: Operation) -> None:
    known = {code for service, code in BY_SERVICE if service == operation.service} | set(EVERY_SERVICE)

    assert codes(operation) - known == set()
    assert codes(operation) - THROTTLING, "AWS documents no error of this write: look it up and add its codes"
