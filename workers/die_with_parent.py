"""Become another program that the kernel ends when the process that started it dies, even by SIGKILL.

    python -S die_with_parent.py PARENT_PID SIGNAL PROGRAM [ARGUMENT…]

A wrapper and not subprocess's `preexec_fn`: that one may deadlock where the parent has threads.
Where the system knows no parent-death signal (macOS) the program simply runs.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h; survives execve


def main() -> None:
    """Ask for the signal, make sure that the parent still lives, become the program."""
    parent, signal_number, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
