"""What people see of the matrix: a table of calls by faults, and the details of every wrong cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.faults.matrix.fault import Call, Fault, Strike
from tests.faults.matrix.matrix import Verdict

WIDTH = 13  # characters of a column


def table(title: str, calls: Sequence[Call], verdicts: Iterable[Verdict]) -> str:
    """Draw one order of a scenario: ok or WRONG and the seconds from the order to the end; · was not run."""
    cells = {strike: verdict for verdict in verdicts for strike in verdict.strikes}
    broad = max(map(len, [title, *map(str, calls)]))
    lines = ["  ".join((title.ljust(broad), *(fault.ljust(WIDTH) for fault in Fault)))]
    for call in calls:
        row = (_cell(cells.get(Strike(call, fault))).ljust(WIDTH) for fault in Fault)
        lines.append("  ".join((str(call).ljust(broad), *row)).rstrip())
    return "\n".join(lines)


def details(verdict: Verdict) -> str:
    """Tell everything about a wrong cell."""
    problems = "\n".join(verdict.problems)
    return f"WRONG {verdict}\n{problems}\nlog:\n{verdict.log}"


def _cell(verdict: Verdict | None) -> str:
    if verdict is None:
        return "·"
    return f"{'WRONG' if verdict.problems else 'ok'} {verdict.seconds:.1f} s"
