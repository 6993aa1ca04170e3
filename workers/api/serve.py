"""Run the API with uvicorn: what `aws-connector api` calls."""

from __future__ import annotations

import gc

import uvicorn

from config import tracing
from config.log import configure_logging
from config.production import check_production_api
from config.settings import Settings
from tasks.connector import make_connector
from workers.api.app import create_app

SHUTDOWN_SECONDS = 5  # for answers that are under way; event streams end at once
KEEP_ALIVE_SECONDS = 65  # longer than the usual 60 s of a load balancer, so that it is the one that hangs up


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises CatalogError with every mistake of the configuration, SettingsError for what must not be in production.
    """
    check_production_api(settings)
    connector = make_connector(settings)
    configure_logging(settings.log_format, settings.log_level, connector.secrets)
    tracing.start("api")
    connector.log_notes()
    app = create_app(connector)
    gc.collect()
    gc.freeze()  # what is made by now stays: looking through it for garbage held all requests up for 90 ms each time
    uvicorn.run(
        app,
        host=settings.api_host,
        port=settings.api_port,
        log_config=None,
        access_log=False,  # ours knows the token's name and no query strings
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
