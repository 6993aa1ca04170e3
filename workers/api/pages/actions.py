"""What a person can do to a tenant: each is a request of the API, and whoever may send that one has the button."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request, Response

from tasks.connector import Connector
from tasks.model.desired import TenantId
from tasks.model.replication import ENDED
from tasks.orders.deletion import NotPossible, approve, decline, request_deletion
from tasks.orders.producer import replicate_again
from tasks.state.records import TenantRecord
from workers.api.dependencies import CurrentConnector, KnownTenant
from workers.api.pages.rendering import PageRoute, go_to
from workers.api.pages.visitor import CurrentVisitor, OwnForm
from workers.api.plans import ask_for_plan
from workers.api.replications import cancel

router = APIRouter(route_class=PageRoute, include_in_schema=False)

Form = Mapping[str, str]
Doing = Callable[[TenantRecord, Connector, str, Form], str | None]
"""Does it for the bearer of the token of that name; answers another page to go to, if there is one."""


@dataclass(frozen=True)
class Action:
    """One thing that a person can do."""

    name: str
    label: str
    method: str
    path: str  # of the API, with {tenant} and {replication}
    do: Doing
    fits: Callable[[TenantRecord], bool]
    done: str  # what is said afterwards
    asks: str = ""  # for what the form asks: reason, step, or name

    def request(self, record: TenantRecord) -> tuple[str, str]:
        """Return method and path of the API that do the same."""
        tenant = path_of(record.id)
        return self.method, f"/api/v1{self.path.format(tenant=tenant, replication=record.replication)}"


def _retry(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    replicate_again(record, connector, wake=True, by=by, first=form.get("step") or None)


def _cancel(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    del by, form
    cancel(record.id, record.replication, connector)


def _plan(record: TenantRecord, connector: Connector, by: str, form: Form) -> str:
    del by, form
    return f"{path_of(record.id)}/plans/{ask_for_plan(record.id, None, connector).id}"


def _pause(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    connector.store.pauses.pause(str(record.id), by=by, reason=form.get("reason", "").strip()[:255] or None)


def _resume(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    del by, form
    if not connector.store.pauses.resume(str(record.id)):
        raise NotPossible(f"{record.id} is not paused itself. If its platform is paused, resume that.")


def _approve(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    del form
    approve(record, connector, by=by)


def _decline(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    del form
    decline(record, connector, by=by)


def _delete(record: TenantRecord, connector: Connector, by: str, form: Form) -> None:
    if form.get("name", "").strip() != str(record.id):
        raise HTTPException(422, f"Type {record.id} to delete it. Nothing was done.")
    request_deletion(record, connector, by=by)


def _is_open(record: TenantRecord) -> bool:
    return record.state not in ENDED


def _awaits_approval(record: TenantRecord) -> bool:
    return record.deletion is not None and record.deletion.approved_at is None and record.deleted_at is None


ACTIONS = (
    Action(
        "approve",
        "Approve the deletion",
        "POST",
        "{tenant}/deletion/approve",
        _approve,
        _awaits_approval,
        "Approved. The deletion continues.",
    ),
    Action(
        "decline",
        "Decline the deletion",
        "POST",
        "{tenant}/deletion/decline",
        _decline,
        _awaits_approval,
        "Declined. People get their access back.",
    ),
    Action(
        "retry",
        "Retry",
        "POST",
        "{tenant}/replications",
        _retry,
        lambda record: record.deleted_at is None,
        "Retry started.",
        "step",
    ),
    Action("plan", "Plan", "POST", "{tenant}/plan", _plan, lambda record: record.deleted_at is None, ""),
    Action(
        "cancel",
        "Cancel",
        "POST",
        "/replications/{replication}/cancel",
        _cancel,
        _is_open,
        "Cancelled after its current call. What is already in AWS stays as it is.",
    ),
    Action(
        "pause",
        "Pause",
        "POST",
        "{tenant}/pause",
        _pause,
        lambda record: record.paused is None and record.deleted_at is None,
        "Paused. Nothing runs for it until somebody resumes it.",
        "reason",
    ),
    Action(
        "resume",
        "Resume",
        "POST",
        "{tenant}/resume",
        _resume,
        lambda record: record.paused is not None,
        "Resumed.",
    ),
    Action(
        "delete",
        "Delete the tenant",
        "DELETE",
        "{tenant}",
        _delete,
        lambda record: record.deletion is None and record.deleted_at is None,
        "Its people lose their access now; the rest follows.",
        "name",
    ),
)
_BY_NAME = {each.name: each for each in ACTIONS}


@router.post("/tenants/{workspace}/{project}/{platform}/do/{action}")
def act(
    request: Request,
    record: KnownTenant,
    action: str,
    form: OwnForm,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
) -> Response:
    """Do it, then show the tenant again."""
    wanted = _BY_NAME.get(action)
    if wanted is None:
        raise HTTPException(404, f"There is no action {action} here.")
    if not visitor.may(*wanted.request(record)):
        raise HTTPException(403, f"The token {visitor.token.name} may not do this. Nothing was done.")
    try:
        there = wanted.do(record, connector, visitor.token.name, form)
    except NotPossible as error:
        raise HTTPException(409, str(error)) from error
    return go_to(request, there) if there else go_to(request, path_of(record.id), done=action)


def path_of(tenant: TenantId) -> str:
    """Return the path of a tenant's page, which is that of the API as well."""
    return "/tenants/" + "/".join(quote(part, safe="") for part in (tenant.workspace, tenant.project, tenant.platform))


def done_text(action: str) -> str:
    """Say what was done; nothing for what nobody knows."""
    return _BY_NAME[action].done if action in _BY_NAME else ""
