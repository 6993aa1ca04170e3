"""The audit log: every write to AWS."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Security
from pydantic import AwareDatetime

from tasks.documents import AuditPage
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import responses
from workers.api.security import BEARER

LARGEST_PAGE = 1000  # entries, about 1 kB each

router = APIRouter(prefix="/api/v1/audit", tags=["audit"], dependencies=[Security(BEARER)])


@router.get("", operation_id="get_audit_log", summary="Show every write to AWS", responses=responses(401, 422, 503))
def get_audit(
    connector: CurrentConnector,
    since: Annotated[AwareDatetime | None, Query(description="only what was sent then or later")] = None,
    tenant: Annotated[str | None, Query(description="<workspace>.<project>.<platform>.<location>")] = None,
    after: Annotated[
        str | None, Query(description="continue after this entry", pattern=r"^[0-9]{1,15}-[0-9]{1,15}$")
    ] = None,
    size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 200,
) -> AuditPage:
    """Show who asked, tenant, replication, step, call, arguments without secrets, AWS's request id and the outcome.

    The oldest come first. With `tenant` a page may have few entries, or none, and still not be the last: `next` tells.
    """
    return connector.store.audit.page(size, since=since, after=after, tenant=tenant)
