"""What very many accounts need, on paper: measured costs of one tenant, multiplied, beside what AWS allows."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.figure import Results

ACCOUNTS, ORGANIZATIONS = 100_000, 40
DAY = 86_400  # seconds
CENTER_RATE = 20  # calls a second and organization (docs/limits.md)
CENTER_CALLS = 5  # of the calls of an unchanged tenant with one role, at most
CREATIONS = 5  # at once in an organization
CREATION_SECONDS = 180  # what AWS usually takes for one
REDIS_COMMANDS = 60_000  # a second that one core of Redis carries out with room to spare

COMMANDS, CPU = "an unchanged tenant: commands of Redis", "an unchanged tenant: CPU of the worker"
SETTLED = "Redis memory of a settled tenant"


def on_paper(commands: float, cpu_seconds: float, kilobytes: float) -> Iterator[tuple[str, str, str]]:
    """Yield what, how it is reckoned and what is needed, from what one unchanged tenant costs.

    commands, cpu_seconds   of one replication of it
    kilobytes               of Redis that a settled tenant needs

    >>> list(on_paper(250, 0.04, 10))[0]
    ('Redis, memory', '100,000 tenants of 10.0 kB', '1.0 GB')
    """
    each = ACCOUNTS // ORGANIZATIONS
    yield "Redis, memory", f"{ACCOUNTS:,} tenants of {kilobytes:.1f} kB", f"{ACCOUNTS * kilobytes / 1e6:.1f} GB"

    reckoned = f"{ACCOUNTS:,} tenants, {commands:.0f} commands each"
    yield "Redis, daily round", reckoned, f"{ACCOUNTS * commands / DAY:.0f} commands a second"

    reckoned = f"{ACCOUNTS:,} tenants, {cpu_seconds * 1000:.0f} ms of CPU each"
    yield "workers, daily round", reckoned, f"{ACCOUNTS * cpu_seconds / DAY:.2f} cores"

    reckoned = f"{each:,} tenants, {CENTER_CALLS} calls of Identity Center each, {CENTER_RATE} calls a second"
    yield "AWS, daily round of one organization", reckoned, f"{each * CENTER_CALLS / CENTER_RATE / 60:.0f} min"

    hour = CREATIONS * 3600 / CREATION_SECONDS
    reckoned = f"{CREATIONS} at once, about {CREATION_SECONDS // 60} min each"
    yield "AWS, new accounts of one organization", reckoned, f"{hour:.0f} an hour; {each:,} in {each / hour:.0f} h"

    most = REDIS_COMMANDS * DAY / commands / 1e6
    reckoned = f"{REDIS_COMMANDS:,} commands a second on one core"
    yield "where one Redis ends", reckoned, f"{most:.0f} million unchanged tenants a day, so its memory ends first"


def section(results: Results) -> list[str]:
    """Return the section of the page; nothing before everything was measured that it reckons with."""
    if not {COMMANDS, CPU, SETTLED} <= results.figures.keys():
        return []
    commands, cpu, settled = (results.figures[name].value for name in (COMMANDS, CPU, SETTLED))
    return [
        "## Scale, on paper",
        "",
        f"{ACCOUNTS:,} accounts in {ORGANIZATIONS} organizations, by the unit costs above. Nobody has run this.",
        "",
        "| what | how it is reckoned | needs |",
        "|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in on_paper(commands, cpu / 1000, settled)),
        "",
        "So AWS's own limits come first. They are counted per organization: 40 of them go 40 times as fast as one.",
        "Workers are added for calls in flight, not for CPU: a thread waits for AWS most of its time.",
    ]
