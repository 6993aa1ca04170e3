"""Become another program that the kernel kills when the thread that started it ends, even by SIGKILL.

    python -S die_with_parent.py PARENT_PID PROGRAM [ARGUMENT…]

A wrapper and not subprocess's `preexec_fn`: that one may deadlock where the parent has threads.
Where the system knows no parent-death signal (macOS) the program simply runs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives execve


def main() -> None:
    """Ask for the signal, make sure that the parent still lives, become the program."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606  # no shell is wanted


if __name__ == "__main__":
    main()
