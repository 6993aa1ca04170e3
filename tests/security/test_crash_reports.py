"""A process that crashes, in whatever thread and way, does not write its secrets to stderr."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SECRET = "canary+/crash=5f0c1d3a"
PROGRAM = """
import asyncio, logging, sys, threading, warnings
from config.log import configure_logging, get_logger
secret = sys.stdin.read()
configure_logging({form!r}, "debug", [secret])

def crash(argument):
    local = [argument]
    raise ValueError(local, dict(key=argument), argument.encode())

class Finaliser:
    def __del__(self):
        crash(secret)

async def forgotten():
    asyncio.get_running_loop().create_task(later()); await asyncio.sleep(0.01)

async def later():
    crash(secret)

thread = threading.Thread(target=crash, args=(secret,)); thread.start(); thread.join()
Finaliser()
asyncio.run(forgotten())
try:
    crash(secret)
except ValueError:
    get_logger("x").exception("structured", at=secret, inside=dict(at=[secret]))
    logging.getLogger("celery.task").exception("library %s", secret)
    logging.getLogger("y").error("stack", stack_info=True, extra=dict(secret=secret))
warnings.warn(secret)
crash(secret)
"""


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_secret_is_in_a_crash_report(form: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(form=form)],
        input=SECRET,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        timeout=300,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.count("ValueError") >= 6, ended.stderr
    assert "***" in ended.stderr
    assert SECRET not in ended.stdout + ended.stderr
    assert "5f0c1d3a" not in ended.stderr
