"""The supervisor: children that fail, hang, ignore signals or have children of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.support.waiting import eventually
from tests.workers.cli.running import MARKER, clean_environment, descendants
from workers.demo.supervisor import ProcessFailed, Supervisor

linux = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STUBBORN!r}])"


@pytest.fixture
def marker() -> str:
    return uuid4().hex


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def supervisor(directory: Path, marker: str) -> Supervisor:
    return Supervisor(directory, clean_environment(**{MARKER: marker}))


def test_a_child_that_ends_is_shown_with_its_last_lines(tmp_path: Path, marker: str) -> None:
    with supervisor(tmp_path, marker) as processes:
        processes.start("bad", python("print('out of tune'); raise SystemExit(7)"))
        with pytest.raises(ProcessFailed, match="bad ended with code 7") as failed:
            processes.wait("it", lambda: False, seconds=30)
    assert "out of tune" in str(failed.value)


def test_a_child_that_never_gets_ready(tmp_path: Path, marker: str) -> None:
    with supervisor(tmp_path, marker) as processes:
        processes.start("slow", python("import time; time.sleep(600)"))
        with pytest.raises(ProcessFailed, match=r"it was not ready after 0.2 s"):
            processes.wait("it", lambda: False, seconds=0.2)


@linux
def test_stopping_ends_stubborn_children_and_grandchildren(tmp_path: Path, marker: str) -> None:
    processes = supervisor(tmp_path, marker)
    children = [processes.start("stubborn", python(STUBBORN)), processes.start("parent", python(PARENT))]
    processes.wait("both", lambda: all("up" in child.log.read_text() for child in children), seconds=30)
    processes.stop(seconds=0.2)
    eventually(lambda: not descendants(marker))


@linux
def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path, marker: str) -> None:
    code = f"""
import os, sys, time
from pathlib import Path
from workers.demo.supervisor import Supervisor
processes = Supervisor(Path({str(tmp_path)!r}), dict(os.environ))
child = processes.start("child", [sys.executable, "-c", {STUBBORN!r}])
processes.wait("it", lambda: "up" in child.log.read_text(), 30)
print("ready", flush=True)
time.sleep(600)
"""
    environment = clean_environment(**{MARKER: marker})
    with subprocess.Popen(python(code), env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert len(descendants(marker)) == 2
        os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: not descendants(marker))
