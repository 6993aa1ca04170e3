"""What an unchanged tenant and a worker cost is counted, so that nobody adds to it unnoticed.

docs/benchmarks.md has the goals. How much memory a worker holds depends on the machine; what it imports does not.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder

import pytest

from tests.bench.unchanged import measure, running_tenants
from tests.support.cluster import Cluster

pytestmark = pytest.mark.thorough
CALLS, SCRIPTS, COMMANDS = 9, 20, 250
PACKAGES = {  # what a worker imports beside ours and Python's own: whatever comes to it costs each worker of everybody
    *("celery", "kombu", "billiard", "vine", "amqp", "dateutil", "tzlocal", "packaging", "psutil", "greenlet", "cffi"),
    *("click", "click_didyoumean", "click_plugins", "click_repl", "prompt_toolkit", "wcwidth"),  # Celery's command line
    *("flower", "tornado", "humanize", "pytz"),  # the same: it loads the commands that others add
    *("redis", "cryptography"),
    *("botocore", "jmespath", "urllib3", "certifi", "six"),
    *("pydantic", "pydantic_core", "pydantic_settings", "annotated_types", "typing_inspection", "typing_extensions"),
    *("ruamel", "yaml", "dotenv"),
    *("structlog", "rich", "pygments"),
    "attr",  # by rich, where it is installed
    *("httpx2", "httpcore2", "h11", "anyio", "idna", "truststore"),
    *("prometheus_client", "opentelemetry"),
}
OTHERS = ("tasks.bootstrap", "workers.api", "workers.cli", "workers.demo", "workers.runner", "workers.sandbox")  # rooms


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Cluster, list[str]]]:
    """A worker that tells in its log what it imports."""
    with running_tenants(tmp_path_factory.mktemp("cost"), PYTHONPROFILEIMPORTTIME="1") as found:
        yield found


def test_an_unchanged_tenant_costs_no_more_than_before(running: tuple[Cluster, list[str]]) -> None:
    cost = measure(*running)

    assert cost.calls <= CALLS
    assert cost.scripts <= SCRIPTS
    assert cost.commands <= COMMANDS, cost.by_command


def test_a_worker_imports_no_more_packages_than_before(running: tuple[Cluster, list[str]]) -> None:
    cluster, _ = running
    [worker] = cluster.workers
    told = set(re.findall(r"^import time: .*\| +([\w.]+)$", worker.log.read_text(), re.MULTILINE))
    packages = {name.partition(".")[0] for name in told} - sys.stdlib_module_names
    ours = {name for name in told if name.startswith(("tasks.", "config.", "workers."))}

    assert {"botocore", "tasks"} <= packages, "the worker did not tell"
    assert "tasks.accounts.creation" in ours, "no step has run"
    installed = {name for name in packages if not name.startswith("_") and PathFinder.find_spec(name) is not None}
    assert installed - {"tasks", "config", "workers"} <= PACKAGES
    assert not [name for name in ours if name.startswith(OTHERS)]
