"""What happens around Celery's processes: our logs instead of Celery's."""

from __future__ import annotations

from typing import Any

from celery import signals

from config.log import configure_logging
from tasks.connector import own_connector


def connect() -> None:
    """Connect to Celery's signals."""
    signals.setup_logging.connect(_set_up_logging, weak=False)


def _set_up_logging(**_celery_options: Any) -> None:
    """Log as the settings say; Celery sets up nothing itself when this signal has a receiver."""
    connector = own_connector()
    configure_logging(connector.settings.log_format, connector.settings.log_level, connector.secrets)
    connector.log_notes()
