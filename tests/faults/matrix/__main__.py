"""Run the fault matrix; exit code 1 when a cell is wrong, or when no scenario reaches a write of the connector.

python -m tests.faults.matrix [--reduced] [--scenario scim] [--only CreateGroup] [--fault frozen]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from tests.faults.matrix.choice import unreached
from tests.faults.matrix.fault import Call, Fault
from tests.faults.matrix.matrix import Play, Verdict, prepared
from tests.faults.matrix.scenarios import SCENARIOS
from tests.faults.matrix.table import details, table


def main() -> int:
    """Print the tables, the details of wrong cells and a summary."""
    parser = argparse.ArgumentParser(description="Every AWS call of a replication by every fault.")
    parser.add_argument(
        "--reduced", action="store_true", help="two faults for each write and one for each read instead of all"
    )
    parser.add_argument("--scenario", choices=[each.name for each in SCENARIOS], help="this one only")
    parser.add_argument("--only", default="", metavar="TEXT", help="only calls whose name holds this")
    parser.add_argument("--fault", choices=list(Fault), type=Fault, help="this one only")
    options = parser.parse_args()
    began, verdicts, calls = monotonic(), list[Verdict](), set[Call]()
    with (
        tempfile.TemporaryDirectory(prefix="fault-matrix-") as directory,
        prepared(Path(directory), reduced=options.reduced, only=options.only, fault=options.fault) as matrix,
    ):
        for play in matrix.run([each for each in SCENARIOS if options.scenario in (None, each.name)]):
            found = list(play.verdicts())
            _print(play, found, options.only)
            verdicts += found
            calls.update(*play.calls.values())
    strikes = [strike for verdict in verdicts for strike in verdict.strikes]
    wrong = sum(bool(verdict.problems) for verdict in verdicts)
    spared = sum(len(verdict.spared) for verdict in verdicts)
    print(f"{len(strikes)} faults in {len(verdicts)} cells, {wrong} wrong, {monotonic() - began:.0f} s", end="")
    print(f"; {spared} on looks that were not needed this time" if spared else "")
    missed = [] if options.scenario else unreached(calls)
    for name in missed:
        print(f"no scenario reaches {name}: add one (tests/faults/matrix/scenario.py)")
    return 1 if wrong or missed or not verdicts else 0


def _print(play: Play, verdicts: Sequence[Verdict], only: str) -> None:
    for kind, calls in play.calls.items():
        shown = [call for call in calls if only in str(call)]
        own = [verdict for verdict in verdicts if verdict.kind == kind]
        if own:
            print(table(f"{play.scenario.name}: {kind}", shown, own), end="\n\n")
    for verdict in verdicts:
        if verdict.problems:
            print(details(verdict), end="\n\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
