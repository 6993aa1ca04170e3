"""What the API has accepted: follow it to its end or only name it, for people or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workers.api.schemas import TenantView
from workers.cli.errors import ExitCode, complain
from workers.cli.output import print_json, print_line, stderr_console, stdout_console
from workers.cli.progress import Followed, LineView, follow, make_view
from workers.cli.results import complain_about_failures, failed_steps, seconds, show_results
from workers.client import ConnectorClient


@dataclass(frozen=True)
class Telling:
    """How a person or a program wants to be told."""

    wait: bool  # until all have ended
    as_json: bool


def tell(
    client: ConnectorClient,
    accepted: Mapping[str, str],
    telling: Telling,
    *,
    what: str = "accepted",
    refused: Sequence[Mapping[str, Any]] = (),
) -> ExitCode:
    """Tell how replications (tenant -> id) end, or that they are accepted; answers the exit code.

    what      was accepted, in words
    refused   documents for JSON; people were told already
    """
    followed = [Followed(tenant, replication) for tenant, replication in accepted.items()]
    views: dict[str, TenantView] = {}
    if telling.wait and accepted:
        followed = _followed(client, accepted, telling)
        views = {each.tenant: client.tenant(each.tenant) for each in followed}
    if telling.as_json:
        print_json({"replications": [_document(each, views.get(each.tenant)) for each in followed], "refused": refused})
    elif views:
        show_results(stdout_console(), followed, views)
    else:
        for each in followed:
            print_line(stdout_console(), f"{each.tenant}: {what} as replication {each.replication_id}")
    return complain_about_failures(followed) if views else ExitCode.DONE


def _followed(client: ConnectorClient, accepted: Mapping[str, str], telling: Telling) -> list[Followed]:
    view = LineView(stderr_console()) if telling.as_json else make_view(stdout_console())
    try:
        return follow(client, accepted, view)
    except KeyboardInterrupt:
        complain("the replications continue; to see them: aws-connector status")
        raise


def _document(each: Followed, view: TenantView | None) -> dict[str, Any]:
    return {
        "tenant": each.tenant,
        "replicationId": each.replication_id,
        "state": each.state,
        "accountId": view and view.account_id,
        "deletedAt": view and view.deleted_at and view.deleted_at.isoformat(),
        "seconds": seconds(each),
        "failures": [
            {"step": step, **error.model_dump(mode="json", by_alias=True)} for step, error in failed_steps(each)
        ],
    }
