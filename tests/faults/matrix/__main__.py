"""Run the fault matrix; exit code 1 when a cell is wrong.

python -m tests.faults.matrix [--reduced] [--only CreateGroup]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.faults.matrix.matrix import prepared
from tests.faults.matrix.table import details, table


def main() -> int:
    """Print the tables, the details of wrong cells and a summary."""
    parser = argparse.ArgumentParser(description="Every AWS call of a replication by every fault.")
    parser.add_argument("--reduced", action="store_true", help="two faults for each call instead of all")
    parser.add_argument("--only", default="", metavar="TEXT", help="only calls whose name holds this")
    options = parser.parse_args()
    began = monotonic()
    with tempfile.TemporaryDirectory(prefix="fault-matrix-") as directory:
        with prepared(Path(directory), reduced=options.reduced, only=options.only) as matrix:
            verdicts = list(matrix.run())
        wrong = [verdict for verdict in verdicts if verdict.problems]
        for kind, calls in matrix.calls.items():
            print(table(kind, [call for call in calls if options.only in str(call)], verdicts), end="\n\n")
        for verdict in wrong:
            print(details(verdict), end="\n\n")
    print(f"{len(verdicts) - len(wrong)} of {len(verdicts)} cells right, {monotonic() - began:.0f} s")
    return 1 if wrong or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
