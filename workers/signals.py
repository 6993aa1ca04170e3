"""What happens around Celery's processes: our logs instead of Celery's."""

from __future__ import annotations

from typing import Any

from celery import signals

from config.environment import load_settings
from config.log import configure_logging


def connect() -> None:
    """Connect to Celery's signals."""
    signals.setup_logging.connect(_set_up_logging, weak=False)


def _set_up_logging(**_celery_options: Any) -> None:
    """Log as the settings say; Celery sets up nothing itself when this signal has a receiver."""
    settings = load_settings()
    configure_logging(settings.log_format, settings.log_level, settings.secret_texts)
