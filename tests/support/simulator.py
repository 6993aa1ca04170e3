"""The simulated AWS of tests: as `workers.sandbox.client` runs it, but forked from the nursery, which is quicker."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.nursery import nursery
from tests.support.waiting import eventually
from workers.sandbox.client import STOP_SECONDS, SimulatorClient


@contextmanager
def running_simulator(options: Mapping[str, Any] | None = None) -> Iterator[SimulatorClient]:
    """Run a simulator with SimulatorOptions; it ends with the block, or with this process."""
    with tempfile.TemporaryDirectory(prefix="simulator-") as directory:
        log = Path(directory) / "log"
        command = ["workers.sandbox.aws", "--options", json.dumps(options or {})]
        process = nursery().start(command, os.environ, Path.cwd(), log)

        def said() -> str:
            assert process.poll() is None, f"the simulator has ended:\n{log.read_text()}"
            return log.read_text() if log.exists() else ""

        try:
            eventually(lambda: said().endswith("}\n"))
            client = SimulatorClient(json.loads(said().splitlines()[-1])["url"])
            try:
                yield client
            finally:
                client.close()
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
