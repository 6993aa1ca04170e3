"""Failures: collected, then raised together; Superseded stops at once."""

from __future__ import annotations

import pytest

from tasks.errors import AccessDenied, NotFound, PermanentError, Superseded, Throttled
from tasks.permissions.collected_failures import Failures


def collected(*errors: Exception) -> Failures:
    failures = Failures()
    for error in errors:
        with failures.collected():
            raise error
    return failures


def test_nothing_collected_raises_nothing() -> None:
    collected().reraise()


def test_a_transient_error_goes_first_so_that_the_step_is_tried_again() -> None:
    with pytest.raises(Throttled):
        collected(NotFound("Gone", "gone"), Throttled("Slow", "slow")).reraise()


def test_permanent_errors_are_told_together_under_the_first_ones_code() -> None:
    first = AccessDenied("Denied", "a is denied", "r-1", "allow it")

    with pytest.raises(AccessDenied) as caught:
        collected(first, NotFound("Gone", "b is gone"), NotFound("Gone", "b is gone")).reraise()

    error = caught.value
    assert (error.code, error.message) == ("Denied", "a is denied; b is gone")
    assert (error.request_id, error.remedy) == ("r-1", "allow it")


def test_one_error_is_raised_as_it_is() -> None:
    error = PermanentError("X", "x")

    with pytest.raises(PermanentError) as caught:
        collected(error).reraise()

    assert caught.value is error


def test_superseded_is_never_collected() -> None:
    with pytest.raises(Superseded):
        collected(Superseded("r"))
