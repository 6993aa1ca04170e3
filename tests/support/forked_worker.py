"""A worker of xdist, forked from the nursery: it need not import what that has imported.

xdist starts this file, without any package, in place of a Python of its own (`python_of_worker`). It has the nursery
fork a child that reads and writes what it was given, and waits for the child's end. In the child it is a module, and
does what execnet wants of a Python: to run what it reads.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import sys
from pathlib import Path


def python_of_worker() -> str | None:
    """Return the command that xdist shall start in place of Python; None where files are not found by number."""
    return shlex.join([sys.executable, "-S", "-E", __file__]) if Path("/proc/self/fd").is_dir() else None


def main() -> int:
    """Have a child forked; answers its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the child ends when xdist hangs up, and this with it
    files = f"/proc/{os.getpid()}/fd"
    order = {
        "command": ["tests.support.forked_worker"],
        "environment": dict(os.environ),
        "directory": str(Path.cwd()),
        "given": f"{files}/0",
        "log": f"{files}/1",
        "errors": f"{files}/2",
    }
    with socket.socket(socket.AF_UNIX) as nursery:
        nursery.connect(
            os.environ["TESTS_NURSERY"]
        )  # SHARED in nursery.py, which is not imported here: that takes long
        nursery.sendall(json.dumps(order).encode() + b"\n")
        for told in map(json.loads, nursery.makefile()):
            if "ended" in told:
                return int(told["code"])
    return 1


if __name__ == "__main__":
    if __spec__ is None:
        sys.exit(main())
    exec(eval(sys.stdin.readline()))  # as execnet's own first line
