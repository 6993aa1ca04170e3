"""What a process has used, as Linux counts it; not a number elsewhere."""

from __future__ import annotations

import os
from pathlib import Path


def cpu_seconds(process: int) -> float:
    """Return the seconds of CPU that a process has used, its threads included."""
    stat = Path(f"/proc/{process}/stat")
    if not stat.exists():
        return float("nan")
    fields = stat.read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_megabytes(process: int) -> float:
    """Return how much memory a process holds, in MB."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return float("nan")
    [line] = [each for each in status.read_text(encoding="ascii").splitlines() if each.startswith("VmRSS")]
    return int(line.split()[1]) / 1000
