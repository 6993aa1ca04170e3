"""The commands `metering collect` and `metering collections`."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from config.printable import counted
from tasks.metering.documents import CollectionDocument
from workers.cli.connection import connect
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.options import Access
from workers.cli.output import (
    print_json,
    print_json_line,
    print_line,
    show,
    shown_moment,
    stderr_console,
    stdout_console,
    table,
)

LOOK_SECONDS = 1.0  # a page takes about as long
SILENT = timedelta(minutes=1)
NOBODY = "no page for a minute. Check that a worker runs and can write the cost database (aws-connector doctor)"
COLUMNS = ("id", "platform", "month", "state", "pages", "dollars", "rows", "started", "note")
LEAST = ("rows", "id", "started")


def collect_since(platform: str, since: str, access: Access, *, wait: bool, as_json: bool) -> ExitCode:
    """Begin a collection of each month since one, the oldest first; answers the worst exit code."""
    code = ExitCode.DONE
    for month in _months(since):
        code = max(code, collect(platform, month, access, wait=wait, as_json=as_json, one_of_several=True))
    return code


def _months(since: str) -> list[str]:
    """List the months from one to the current one. Raises CommandFailed."""
    first, last = date.fromisoformat(f"{since}-01"), datetime.now(UTC).date()
    if first > last:
        raise CommandFailed(f"--since {since} has not started yet", ExitCode.USAGE)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers]


def collect(
    platform: str, month: str | None, access: Access, *, wait: bool, as_json: bool, one_of_several: bool = False
) -> ExitCode:
    """Begin a collection, and wait for its end; answers the exit code."""
    with connect(access) as client:
        found = client.collect_costs(platform, month)
        told = None
        while wait and found.state == "RUNNING":
            now = f"{found.stage}, {counted(found.pages, 'page')}; {found.note or _who_reads(found)}"
            if not as_json and now != told:
                print_line(stderr_console(), f"{found.month} of {found.platform}: {now}")
                told = now
            time.sleep(LOOK_SECONDS)
            found = client.collection(found.id)
    if as_json:
        (print_json_line if one_of_several else print_json)(found)
    elif found.state != "FAILED":
        print_line(stdout_console(), _sentence(found))
    if found.state == "FAILED":
        complain(f"the costs of {found.month} could not be collected: {found.note}")
        return ExitCode.FAILED
    return ExitCode.DONE


def _who_reads(found: CollectionDocument) -> str:
    """Say what to look at when nothing comes: a worker that cannot keep costs only logs it."""
    silent = not found.pages and datetime.now(UTC) - found.started_at > SILENT
    return NOBODY if silent else "a worker reads"


def show_collections(platform: str | None, access: Access, *, as_json: bool) -> None:
    """Print the newest collections, and what was spent today."""
    with connect(access) as client:
        found = client.collections(platform)
    if as_json:
        print_json(found)
        return
    console = stdout_console()
    rows = [_row(each) for each in found.collections]
    show(console, table(COLUMNS, rows, least=LEAST) if rows else "no costs were collected yet")
    for each in found.today:
        print_line(console, f"{each.platform}: ${each.dollars} of ${each.limit} spent today")


def _row(found: CollectionDocument) -> tuple[str, ...]:
    numbers = str(found.pages), f"${found.dollars}", str(found.rows)
    state = "FINAL" if found.final and found.state == "DONE" else found.state
    started = shown_moment(found.started_at)
    return str(found.id), found.platform, found.month, state, *numbers, started, found.note or ""


def _sentence(found: CollectionDocument) -> str:
    what = f"collection {found.id} of {found.month}, {found.platform}"
    note = f"; {found.note}" if found.note else ""
    return f"{what}: {found.state}, {counted(found.pages, 'page')} for ${found.dollars}{note}"
