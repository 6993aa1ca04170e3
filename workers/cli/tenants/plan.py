"""The command `plan`: what a replication would change, like a diff. The API lets a worker find it out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.text import Text

from config.printable import counted
from tasks.documents import Plan, PlannedStep, QuestionState
from tasks.model.desired import TenantId
from workers.api.schemas import PlanView
from workers.cli.connection import connect, reasons
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.names import parse_tenant
from workers.cli.options import Access
from workers.cli.orders import Order, orders_of
from workers.cli.output import flat, print_json, print_line, stdout_console
from workers.cli.slow import saying
from workers.cli.tenants.replicate import REFUSALS
from workers.client import ApiProblem, ConnectorClient

LOOK_SECONDS = 0.3  # between two looks; a plan takes some seconds
REMOVALS = ("delete", "remove", "take", "close")


def show_plans(what: str, access: Access, *, as_json: bool) -> int:
    """Plan a tenant as it is stored, or the tenants of a file as they stand there; answers the exit code.

    Raises CommandFailed.
    """
    tenant, orders = _asked(what)
    with connect(access) as client:
        views = [] if tenant is None else [(str(tenant), client.plan(tenant))]
        accepted = list(_accepted(client, orders))
        plans = _collected(client, [*views, *accepted])
    _show([plan for plan in plans if plan is not None], as_json=as_json)
    refused = ExitCode.DONE if len(accepted) == len(orders) else ExitCode.FAILED
    return max(refused, _verdict(plans))


def _asked(what: str) -> tuple[TenantId | None, Sequence[Order]]:
    """Tell a tenant from a file with orders."""
    if what == "-" or Path(what).is_file():
        return None, orders_of(Path(what))
    if what.count(".") != 3 or "/" in what:
        message = f"{what!r} is neither a file nor a tenant; use <workspace>.<project>.<platform>.<location>"
        raise CommandFailed(message, ExitCode.USAGE)
    return parse_tenant(what), []


def _accepted(client: ConnectorClient, orders: Iterable[Order]) -> Iterable[tuple[str, PlanView]]:
    """Ask for a plan of every order; what the API refuses is said and does not stop the others."""
    for order in orders:
        try:
            yield str(order.tenant), client.plan(order.tenant, order.desired)
        except ApiProblem as problem:
            if problem.status not in REFUSALS:
                raise
            complain(f"{order.tenant} would be refused:\n{reasons(problem)}")


def _collected(client: ConnectorClient, views: Iterable[tuple[str, PlanView]]) -> list[Plan | None]:
    """Wait for every plan; one that could not be made is said and is None."""
    plans: list[Plan | None] = []
    for tenant, asked in views:
        view = asked
        with saying(f"{tenant}: a worker is planning"):
            while view.state is QuestionState.PENDING:
                time.sleep(LOOK_SECONDS)
                view = client.planned(view.id)
        if view.plan is None:
            complain(f"{tenant} cannot be planned: {view.failure}")
        plans.append(view.plan)
    return plans


def _verdict(plans: Iterable[Plan | None]) -> int:
    return max(map(_code, plans), default=ExitCode.DONE)


def _code(plan: Plan | None) -> ExitCode:
    if plan is None or plan.errors:
        return ExitCode.FAILED
    return ExitCode.CHANGES if plan.changes else ExitCode.DONE


def _show(plans: Sequence[Plan], *, as_json: bool) -> None:
    if as_json:
        print_json([plan.model_dump(mode="json", by_alias=True, exclude_none=True) for plan in plans])
        return
    for plan in plans:
        _show_one(plan)


def _show_one(plan: Plan) -> None:
    console = stdout_console()
    changes = counted(plan.changes, "change") if plan.changes else "no changes"
    errors = f", {counted(plan.errors, 'step')} would fail" if plan.errors else ""
    print_line(console, f"{plan.tenant}: {changes}{errors} ({plan.chain})")
    for step in plan.steps:
        for style, line in _lines(step):
            console.print(Text(line, style=style), soft_wrap=True)


def _lines(step: PlannedStep) -> Iterable[tuple[str, str]]:
    """Yield the lines of one step, each with its color; none for a step that changes nothing."""
    if not (step.changes or step.waiting or step.error):
        return
    yield "bold", f"  {step.name}"
    for change in step.changes:
        removes = change.sentence.startswith(REMOVALS)
        yield "red" if removes else "green", f"    {'-' if removes else '+'} {flat(change.sentence)}"
    if step.waiting:
        yield "yellow", f"    … {flat(step.note)}"
    if step.error is not None:
        yield "bold red", f"    ! {flat(step.note)}"
        yield "", f"      {flat(step.error.remedy)}"
