from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.cli.fake_api import FakeApi, running_fake_api
from tests.workers.cli.running import Ended, RunHere, clean_environment
from workers.cli import main


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
