"""What an unchanged tenant costs is counted, so that nobody adds to it unnoticed: docs/benchmarks.md has the goals."""

from __future__ import annotations

from pathlib import Path

from tests.bench.unchanged import measure, running_tenants

CALLS, SCRIPTS, COMMANDS = 9, 20, 250


def test_an_unchanged_tenant_costs_no_more_than_before(tmp_path: Path) -> None:
    with running_tenants(tmp_path) as (cluster, projects):
        cost = measure(cluster, projects)

    assert cost.calls <= CALLS
    assert cost.scripts <= SCRIPTS
    assert cost.commands <= COMMANDS, cost.by_command
