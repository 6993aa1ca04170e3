"""The command `metering restore`: reports from an export, into the metering database."""

from __future__ import annotations

import sys
from pathlib import Path

from config.environment import SettingsError, load_settings
from config.printable import counted
from tasks.metering.database import open_database
from tasks.metering.errors import DatabaseAway
from tasks.metering.restoring import NoExport, read, restore
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import print_line, stdout_console


def restore_reports(file: Path) -> None:
    """Put the reports of a JSON export back. Raises CommandFailed."""
    try:
        database = open_database(load_settings())
        if file == Path("-"):
            kept, there = restore(database, read(sys.stdin))
        else:
            with file.open(encoding="utf-8") as lines:
                kept, there = restore(database, read(lines))
    except (SettingsError, NoExport, OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{file}: {error}", ExitCode.MISTAKES) from error
    except DatabaseAway as away:
        raise CommandFailed(str(away), ExitCode.UNREACHABLE) from away
    print_line(stdout_console(), f"{counted(kept, 'report')} restored; {there} were there already")
