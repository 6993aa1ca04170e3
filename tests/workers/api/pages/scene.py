"""Tenants in every state that a page tells apart, made through the store as workers do, and a visitor of the pages."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from tasks.chain import CHAINS
from tasks.model.desired import TenantId
from tasks.model.handles import Deployment, Group, Handles
from tasks.model.replication import LastError, State, StepState, WaitsFor
from tasks.orders.producer import replicate
from tasks.state.outcome import Dispatch, StepRecord
from tests.workers.api.server import BODY, WRITE, Api

PLATFORM = "aws.sandbox"
ACCOUNT = "123456789012"
LEASE = timedelta(seconds=60)
QUOTA = LastError(
    code="ACCOUNT_LIMIT_EXCEEDED",
    message="the organization has as many accounts as it may",
    request_id="req-1",
    remedy="Ask AWS for more accounts (Service Quotas).",
)
REFUSED = LastError(
    code="AccessDenied", message="not allowed to move", remedy="Give the role organizations:MoveAccount."
)
HANDLES = Handles(
    account_id=ACCOUNT,
    account_name="likvid.shop",
    email="aws+shop@example.com",
    alias="likvid-shop",
    organizational_unit="ou-sbox-development",
    access_stack=f"arn:aws:cloudformation:eu-central-1:{ACCOUNT}:stack/meshstack-cf-access/1",
    stack_set="arn:aws:cloudformation:eu-central-1:333333333333:stackset/meshstack-baseline:1",
    stack_instances={"eu-central-1": Deployment("d", "p", "op-1")},
    users={"bob@example.com": "u-bob", "eve@example.com": "u-eve"},
    groups={
        "likvid-shop-user": Group("user", "g-user", ("arn:user",), ("bob@example.com", "eve@example.com")),
    },
)


@dataclass
class Scene:
    """What a test sets up."""

    api: Api

    def order(self, project: str, **changes: Any) -> TenantId:
        """Order a tenant."""
        tenant = TenantId("likvid", project, PLATFORM)
        replicate("likvid", project, PLATFORM, {**BODY, **changes}, by="meshstack", connector=self.api.connector)
        return tenant

    def begin(self, tenant: TenantId) -> Dispatch:
        """Take it up as a worker does."""
        taken = self.api.store.work.pump("celery", 100, LEASE, timedelta(hours=1), "w1")
        [dispatch] = [each for each in taken if each.tenant == str(tenant)]
        assert self.api.store.work.begin(dispatch, "holder", LEASE)
        return dispatch

    def end(self, dispatch: Dispatch, step: StepState, state: State, **record: Any) -> None:
        """Record how the step ended that it runs."""
        chain = CHAINS[dispatch.chain.name]
        assert step.name == chain.steps[dispatch.step].name
        outcome = StepRecord(dispatch.step, step, state, due=timedelta(hours=1), **record)
        assert self.api.store.work.record(dispatch.replication, "holder", outcome)

    def failed(self, project: str, error: LastError = REFUSED) -> TenantId:
        tenant = self.order(project)
        step = StepState(
            name="withdraw_access", state=State.FAILED, note=str(error.message), attempts=1, last_error=error
        )
        self.end(self.begin(tenant), step, State.FAILED, failed=("withdraw_access",), error=error)
        return tenant

    def waiting(self, project: str, note: str = "AWS is creating the account", **step: Any) -> TenantId:
        tenant = self.order(project)
        step = {"waits_for": WaitsFor.AWS, "attempts": 1, "started_at": datetime.now(UTC), **step}
        parked = step["waits_for"] is WaitsFor.PERSON
        shown = StepState(name="withdraw_access", state=State.WAITING, note=note, **step)
        self.end(self.begin(tenant), shown, State.WAITING, parked=parked, error=step.get("last_error"))
        return tenant

    def succeeded(self, project: str, handles: Handles = HANDLES) -> TenantId:
        tenant = self.order(project)
        now = datetime.now(UTC)
        step = StepState(
            name="withdraw_access", state=State.SUCCEEDED, note="done", attempts=1, started_at=now, ended_at=now
        )
        self.end(self.begin(tenant), step, State.SUCCEEDED, handles=handles)
        return tenant

    @staticmethod
    def step(state: State, **about: Any) -> StepState:
        """Return a step that was tried once, a moment ago."""
        return StepState(state=state, attempts=1, started_at=datetime.now(UTC), **about)

    def write(self, tenant: TenantId, call: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Note a write to AWS in the audit log; gives the event that goes with it."""
        about = {"tenant": str(tenant), "replication": "r1", "step": "s", "asked_by": "meshstack", "call": call}
        entry = self.api.store.audit.append({**about, "arguments": sent}, timedelta(days=1))
        at = datetime.now(UTC).isoformat()
        return {"type": "write", "call": call, "code": None, "at": at, "audit": entry, "step": "s"}


@contextmanager
def visiting(api: Api, token: str = WRITE) -> Iterator[httpx2.Client]:
    """Sign in; gives a client that keeps the cookie."""
    with api.client(None) as http:
        answer = http.post("/sign-in", data={"token": token, "next": "/"})
        assert answer.status_code == 303, answer.text
        yield http


def text_of(page: httpx2.Response) -> str:
    """Return what a page says, on one line, without its tags."""
    assert page.status_code == 200, page.text
    main = page.text.partition("<main")[2].partition("</main>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main)).split())


def csrf_of(page: httpx2.Response) -> str:
    """Return the secret of the session's forms."""
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def send(http: httpx2.Client, path: str, **fields: str) -> httpx2.Response:
    """Send a form of a page, as its buttons do."""
    return http.post(path, data={"csrf": csrf_of(http.get("/")), **fields})
