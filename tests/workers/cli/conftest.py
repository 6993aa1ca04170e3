from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.support.command import Ended
from tests.workers.cli.fake_api import FakeApi, running_fake_api
from tests.workers.cli.running import RunHere, clean_environment
from workers.cli import main


@pytest.fixture(scope="module", autouse=True)
def logging_beside_stdout() -> Iterator[None]:
    """Keep the log of an API that runs in this process out of what commands print."""
    structlog.configure(logger_factory=structlog.stdlib.LoggerFactory(), wrapper_class=structlog.stdlib.BoundLogger)
    yield
    structlog.reset_defaults()


@pytest.fixture
def fake_api() -> Iterator[FakeApi]:
    with running_fake_api() as fake:
        yield fake


@pytest.fixture
def environment(fake_api: FakeApi) -> dict[str, str]:
    return clean_environment(CONNECTOR_URL=fake_api.url, CONNECTOR_TOKEN="the-secret-token")


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> RunHere:
    """Run a command in this process, in `tmp_path`: as a process of its own, but at once."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, environment: dict[str, str] | None = None) -> Ended:
        for name in os.environ.keys() - (environment or clean_environment()).keys():
            monkeypatch.delenv(name)
        for name, value in (environment or clean_environment()).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["aws-connector", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Ended(int(ended.value.code or 0), written.out, written.err)

    return run
