"""The command `doctor`: check everything that replications need, from this machine, and change nothing.

It reads the environment as a worker does and needs no API, so that it can be run before anything is started.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.text import Text

from config.catalog import Catalog
from config.platform import Platform
from tasks.doctor.examination import examine
from tasks.doctor.finding import Finding, Level
from tasks.doctor.patient import patient
from tasks.worker import own_worker
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.local import local
from workers.cli.output import flat, print_json, print_line, stdout_console
from workers.cli.slow import saying

STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


def show_health(platform: str | None, *, as_json: bool) -> ExitCode:
    """Examine one platform or all of them; answers the exit code. Raises CommandFailed."""
    worker = local(own_worker)
    healthy, shown = True, {}
    for each in _platforms(worker.catalog, platform):
        if not as_json:
            print_line(stdout_console(), each.identifier)
        findings, found = [], examine(patient(worker, each))
        while finding := _next(found):
            findings.append(finding)
            if not as_json:
                show_finding(finding)
        shown[each.identifier] = findings
        healthy = healthy and all(finding.level is not Level.ERROR for finding in findings)
    if as_json:
        print_json({name: plain(findings) for name, findings in shown.items()})
    return ExitCode.DONE if healthy else ExitCode.MISTAKES


def _next(found: Iterator[Finding]) -> Finding | None:
    with saying("waiting for an answer"):
        return next(found, None)


def _platforms(catalog: Catalog, wanted: str | None) -> list[Platform]:
    known = catalog.platforms
    if wanted is None:
        return [known[name] for name in sorted(known)]
    if wanted not in known:
        message = f"--platform {wanted} is not configured; known: {', '.join(sorted(known))}"
        raise CommandFailed(message, ExitCode.USAGE)
    return [known[wanted]]


def show_finding(finding: Finding) -> None:
    """Print one line, and one more with what to do."""
    console = stdout_console()
    level = Text(f"  {finding.level:<8}", style=STYLES[finding.level])
    console.print(level + Text(flat(f"{finding.check}: {finding.message}")), soft_wrap=True)
    if finding.remedy is not None:
        console.print(Text(f"          {flat(finding.remedy)}"), soft_wrap=True)


def plain(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Return the findings as JSON has them."""
    return [finding.model_dump(mode="json", by_alias=True, exclude_none=True) for finding in findings]
