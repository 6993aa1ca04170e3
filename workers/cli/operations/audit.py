"""The command `audit`: every write to AWS, as a table or as JSON lines to keep elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tasks.documents import AuditEntry
from workers.cli.connection import connect
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.output import print_json_line, print_line, stdout_console

MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


def show_audit(since: str | None, tenant: str | None, access: Access, *, as_json: bool) -> None:
    """Print each write, the oldest first, as they are read: a long log needs no memory."""
    moment = None if since is None else _moment(since)
    name = None if tenant is None else parse_tenant(tenant)
    with connect(access) as client:
        for entry in client.audit(since=moment, tenant=name):
            if as_json:
                print_json_line(entry)
            else:
                print_line(stdout_console(), _line(entry))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--since {text!r} is not a valid time; use one like 2026-01-31 or 2026-01-31T08:00:00+01:00"
        raise CommandFailed(message, ExitCode.USAGE) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _line(entry: AuditEntry) -> str:
    where = "" if entry.account is None else f" in {entry.account}"
    arguments = json.dumps(entry.arguments, ensure_ascii=False)
    named = f" ({', '.join(entry.names.values())})" if entry.names else ""
    asked = entry.asked_by or "the connector"
    what = f"{entry.what}: " if entry.what else ""
    return (
        f"{entry.at:{MOMENT}} {entry.outcome} {what}{entry.call}{where} {arguments}{named} for {entry.tenant} "
        f"(step {entry.step}, replication {entry.replication}, requested by {asked}, request {entry.request_id or '-'})"
    )
