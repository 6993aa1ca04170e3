"""The application: routes, middleware and problem documents put together. Nothing happens before `create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from functools import cache
from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline
from starlette.routing import BaseRoute

from config.environment import load_settings
from config.log import get_logger
from config.production import check_production_api
from tasks.connector import Connector, async_redis_client, make_connector
from tasks.in_force import InForce
from workers.api import (
    audit,
    deletions,
    drift,
    events,
    health,
    history,
    meshobjects,
    metering,
    metrics,
    overview,
    pages,
    pauses,
    plans,
    platforms,
    problems,
    replications,
    rollouts,
    tenants,
    unmanaged,
)
from workers.api.access_log import AccessLog, is_untraced
from workers.api.body_limit import BodyLimit
from workers.api.dependencies import known_parameters, no_body
from workers.api.events import HEARTBEAT, MOST_STREAMS, Streams
from workers.api.openapi import describe_problems
from workers.api.schemas import View
from workers.api.security import Guard
from workers.api.wrong_tokens import WrongTokens

DESCRIPTION = """Takes the desired state of tenants and shows what became of it. Every tenant is one AWS account.

`PUT` a tenant, then follow it with `GET`, or live with `GET …/events`. Errors are problem documents (RFC 9457)."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def create_app(
    connector: Connector | None = None, *, most_streams: int = MOST_STREAMS, heartbeat: timedelta = HEARTBEAT
) -> FastAPI:
    """Make the application; with None it makes its connector from the environment when it starts.

    At most `most_streams` event streams are open at once; each says something every `heartbeat`.
    Starting raises SettingsError or CatalogError with every mistake.
    """
    View.build()
    app = FastAPIOffline(  # its pages bring their scripts along: operators' networks rarely reach a CDN
        title="meshStack AWS Connector",
        version=version("meshstack-aws-connector"),
        description=DESCRIPTION,
        lifespan=_lifespan(connector, most_streams, heartbeat),
        telemetry=TelemetryConfig(  # a span for each request, where traces are made (config/tracing.py)
            metrics=False, logs=False, operation_spans=False, auto_configure=False, exclude=is_untraced
        ),
        redirect_slashes=False,  # a redirect would need a body of its own; a wrong path is a 404
        routes=[*_routes()],
    )
    problems.add_handlers(app)
    pages.add_handlers(app)
    describe_problems(app)
    for middleware in (BodyLimit, Guard, AccessLog):  # the last one stands outside: no body is read before the token
        app.add_middleware(middleware)
    return app


@cache
def _routes() -> Sequence[BaseRoute]:
    """Put the routes of all parts together, once: FastAPI reads their signatures anew for whoever includes them."""
    together = APIRouter()
    for part in (
        tenants,
        deletions,
        replications,
        rollouts,
        plans,
        drift,
        unmanaged,
        platforms,
        events,
        history,
        pauses,
        audit,
        metering,
        meshobjects,
        overview,
    ):
        together.include_router(part.router, dependencies=[Depends(known_parameters), Depends(no_body)])
    for part in (health, metrics):
        together.include_router(part.router)
    for each in pages.ROUTERS:
        together.include_router(each)
    return together.routes


def _lifespan(connector: Connector | None, most_streams: int, heartbeat: timedelta) -> Lifespan:
    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        app.state.connector = connector or make_connector(load_settings())
        app.state.in_force = InForce(app.state.connector)
        app.state.orders = app.state.connector.store.orders_on_loop(async_redis_client(app.state.connector.settings))
        check_production_api(app.state.connector.settings)
        app.state.provider = pages.provider_of(app.state.connector.settings)
        app.state.streams = Streams(app.state.connector.settings, most_streams, heartbeat)
        app.state.wrong_tokens = WrongTokens(
            app.state.streams.redis,
            app.state.connector.store.keys.failures,
            app.state.connector.settings.api_failure_limit,
        )
        if not app.state.connector.settings.api_tokens:
            get_logger(__name__).warning("no API tokens are configured: every call is refused with 401")
        try:
            yield
        finally:
            await app.state.streams.close()
            await app.state.orders.close()

    return live
