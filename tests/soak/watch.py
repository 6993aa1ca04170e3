"""Every second: who may be in which account, by what AWS has, compared with what was ordered by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from threading import Event, Thread
from time import monotonic
from typing import Any

from tasks.names import TENANT_TAG
from tests.properties.cloud import people_by_account
from tests.soak.chaos import Chaos
from tests.soak.load import Producer
from tests.soak.verdict import Held
from tests.support.cluster import PLATFORM
from workers.sandbox.client import SimulatorClient

EVERY = 1.0  # seconds
Where = tuple[str, Held]  # project, and what somebody has in its account


@dataclass
class Watcher:
    """Looks until it is stopped, in a thread of its own."""

    simulator: SimulatorClient
    chaos: Chaos
    producers: Sequence[Producer]
    looks: int = 0
    strange: set[str] = field(default_factory=set)  # sentences about what no order has ever given
    overdue: dict[tuple[Where, float], float] = field(
        default_factory=dict
    )  # seconds that it was seen after it ended, without those of a freeze
    crash: BaseException | None = None
    _stopped: Event = field(default_factory=Event)

    def start(self) -> Thread:
        """Look from now on."""
        thread = Thread(target=self._run, name="watcher")
        thread.start()
        return thread

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def row(self) -> str:
        """Tell how long it took until those who lost something were seen without it, of those who were seen with it."""
        seconds = sorted(self.overdue.values())
        if len(seconds) < 2:
            return f"{len(seconds)}"
        cuts = quantiles(seconds, n=20, method="inclusive")
        return f"{len(seconds)}: {cuts[9]:.1f} s, {cuts[18]:.1f} s, {seconds[-1]:.1f} s"

    def _run(self) -> None:
        try:
            while not self._stopped.wait(EVERY):
                self._look()
        except BaseException as error:
            self.crash = error
            raise

    def _look(self) -> None:
        began = monotonic()
        ended = {key: at for producer in self.producers for key, at in dict(producer.ended).items()}
        state = self.simulator.state()
        given = {key for producer in self.producers for key in set(producer.given)}
        self.looks += 1
        for where in held(state):
            if where not in given:
                project, (person, permission_set) = where
                self.strange.add(f"{person} had {permission_set} in the account of {project}, which no order gives")
            elif where in ended:
                self.overdue[where, ended[where]] = self.chaos.seconds_between(ended[where], began)


def held(state: Mapping[str, Any]) -> Iterator[Where]:
    """Yield what everybody has in the accounts, each under its tenant's project; under the account's id without one."""
    for account_id, people in people_by_account(state).items():
        tenant = state["accounts"][account_id]["tags"].get(TENANT_TAG, account_id)
        project = tenant.removeprefix("likvid.").removesuffix(f".{PLATFORM}")
        yield from ((project, each) for each in people)
