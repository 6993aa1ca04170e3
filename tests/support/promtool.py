"""Prometheus's own tool that checks names and rules: `make promtool` fetches it from Debian's packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOUND = shutil.which("promtool", path=str(Path(sys.executable).parent)) or shutil.which("promtool")

needs_promtool = pytest.mark.skipif(FOUND is None, reason="there is no promtool here: `make promtool` fetches it")


def promtool(*arguments: str, stdin: str | None = None, directory: Path | None = None) -> str:
    """Run it; fails with all that it says when it finds a mistake."""
    assert FOUND is not None
    run = subprocess.run(
        [FOUND, *arguments], input=stdin, cwd=directory, capture_output=True, text=True, check=False, timeout=300
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout
