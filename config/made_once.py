"""Things of which a process has one, whichever of its threads asks first."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def made_once(make: Callable[P, R]) -> Callable[P, R]:
    """Keep what a function answers, as functools.cache does, and let threads that ask at once wait for one answer.

    `cache` alone would make one for each of them, and whoever is to close it would know of the last one only.
    """
    made: Callable[..., R] = cache(make)
    making = RLock()

    @wraps(make)
    def one(*args: P.args, **kwargs: P.kwargs) -> R:
        with making:
            return made(*args, **kwargs)

    return one
