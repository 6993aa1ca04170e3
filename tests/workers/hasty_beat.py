"""The connector's own Celery app with other intervals: `celery -A tests.workers.hasty_beat beat`."""

from __future__ import annotations

from datetime import timedelta

from workers.app import app

OFTEN, RARELY = "often", "rarely"
INTERVAL = timedelta(seconds=0.5)

app.conf.beat_schedule = {
    OFTEN: {"task": OFTEN, "schedule": INTERVAL},
    RARELY: {"task": RARELY, "schedule": timedelta(hours=1)},
}
