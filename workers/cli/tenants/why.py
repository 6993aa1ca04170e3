"""The command `why`: where a tenant stands, in sentences: why, what happens by itself, and what a person can do."""

from __future__ import annotations

from workers.cli.connection import connect
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.output import flat, print_json, print_line, shown_moment, stdout_console
from workers.standing import standing


def show_why(tenant: str, access: Access, *, as_json: bool) -> None:
    """Say where a tenant stands."""
    with connect(access) as client:
        view = client.tenant(parse_tenant(tenant))
    found = standing(view, shown_moment, lambda verb: f"run: aws-connector {verb} {view.tenant}")
    sentences = [flat(each) for each in found]
    if as_json:
        print_json({"tenant": view.tenant, "status": view.status, "why": sentences})
    else:
        print_line(stdout_console(), " ".join(sentences))
