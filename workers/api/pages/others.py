"""The smaller pages: drift, unmanaged accounts, runs of meshStack, settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request, Response

from config.environment import variable
from config.settings import Settings
from tasks.organization import unmanaged
from tasks.state.runs import AWAKE
from workers.api.dependencies import CurrentConnector
from workers.api.pages.rendering import PageRoute, page
from workers.api.pages.visitor import CurrentVisitor
from workers.runner.record import RunRecord

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/drift")
def show_drift(request: Request, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """List the tenants that the last daily look found different."""
    return page(request, visitor, "drift.html", drifts=connector.store.drifts.listed())


@router.get("/unmanaged")
def show_unmanaged(request: Request, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """List the accounts that no tenant owns."""
    organizations = sorted({each.management_account_id for each in connector.catalog.platforms.values()})
    listings = {each: connector.store.snapshots.last_listing(each) for each in organizations}
    accounts = unmanaged.listed(connector)
    zones = sorted(connector.catalog.landing_zones)
    return page(request, visitor, "unmanaged.html", accounts=accounts, listings=listings, zones=zones)


@router.get("/runs")
def show_runs(request: Request, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """List the building block runs of meshStack that have not ended."""
    runs = connector.store.runs
    rows = [(RunRecord.model_validate_json(held.record), held) for held in runs.open()]
    settings = connector.settings
    return page(
        request,
        visitor,
        "runs.html",
        rows=rows,
        runners=runs.runners(AWAKE),
        meshstack=str(settings.meshstack_url) if settings.meshstack_url else None,
    )


@router.get("/settings")
def show_settings(request: Request, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """Show what is in force, without secrets, and the tokens by name."""
    settings = connector.settings
    return page(request, visitor, "settings.html", rows=list(_rows(settings)), tokens=settings.api_tokens)


def _rows(settings: Settings) -> Any:
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if name != "api_tokens":
            yield variable(name), _shown(value), value == field.default, field.description or ""


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value.total_seconds():g} s" if isinstance(value, timedelta) else str(value)
