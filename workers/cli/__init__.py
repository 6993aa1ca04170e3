"""The command line: `aws-connector COMMAND`.

Commands that talk to a running connector (apply, status, rollout …) use its HTTP API and nothing else. Errors go to
stderr, one sentence each; what was asked for goes to stdout, as JSON on request, without control codes when that is no
terminal. `docs/commands.md` is the reference.

| exit code | meaning                                                                     |
|-----------|-----------------------------------------------------------------------------|
| 0         | done                                                                        |
| 1         | a mistake in a file, an order or the environment; doctor found errors; the demo went wrong |
| 2         | `plan` found changes                                                        |
| 3         | a replication that we waited for ended FAILED or CANCELLED; or `plan` found that one would |
| 4         | the API or Redis cannot be reached, or refused the token                    |
| 64        | wrong usage: unknown command, option or value                               |
| 130       | interrupted by Ctrl-C                                                       |

Where several hold, the highest of 1, 3 and 4 counts.
"""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    try:
        from workers.cli.app import run  # noqa: PLC0415  # Ctrl-C may come while we import

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
