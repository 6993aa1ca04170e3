"""The producer API from the other side: what the command line, demos and your own programs talk through.

with ConnectorClient("http://127.0.0.1:8080", token) as client:
    accepted = client.put_tenant("likvid.shop.aws.sandbox", {"landingZone": "development"})
    for event in client.events(accepted.tenant):
        print(event.type, event.data)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from tasks.documents import AuditEntry, AuditPage, Overview
from tasks.metering.documents import CollectionDocument, CollectionsDocument, CostView
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import Held, Replication, State
from tasks.outgoing import transport
from workers.api.schemas import (
    AcceptedView,
    BudgetsView,
    DriftView,
    FieldProblem,
    HistoryView,
    PausedView,
    PausesView,
    PlanView,
    Problem,
    Readiness,
    RolloutView,
    StatementsView,
    TenantPage,
    TenantRow,
    TenantView,
    UnmanagedView,
)

TIMEOUT_SECONDS = 30.0  # the API itself gives up on Redis earlier
ROLLOUT_SECONDS = 300.0  # it is answered when every tenant is enqueued, some thousands in ten seconds
SILENCE_SECONDS = 45.0  # an event stream says something every 15 s; three times that is a dead connection


class ApiProblem(Exception):
    """The API refused: a problem document as in RFC 9457."""

    def __init__(self, status: int, title: str, detail: str, errors: tuple[FieldProblem, ...] = ()) -> None:
        super().__init__(status, title, detail, errors)
        self.status = status
        self.title = title
        self.detail = detail
        self.errors = errors

    def __str__(self) -> str:
        lines = [f"{error.field}: {error.message} (got {error.value})" for error in self.errors]
        return "\n".join([f"{self.status} {self.title}: {self.detail}", *lines])


class NotOurApi(ApiProblem):
    """Something else answered: a proxy, or another service. Of its answer plain text is shown, and no page."""


@dataclass(frozen=True)
class Event:
    """One event of a tenant: `step`, `replication` or a write to AWS."""

    id: str  # give it as `after` to go on from here
    type: str
    data: dict[str, Any]


class ConnectorClient:
    """Speaks the producer API. Methods raise ApiProblem when refused, httpx2.TransportError when nobody answers."""

    def __init__(self, base_url: str, token: str, timeout: float = TIMEOUT_SECONDS, page_size: int = 500) -> None:
        """Make a client; raises ProxyMistakes when the environment names proxies that cannot be used."""
        headers = {"Authorization": f"Bearer {token}"}
        self._page_size = page_size  # rows a request; the API's bound is 1000
        self._following = httpx2.Timeout(timeout, read=SILENCE_SECONDS)
        self._http = httpx2.Client(
            base_url=base_url, headers=headers, timeout=timeout, event_hooks=_HOOKS, transport=transport(base_url)
        )

    def put_tenant(self, tenant: TenantId | str, desired: Desired | Mapping[str, Any]) -> AcceptedView:
        """Order a tenant, or change its order."""
        if isinstance(desired, Desired):
            desired = desired.model_dump(mode="json", by_alias=True, exclude_none=True)
        return AcceptedView.model_validate_json(self._http.put(_path(tenant), json=dict(desired)).content)

    def tenant(self, tenant: TenantId | str) -> TenantView:
        """Read a tenant with the steps of its newest replication."""
        return TenantView.model_validate_json(self._http.get(_path(tenant)).content)

    def overview(self) -> Overview:
        """Read what an operator asks first."""
        return Overview.model_validate_json(self._http.get("/api/v1/overview").content)

    def tenants(
        self,
        *,
        workspace: str | None = None,
        project: str | None = None,
        platform: str | None = None,
        landing_zone: str | None = None,
        status: State | Held | None = None,
    ) -> Iterator[TenantRow]:
        """Yield every tenant that fits, sorted by name, one request for each page."""
        filters = {"workspace": workspace, "project": project, "platform": platform, "status": status}
        query = {**filters, "landingZone": landing_zone}
        chosen = {name: value for name, value in query.items() if value is not None}
        number, total = 0, 1
        while number < total:
            answer = self._http.get("/api/v1/tenants", params={**chosen, "page": number, "size": self._page_size})
            page = TenantPage.model_validate_json(answer.content)
            yield from page.tenants
            number, total = number + 1, page.page.total_pages

    def replicate(self, tenant: TenantId | str, first: str | None = None) -> AcceptedView:
        """Replicate a tenant again, with the desired state that is stored; `first` names the step to begin with."""
        body = None if first is None else {"from": first}
        return AcceptedView.model_validate_json(self._http.post(f"{_path(tenant)}/replications", json=body).content)

    def history(self, tenant: TenantId | str, most: int) -> list[Replication]:
        """Read a tenant's replications, the newest first."""
        answer = self._http.get(f"{_path(tenant)}/replications", params={"size": most})
        return HistoryView.model_validate_json(answer.content).replications

    def pauses(self) -> list[PausedView]:
        """Read everything that is paused."""
        return PausesView.model_validate_json(self._http.get("/api/v1/pauses").content).pauses

    def pause(self, name: str, reason: str | None = None) -> PausedView:
        """Pause a tenant, or a <platform>.<location>."""
        query = {} if reason is None else {"reason": reason}
        return PausedView.model_validate_json(self._http.post(f"{_place(name)}/pause", params=query).content)

    def resume(self, name: str) -> None:
        """Resume a tenant, or a <platform>.<location>."""
        self._http.post(f"{_place(name)}/resume")

    def audit(self, *, since: datetime | None = None, tenant: TenantId | None = None) -> Iterator[AuditEntry]:
        """Yield every write to AWS, the oldest first, one request for each page."""
        chosen = {"since": since.isoformat() if since else None, "tenant": str(tenant) if tenant else None}
        query: dict[str, str | int] = {name: value for name, value in chosen.items() if value is not None}
        while True:
            answer = self._http.get("/api/v1/audit", params={**query, "size": self._page_size})
            found = AuditPage.model_validate_json(answer.content)
            yield from found.entries
            if found.next is None:
                return
            query["after"] = found.next

    def delete(self, tenant: TenantId | str) -> AcceptedView:
        """Ask to delete a tenant: access ends at once, the rest follows the approval."""
        return AcceptedView.model_validate_json(self._http.delete(_path(tenant)).content)

    def approve(self, tenant: TenantId | str) -> AcceptedView:
        """Approve the request to delete a tenant."""
        return AcceptedView.model_validate_json(self._http.post(f"{_path(tenant)}/deletion/approve").content)

    def decline(self, tenant: TenantId | str) -> AcceptedView:
        """Decline the request to delete a tenant, and give people their access back."""
        return AcceptedView.model_validate_json(self._http.post(f"{_path(tenant)}/deletion/decline").content)

    def plan(self, tenant: TenantId | str, desired: Desired | None = None) -> PlanView:
        """Ask what a replication would change; None: with the desired state that is stored."""
        body = None if desired is None else desired.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return PlanView.model_validate_json(self._http.post(f"{_path(tenant)}/plan", json=body).content)

    def planned(self, plan: str) -> PlanView:
        """Read a plan that was asked for."""
        return PlanView.model_validate_json(self._http.get(f"/api/v1/plans/{quote(plan, safe='')}").content)

    def roll_out(self, landing_zone: str, platform: str | None = None) -> RolloutView:
        """Replicate every tenant of a landing zone, or those of one platform."""
        query = {} if platform is None else {"platform": platform}
        path = f"/api/v1/landing-zones/{quote(landing_zone, safe='')}/rollouts"
        return RolloutView.model_validate_json(self._http.post(path, params=query, timeout=ROLLOUT_SECONDS).content)

    def rollout(self, rollout: str) -> RolloutView:
        """Read how a rollout fares."""
        return RolloutView.model_validate_json(self._http.get(f"/api/v1/rollouts/{quote(rollout, safe='')}").content)

    def replication(self, replication: str) -> Replication:
        """Read a replication with every step."""
        return Replication.model_validate_json(self._http.get(_replication_path(replication)).content)

    def cancel(self, replication: str) -> Replication:
        """Cancel a replication: at once, or after the call that runs now."""
        return Replication.model_validate_json(self._http.post(f"{_replication_path(replication)}/cancel").content)

    def events(self, tenant: TenantId | str, after: str | None = None, *, follow: bool = True) -> Iterator[Event]:
        """Yield a tenant's events, first those that are stored, then each new one; ends when the server stops.

        after    go on after this event id; `$`: only what happens from now on; None: from the oldest stored
        follow   False: only those that are stored
        """
        query = {**({} if after is None else {"after": after}), **({} if follow else {"follow": "false"})}
        path = f"{_path(tenant)}/events"
        with self._http.sse(path, params=query, timeout=self._following) as source:
            for event in source:
                yield Event(event.id, event.event, json.loads(event.data))

    def drift(self, platform: str | None = None) -> DriftView:
        """List the tenants that differ, or differed at the last daily look."""
        query = {} if platform is None else {"platform": platform}
        return DriftView.model_validate_json(self._http.get("/api/v1/drift", params=query).content)

    def unmanaged(self, platform: str | None = None) -> UnmanagedView:
        """List the accounts that no tenant owns."""
        query = {} if platform is None else {"platform": platform}
        return UnmanagedView.model_validate_json(self._http.get("/api/v1/unmanaged", params=query).content)

    def collect_costs(self, platform: str, month: str | None = None) -> CollectionDocument:
        """Begin to collect the costs of a month (2026-10), by default of the current one."""
        query = {"platform": platform, **({} if month is None else {"month": month})}
        answer = self._http.post("/api/v1/metering/collections", params=query)
        return CollectionDocument.model_validate_json(answer.content)

    def collection(self, collection: int) -> CollectionDocument:
        """Read how far a collection of costs is."""
        return CollectionDocument.model_validate_json(
            self._http.get(f"/api/v1/metering/collections/{collection}").content
        )

    def collections(self, platform: str | None = None) -> CollectionsDocument:
        """Read the newest collections of costs, and what was spent today."""
        query = {} if platform is None else {"platform": platform}
        return CollectionsDocument.model_validate_json(
            self._http.get("/api/v1/metering/collections", params=query).content
        )

    def costs(self, by: str, order: str = "amount", size: int = 200, **wanted: str | None) -> CostView:
        """Read the costs of a month by service, day, account, tenant, project, workspace or payment-method.

        order    what comes first: amount, or rise against the month before
        wanted   month (default: the current one), platform, workspace, tenant
        """
        query: dict[str, str | int] = {"by": by, "order": order, "size": size}
        query |= {name: value for name, value in wanted.items() if value is not None}
        return CostView.model_validate_json(self._http.get("/api/v1/costs", params=query).content)

    def budgets(self, **wanted: str | None) -> BudgetsView:
        """Read what is used of budgets; `wanted`: month (default: the current one), workspace."""
        query = {name: value for name, value in wanted.items() if value is not None}
        return BudgetsView.model_validate_json(self._http.get("/api/v1/costs/budgets", params=query).content)

    def statements(self, **wanted: str | None) -> StatementsView:
        """Read what payment methods are charged for a month; `wanted` as for `costs`, without tenant."""
        query = {name: value for name, value in wanted.items() if value is not None}
        return StatementsView.model_validate_json(self._http.get("/api/v1/chargeback", params=query).content)

    def export_reports(self, file_format: str, **wanted: str | None) -> Iterator[bytes]:
        """Yield a file of usage reports, csv, json or parquet; `wanted` as for `costs`, without tenant."""
        query = {"format": file_format, **{name: value for name, value in wanted.items() if value is not None}}
        with self._http.stream("GET", "/api/v1/usage-reports/export", params=query) as answer:
            yield from answer.iter_bytes()

    def ready(self) -> Readiness:
        """Ask whether orders are taken, and how many workers there are; raises ApiProblem 503 when none would be."""
        return Readiness.model_validate_json(self._http.get("/readyz").content)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _refuse(response: httpx2.Response) -> None:
    if response.is_success:
        return
    response.read()
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        kind = response.headers.get("content-type", "none")
        text = response.text[:200] if kind.startswith("text/plain") else f"an answer of type {kind}"
        raise NotOurApi(response.status_code, response.reason_phrase, text) from None
    raise ApiProblem(problem.status, problem.title, problem.detail, tuple(problem.errors or ()))


_HOOKS = {"response": [_refuse]}


def _path(tenant: TenantId | str) -> str:
    name = TenantId.parse(tenant) if isinstance(tenant, str) else tenant
    parts = (quote(part, safe="") for part in (name.workspace, name.project, name.platform))
    return "/api/v1/tenants/" + "/".join(parts)


def _place(name: str) -> str:
    """Name a tenant's path, or a platform's."""
    return _path(name) if name.count(".") != 1 else f"/api/v1/platforms/{quote(name, safe='')}"


def _replication_path(replication: str) -> str:
    return f"/api/v1/replications/{quote(replication, safe='')}"
