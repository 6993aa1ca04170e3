"""The order of the steps: every name is a step that exists, and needs only what comes before it."""

from __future__ import annotations

from pathlib import Path

import pytest

import tasks.steps
from tasks.chain import CHAINS
from tasks.step import Chain, Step
from tasks.steps import function_of


@pytest.mark.parametrize("chain", CHAINS.values(), ids=lambda chain: chain.name)
def test_every_name_is_the_function_of_a_file(chain: Chain) -> None:
    assert [function_of(step).__name__ for step in chain.steps] == [step.name for step in chain.steps]


def test_every_file_is_a_step_of_a_chain() -> None:
    files = {path.stem for path in Path(tasks.steps.__path__[0]).glob("*.py")} - {"__init__"}
    assert files == {step.name for chain in CHAINS.values() for step in chain.steps}


def test_a_step_needs_only_what_comes_before_it() -> None:
    with pytest.raises(ValueError, match="a needs b, which does not come before it"):
        Chain("wrong", (Step("a", needs=("b",)), Step("b")))
