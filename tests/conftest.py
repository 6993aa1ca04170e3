"""How all tests are run: side by side, and the longest first, so that no core waits for one at the end.

After each of them the keys in its Redis are compared with the table of keys (`tests/support/redis.py`).
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import structlog
from _pytest.doctest import DoctestModule
from botocore.loaders import create_loader
from hypothesis import HealthCheck, settings

from tests.support.compiling import compile_changed
from tests.support.composed import share_composed
from tests.support.forked_worker import python_of_worker
from tests.support.nursery import SELDOM, share
from tests.support.redis import known_keys  # noqa: F401 (a fixture of every test: pytest finds it here)

FIRST = (  # a minute or more
    "tests/tasks/engine/test_replication",
    "tests/faults/test_withdrawal",
    "tests/faults/test_limits",
    "tests/meshstack/test_disturbances",
    "tests/workers/cli/installation/test_bootstrap_apply",
    "tests/workers/cli/test_demo",
)
LONGEST = (
    "tests/faults/",
    "tests/meshstack/test_whole",
    "tests/workers/api/pages/test_browser",
    "tests/tasks/engine/test_proofs",
    "tests/tasks/daily/",
    "tests/tasks/orders/",
    "tests/tasks/questions/",
    "tests/tasks/steps/test_late_visibility",
    "tests/properties/",
    "tests/security/",
    "tests/manual/",
    "tests/workers/test_",
    "tests/workers/api/test_serve",
)

# How long an example takes says on a busy machine how busy it is, and nothing of the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


class FewDoctests:
    """Looks for examples in docstrings where a file has some: to look into all took a tenth of the collection."""

    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(self, file_path: Path) -> Generator[None, list[Any], list[Any]]:
        """Leave out what would find none."""
        found = yield
        if file_path.suffix != ".py" or b">>> " in file_path.read_bytes():
            return found
        return [each for each in found if not isinstance(each, DoctestModule)]


def pytest_configure(config: pytest.Config) -> None:
    """Let processes end with Ctrl-C, show traces in logs as Python does, and read models and documents once.

    Whoever runs tests in the background of a shell ignores the signal, and so would every process that they start.
    structlog's own way to show traces, with source and variables, takes a second each. Each session of the SDK would
    read AWS's models anew, so all share one reader.
    """
    config.pluginmanager.register(FewDoctests())  # beside a conftest.py it sees all folders
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    *before, _ = structlog.get_config()["processors"]
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, renderer])
    botocore.session.create_loader = cache(create_loader)
    share_composed()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Do once what each worker of xdist would do: they are about to start."""
    if session.config.getoption("numprocesses"):
        share()
        compile_changed()


def pytest_xdist_setupnodes(specs: list[Any]) -> None:  # execnet's, which has no types
    """Fork the workers, where that can be done: each would import the same for two seconds."""
    for spec in specs:
        spec.python = python_of_worker()


def pytest_xdist_auto_num_workers() -> int:
    """Use more workers than cores: the tests of clusters wait for processes most of their time.

    With two for each core all takes longer; with four it ends a little sooner, and takes more CPU.
    """
    return 3 * (os.cpu_count() or 1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the modules that start whole clusters first; `--no-loadscope-reorder` keeps this order."""
    items.sort(key=lambda item: (not item.nodeid.startswith(FIRST), not item.nodeid.startswith(LONGEST)))


def pytest_collection() -> None:
    """Collect without the garbage collector: a third of the time of each process went into looking for none."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Collect garbage from here on, of what is made from here on, and seldom."""
    gc.freeze()
    gc.set_threshold(*SELDOM)
    gc.enable()
