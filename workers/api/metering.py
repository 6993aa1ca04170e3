"""Costs: collections, usage reports, chargeback statements and views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain, islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response, Security
from fastapi.responses import StreamingResponse

from tasks.metering.documents import CollectionDocument, CollectionsDocument, CostView, UsageReport
from workers.api.dependencies import CurrentConnector
from workers.api.drift import PlatformFilter, check_platform
from workers.api.openapi import Responses, responses
from workers.api.schemas import BudgetsView, IdleView, ReportPage, StatementsView, page_of
from workers.api.security import BEARER

LARGEST_PAGE = 200  # reports, of some dozen lines each
MOST_ROWS = 20_000  # of a view: AWS has no larger organizations

router = APIRouter(prefix="/api/v1", tags=["costs"], dependencies=[Security(BEARER)])


def desk(connector: CurrentConnector) -> Any:
    """Return what answers about costs."""
    from tasks.metering.desk import Desk  # noqa: PLC0415 (SQLAlchemy takes its time, and few ask after costs)

    return Desk(connector)


CurrentDesk = Annotated[Any, Depends(desk)]  # FastAPI would want the class itself, which is not loaded yet
MONTH = "^20[0-9]{2}-(0[1-9]|1[0-2])$"  # \d would be any digit of any script
MonthFilter = Annotated[str | None, Query(description="default: the current one", pattern=MONTH, examples=["2026-10"])]
WorkspaceFilter = Annotated[str | None, Query(description="only this one's")]
TenantFilter = Annotated[str | None, Query(description="<workspace>.<project>.<platform>.<location>: only this one's")]
LOCATION = {"description": "path of the collection", "schema": {"type": "string"}}
BEGUN: Responses = {202: {"description": "It was started, or is already running", "headers": {"Location": LOCATION}}}
MEDIA = {"csv": "text/csv; charset=utf-8", "json": "application/json", "parquet": "application/vnd.apache.parquet"}
FILE: Responses = {200: {"description": "A file", "content": {each.partition(";")[0]: {} for each in MEDIA.values()}}}


@router.post(
    "/metering/collections",
    status_code=202,
    operation_id="collect_costs",
    summary="Collect the costs of a month",
    responses=BEGUN | responses(401, 403, 404, 422, 503),
)
def post_collection(
    request: Request,
    response: Response,
    costs: CurrentDesk,
    platform: Annotated[str, Query(description="<platform>.<location>", examples=["aws.sandbox"])],
    month: MonthFilter = None,
) -> CollectionDocument:
    """Let a worker read the costs of all accounts of the organization. It costs $0.01 for each page that AWS answers.

    Days that did not change are not read again; while a month is collected, asking again is the same collection.
    """
    found: CollectionDocument = costs.collect(platform, month, request.scope["token"])
    response.headers["Location"] = f"/api/v1/metering/collections/{found.id}"
    return found


@router.get(
    "/metering/collections",
    operation_id="list_collections",
    summary="List collections of costs",
    responses=responses(401, 404, 422, 503),
)
def list_collections(
    connector: CurrentConnector,
    costs: CurrentDesk,
    platform: PlatformFilter = None,
    size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> CollectionsDocument:
    """Show the newest ones with the pages that they read, and what was spent today."""
    check_platform(platform, connector)
    found: CollectionsDocument = costs.collections(platform, size)
    return found


@router.get(
    "/metering/collections/{collection_id}",
    operation_id="get_collection",
    summary="Show a collection of costs",
    responses=responses(401, 404, 422, 503),
)
def get_collection(
    collection_id: Annotated[int, Path(ge=1, le=2_000_000_000)], costs: CurrentDesk
) -> CollectionDocument:
    """Show how far it is, and what it waits for."""
    found: CollectionDocument | None = costs.collection(collection_id)
    if found is None:
        raise HTTPException(404, f"There is no collection {collection_id}.")
    return found


@router.get(
    "/usage-reports",
    operation_id="list_usage_reports",
    summary="Show what accounts cost in a month",
    responses=responses(401, 404, 422, 503),
)
def list_usage_reports(
    connector: CurrentConnector,
    costs: CurrentDesk,
    month: MonthFilter = None,
    platform: PlatformFilter = None,
    workspace: WorkspaceFilter = None,
    tenant: TenantFilter = None,
    page: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    size: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = 50,
) -> ReportPage:
    """Show one report for each account and owner, with all lines, by platform and account."""
    check_platform(platform, connector)
    wanted = wanted_costs(month, platform=platform, workspace=workspace, tenant=tenant)
    found, count = costs.reports(wanted, page, size)
    return ReportPage(reports=found, page=page_of(page, size, count))


@router.get(
    "/usage-reports/export",
    operation_id="export_usage_reports",
    summary="Export what accounts cost in a month",
    response_class=StreamingResponse,
    responses=FILE | responses(401, 404, 422, 501, 503),
)
def export_usage_reports(
    connector: CurrentConnector,
    costs: CurrentDesk,
    month: MonthFilter = None,
    platform: PlatformFilter = None,
    workspace: WorkspaceFilter = None,
    file_format: Annotated[Literal["csv", "json", "parquet"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """Send a file: CSV or Parquet with one row for each line of a report, or JSON with one report on each line.

    Parquet needs pyarrow, which the extra `parquet` installs; without it the answer is 501.
    """
    from tasks.metering.export import as_csv, as_json  # noqa: PLC0415 (as above)
    from tasks.metering.parquet import as_parquet  # noqa: PLC0415 (as above)

    check_platform(platform, connector)
    found = _begun(costs.export(wanted_costs(month, platform=platform, workspace=workspace)))
    write: Mapping[str, Callable[[Iterator[UsageReport]], Iterator[str] | Iterator[bytes]]]
    write = {"csv": as_csv, "json": as_json, "parquet": as_parquet}
    return StreamingResponse(write[file_format](found), media_type=MEDIA[file_format])


@router.get(
    "/usage-reports/{platform}/{month}/{account_id}",
    operation_id="get_usage_report",
    summary="Show what one account costs in a month",
    responses=responses(401, 404, 422, 503),
)
def get_usage_report(
    platform: Annotated[str, Path(examples=["aws.sandbox"])],
    month: Annotated[str, Path(pattern=MONTH, examples=["2026-10"])],
    account_id: Annotated[str, Path(pattern=r"^[0-9]{12}$")],
    costs: CurrentDesk,
    part: Annotated[int, Query(ge=0, le=1000, description="which of the account's owners in this month")] = 0,
) -> UsageReport:
    """Show a report with all lines."""
    found: UsageReport | None = costs.report(wanted_costs(month, platform=platform, account=account_id), part)
    if found is None:
        raise HTTPException(404, f"There is no report {part} of account {account_id} for {month} on {platform}.")
    return found


@router.get(
    "/chargeback",
    operation_id="list_statements",
    summary="Show what payment methods are charged for a month",
    responses=responses(401, 404, 422, 503),
)
def list_statements(
    connector: CurrentConnector,
    costs: CurrentDesk,
    month: MonthFilter = None,
    platform: PlatformFilter = None,
    workspace: WorkspaceFilter = None,
) -> StatementsView:
    """Show one statement for each payment method of a project and each currency, in whole cents."""
    check_platform(platform, connector)
    wanted = wanted_costs(month, platform=platform, workspace=workspace)
    return StatementsView(month=str(wanted.month), statements=costs.statements(wanted))


@router.get(
    "/costs",
    operation_id="view_costs",
    summary="Show the costs of a month by service, day, account, tenant, project, workspace or payment method",
    responses=responses(401, 404, 422, 503),
)
def view_costs(
    connector: CurrentConnector,
    costs: CurrentDesk,
    by: Literal["service", "day", "account", "tenant", "project", "workspace", "payment-method"] = "service",
    order: Annotated[Literal["amount", "rise"], Query(description="sort order")] = "amount",
    size: Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows; days are all shown")] = 200,
    month: MonthFilter = None,
    platform: PlatformFilter = None,
    workspace: WorkspaceFilter = None,
    tenant: TenantFilter = None,
) -> CostView:
    """Show them with those of the month before; of the current month also what it is expected to cost in the end."""
    check_platform(platform, connector)
    wanted = wanted_costs(month, platform=platform, workspace=workspace, tenant=tenant)
    found: CostView = costs.view(wanted, by, order, size)
    return found


@router.get(
    "/costs/idle",
    operation_id="list_idle_tenants",
    summary="Show tenants without costs",
    responses=responses(401, 404, 422, 503),
)
def list_idle_tenants(
    connector: CurrentConnector,
    costs: CurrentDesk,
    platform: PlatformFilter = None,
    workspace: WorkspaceFilter = None,
) -> IdleView:
    """Show tenants whose accounts have cost nothing for 30 days; none while AWS has not told of all of these days."""
    check_platform(platform, connector)
    return IdleView(tenants=costs.idle(wanted_costs(None, platform=platform, workspace=workspace)))


@router.get(
    "/costs/budgets",
    operation_id="list_budgets",
    summary="Show how much of the budgets is used",
    responses=responses(401, 422, 503),
)
def list_budgets(costs: CurrentDesk, month: MonthFilter = None, workspace: WorkspaceFilter = None) -> BudgetsView:
    """Show budgets of projects for the month, and those of payment methods, which are for all months together."""
    wanted = wanted_costs(month)
    found, unreadable = costs.budgets(wanted.month, workspace), costs.unreadable_budgets(workspace)
    return BudgetsView(month=str(wanted.month), budgets=found, unreadable=unreadable)


def wanted_costs(month: str | None, **names: str | None) -> Any:
    """Say whose costs of which month are wanted; none: of the current one."""
    from tasks.metering.desk import month_of  # noqa: PLC0415 (as above)
    from tasks.metering.reading import Wanted  # noqa: PLC0415 (as above)

    return Wanted(month_of(month), **names)


def _begun(found: Iterator[UsageReport]) -> Iterator[UsageReport]:
    """Read the first report at once, so that a database that is away is a problem document and no half file."""
    first = list(islice(found, 1))
    return chain(first, found)
