"""What the simulated AWS has after the demo, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from tasks.model.replication import State
from tasks.names import GROUP_PREFIX
from workers.api.schemas import TenantView
from workers.cli.output import show, table
from workers.cli.progress import Followed, seconds_taken
from workers.sandbox import organization

COLUMNS = ("tenant", "account", "OU", "alias", "stacks", "groups", "assignments", "seconds", "costs this month")
OUR_ACCOUNTS = frozenset(
    {organization.MANAGEMENT_ACCOUNT_ID, organization.MESHCLOUD_ACCOUNT_ID, organization.AUTOMATION_ACCOUNT_ID}
)


@dataclass(frozen=True)
class Created:
    """What AWS has for one tenant."""

    tenant: str
    account: str | None
    unit: str
    alias: str
    stacks: int
    groups: int
    assignments: int
    seconds: float | None  # from the order to the end of the replication


def created_by(followed: Followed, view: TenantView, world: Mapping[str, Any]) -> Created:
    """Look up in the simulator's state what a tenant's replication has made."""
    account = world["accounts"].get(view.account_id) or {}
    groups = world["identity_store"]["groups"]
    prefix = f"{GROUP_PREFIX}{view.workspace}.{view.project}."  # by the example platform's groupNamePattern
    return Created(
        tenant=view.tenant,
        account=view.account_id,
        unit=account.get("parent") or "-",
        alias=account.get("alias") or "-",
        stacks=sum(stack["account"] == view.account_id for stack in world["cloudformation"]),
        groups=sum((group["name"] or "").startswith(prefix) for group in groups),
        assignments=sum(
            assignment["AccountId"] == view.account_id for assignment in world["identity_center"]["assignments"]
        ),
        seconds=seconds_taken(followed.known) if followed.known else None,
    )


def show_created(console: Console, created: Iterable[Created], costs: Mapping[str, str]) -> None:
    """Print the table, with what each account costs."""
    rows = [
        (
            each.tenant,
            each.account or "-",
            each.unit,
            each.alias,
            str(each.stacks),
            str(each.groups),
            str(each.assignments),
            "-" if each.seconds is None else f"{each.seconds:.1f}",
            costs.get(each.account or "", "-"),
        )
        for each in created
    ]
    show(console, table(COLUMNS, rows))


def ways_to_groups(operations: Mapping[str, int]) -> str:
    """Say through which APIs groups were kept. operations: service:Operation -> calls."""
    calls = {
        words: sum(count for name, count in operations.items() if name.startswith(f"{service}:"))
        for service, words in (("identitystore", "the Identity Store API"), ("scim", "SCIM"))
    }
    return "Groups through " + " and ".join(f"{words} ({count} calls)" for words, count in calls.items() if count)


def doubts(
    created: Sequence[Created], again: Sequence[Followed], world: Mapping[str, Any], written: Mapping[str, int]
) -> Iterator[str]:
    """Yield what is not as it must be after the second round.

    again    the replications of the second round
    written  service:Operation -> calls of the second round, when there were writes among them
    """
    for each in again:
        if each.state is not State.SUCCEEDED:
            yield f"{each.tenant}: the second replication ended {each.state.value}"
    accounts = [each.account for each in created]
    if len(set(accounts)) != len(accounts) or None in accounts:
        yield f"not every tenant has its own account: {', '.join(map(str, accounts))}"
    if strangers := set(world["accounts"]) - OUR_ACCOUNTS - set(accounts):
        yield f"accounts that belong to no tenant: {', '.join(sorted(strangers))}"
    for one in created:
        if "-" in (one.unit, one.alias) or not one.stacks:
            yield f"{one.tenant}: OU {one.unit}, alias {one.alias}, {one.stacks} stacks are not complete"
    if calls := {name: count for name, count in written.items() if count}:
        listed = ", ".join(f"{count} {name}" for name, count in sorted(calls.items()))
        yield f"the second round wrote to AWS; all its calls: {listed}"
