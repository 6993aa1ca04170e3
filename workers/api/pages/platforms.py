"""Platforms: what the doctor found, what is configured, what is paused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, SecretStr
from sse_starlette import EventSourceResponse

from config.landing_zone import LandingZone
from config.mistakes import MASK
from config.platform import Platform
from tasks import questions
from tasks.connector import Connector
from tasks.questions.kinds import HEALTH
from tasks.state.tenants import Selection
from workers.api.dependencies import CurrentConnector
from workers.api.pages.live import OpenStream, live
from workers.api.pages.rendering import PageRoute, go_to, html, page
from workers.api.pages.visitor import CurrentVisitor, OwnForm
from workers.api.platforms import KnownPlatform
from workers.api.schemas import health_view

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get("/platforms")
def show_platforms(request: Request, connector: CurrentConnector, visitor: CurrentVisitor) -> Response:
    """List the platforms with their newest examination."""
    known, paused = connector.catalog.platforms, connector.store.pauses.all()
    rows = [
        {
            "platform": each,
            "health": _health(connector, name),
            "tenants": _tenants(connector, name),
            "paused": paused.get(name),
        }
        for name, each in sorted(known.items())
    ]
    return page(request, visitor, "platforms.html", rows=rows)


@router.get("/platforms/{platform}")
def show_platform(
    request: Request, platform: KnownPlatform, connector: CurrentConnector, visitor: CurrentVisitor
) -> Response:
    """Show one."""
    found = connector.catalog.platforms[platform]
    zones = [each for each in connector.catalog.landing_zones.values() if each.platform in (None, platform)]
    return page(
        request,
        visitor,
        "platform.html",
        platform=found,
        zones=zones,
        tenants=_tenants(connector, platform),
        paused=connector.store.pauses.all().get(platform),
        may={
            each: visitor.may("POST", f"/api/v1/platforms/{platform}/{each}") for each in ("health", "pause", "resume")
        },
        documents={each.name: _document(each) for each in zones},
        document=_document(found),
        live=f"/live/platforms/{platform}",
        health=_health(connector, platform),
    )


@router.get("/live/platforms/{platform}")
def live_platform(
    request: Request,
    platform: KnownPlatform,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
    streams: OpenStream,
) -> EventSourceResponse:
    """Keep what the doctor found live."""
    return live(
        request,
        streams,
        lambda: {"page": html(request, visitor, "_platform.html", health=_health(connector, platform))},
    )


@router.post("/platforms/{platform}/do/{action}")
def act(
    request: Request,
    platform: KnownPlatform,
    action: str,
    form: OwnForm,
    connector: CurrentConnector,
    visitor: CurrentVisitor,
) -> Response:
    """Examine, pause or resume a platform."""
    if action not in ("health", "pause", "resume"):
        raise HTTPException(404, f"There is no action {action} here.")
    if not visitor.may("POST", f"/api/v1/platforms/{platform}/{action}"):
        raise HTTPException(403, f"The token {visitor.token.name} may not do this. Nothing was done.")
    if action == "health":
        questions.ask(connector, HEALTH, platform, platform)
    elif action == "pause":
        reason = form.get("reason", "").strip()[:255] or None
        connector.store.pauses.pause(platform, by=visitor.token.name, reason=reason)
    else:
        connector.store.pauses.resume(platform)
    return go_to(request, f"/platforms/{platform}")


def _health(connector: Connector, platform: str) -> Any:
    question = questions.look(connector, f"{HEALTH}.{platform}")
    return health_view(platform, question) if question else None


def _tenants(connector: Connector, platform: str) -> int:
    return connector.store.tenants.page(Selection(platform=platform), 0, 1)[1]


def _document(configured: Platform | LandingZone) -> str:
    """Write what is in force, without secrets."""
    return json.dumps(_plain(configured), indent=2, ensure_ascii=False)


def _plain(value: object) -> Any:
    """Write a value as JSON can hold it. Pydantic's own way would ask for secrets, which this process has not read."""
    match value:
        case SecretStr():
            return MASK
        case BaseModel():
            fields = {name: getattr(value, name) for name in type(value).model_fields}
            return {name: _plain(each) for name, each in fields.items() if each is not None}
        case Mapping():
            return {str(name): _plain(each) for name, each in value.items()}
        case tuple() | list() | frozenset():
            return [_plain(each) for each in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)
