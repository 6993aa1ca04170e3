"""What a person with every right does in AWS between two replications."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.tasks.steps.world import World


@contextmanager
def by_hand(world: World) -> Iterator[None]:
    """Allow everything to every role for the length of the block."""
    before = world.simulator.options()["enforce_policies"]
    world.simulator.set_options(enforce_policies=False)
    yield
    world.simulator.set_options(enforce_policies=before)
