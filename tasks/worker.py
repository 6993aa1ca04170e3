"""What a worker has besides what everybody has who asks: its way to AWS, and what it has learned and counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import NoReturn

from config.environment import load_settings
from config.platform import Platform
from tasks.aws import Run
from tasks.aws.calls import Observer
from tasks.aws.session import Sessions
from tasks.connector import Connector, make_connector
from tasks.in_force import InForce
from tasks.limits.call_rates import ExpectedCalls
from tasks.limits.intervals import UsualTimes
from tasks.limits.lanes import NoPlaces, places, rates
from tasks.metrics.counters import Counters
from tasks.model.call import Intent
from tasks.model.handles import Handles
from tasks.secret_stores.stores import SecretStores


class ReaderWrites(Exception):
    """A defect of ours: who only reads AWS wanted to change something."""


@dataclass(frozen=True)
class Worker(Connector):
    """One process that calls AWS."""

    sessions: Sessions = field(default_factory=Sessions)
    usual_times: UsualTimes = field(default_factory=UsualTimes)
    expected_calls: ExpectedCalls = field(default_factory=ExpectedCalls)
    counters: Counters = field(default_factory=Counters)

    def __post_init__(self) -> None:
        """Show what this process will count."""
        self.counters.begin(sorted(self.catalog.platforms))

    @classmethod
    def of(cls, connector: Connector) -> Worker:
        """Return a worker with this connector's documents and store."""
        return cls(connector.settings, connector.catalog, connector.store)

    def reading(
        self,
        platform: Platform,
        *,
        counted_as: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        account_created_at: datetime | None = None,
    ) -> Run:
        """Return what surrounds somebody who reads AWS and writes nothing: a plan, a snapshot, the doctor.

        A reader waits for nobody.
        counted_as  under which name its calls count in the rates that all workers share, so that whoever comes later
                    waits for them; None: they do not count
        """

        def count(service: str) -> None:
            if counted_as is not None and service in of_service:
                self.store.limits.take(of_service[service], counted_as, 1, owed=True)

        of_service = rates(self.settings, platform)
        return Run(
            now=now,
            remember=_refuse,
            places=NoPlaces(),
            limits=places(self.settings, platform),
            lookup_grace=self.settings.lookup_grace,
            observer=Observer(before_write=_refuse_write, after_call=self.counters.called, before_call=count),
            account_created_at=account_created_at,
            access_grace=self.settings.access_grace,
            users_kept=self.settings.users_kept,
            visibility_grace=self.settings.visibility_grace,
        )


@cache
def own_in_force() -> InForce[Worker]:
    """Return what gives this process its worker, made from the environment at the first call."""
    stores = SecretStores()
    connector = make_connector(load_settings(), secrets=True, look_up=stores.look_up)
    worker = replace(Worker.of(connector), sessions=Sessions(refused=stores.ask_soon))
    return InForce(worker, secrets=True, stores=stores)


def own_worker() -> Worker:
    """Return this process's worker as it is now, made from the environment at the first call.

    Raises SettingsError or CatalogError with every mistake.
    """
    return own_in_force().now()


def _refuse(handles: Handles) -> NoReturn:
    raise ReaderWrites(str(handles))


def _refuse_write(_: Intent) -> NoReturn:
    raise ReaderWrites
