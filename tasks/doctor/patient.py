"""What a check is given: a platform with its landing zones, AWS as its roles see it, and our own side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from redis import RedisError

from config.landing_zone import LandingZone
from config.platform import Platform
from tasks.aws import Aws
from tasks.aws.purpose import CONNECTOR, Purpose
from tasks.aws.session import Sessions
from tasks.model.replication import State
from tasks.worker import Worker


@dataclass(frozen=True)
class Patient:
    """One platform, as the checks look at it."""

    worker: Worker
    platform: Platform
    zones: tuple[LandingZone, ...]  # those that are for this platform
    account_id: str | None  # an account that a tenant of the platform has; None: there is none yet
    sessions: Sessions  # of its own: credentials of an hour ago prove nothing now
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def aws(self) -> Aws:
        """AWS as the platform's roles see it."""
        return self.aws_for(CONNECTOR)

    def aws_for(self, purpose: Purpose) -> Aws:
        """Return AWS as the platform's roles see it who act for somebody."""
        reading = replace(self.worker.reading(self.platform, now=self.now), purpose=purpose)
        return Aws(self.platform, self.sessions, reading)

    def changed(self, **fields: object) -> Patient:
        """Return the patient with other fields of the platform, and without any credentials."""
        return replace(self, platform=self.platform.model_copy(update=fields), sessions=self.sessions.apart())


def patient(worker: Worker, platform: Platform) -> Patient:
    """Return a platform as it is configured."""
    zones = worker.catalog.landing_zones.values()
    fitting = tuple(zone for zone in zones if zone.platform in (None, platform.identifier) and not zone.disabled)
    return Patient(worker, platform, fitting, _some_account(worker, platform), worker.sessions.apart())


def _some_account(worker: Worker, platform: Platform) -> str | None:
    try:
        for tenant in worker.store.tenants.listed():
            settled = tenant.state is State.SUCCEEDED and tenant.account_id != platform.management_account_id
            if tenant.id.platform == platform.identifier and settled and tenant.account_id is not None:
                return tenant.account_id
    except RedisError:  # a check of its own says so
        pass
    return None
