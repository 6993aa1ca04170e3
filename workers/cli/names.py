"""Names of tenants and platforms as people write them on the command line."""

from __future__ import annotations

from tasks.model.desired import TenantId
from workers.cli.errors import CommandFailed, ExitCode


def parse_tenant(text: str) -> TenantId:
    """Read a tenant's name; a wrong one is wrong usage."""
    try:
        return TenantId.parse(text)
    except ValueError as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from error


def check_tenant_or_platform(text: str) -> None:
    """Refuse what is neither a tenant's name nor <platform>.<location>."""
    parts = text.split(".")
    if len(parts) not in (2, 4) or not all(parts):
        forms = "<platform>.<location> or <workspace>.<project>.<platform>.<location>"
        raise CommandFailed(f"{text!r} is not a valid platform or tenant; use {forms}", ExitCode.USAGE)
