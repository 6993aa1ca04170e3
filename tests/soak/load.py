"""The producers: they order tenants, change them at random, and remember what was accepted last."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpx2

from tests.soak.verdict import Held, given
from tests.support.cluster import PLATFORM, desired
from workers.client import ApiProblem, ConnectorClient
from workers.sandbox.organization import USERS

ZONES = ("development", "production")
ROLES = ("admin", "user", "reader")
NEW_TENANTS_UNTIL = 0.4  # of the whole time; only changes come afterwards


def random_content(chance: random.Random) -> dict[str, Any]:
    """Return a PUT body: zero to three people, each with one or more roles; one zone of two."""
    people = chance.sample(sorted(USERS), chance.randint(0, 3))
    access = [
        {"username": name, "euid": name, "roles": sorted(chance.sample(ROLES, chance.randint(1, 3)))} for name in people
    ]
    return desired(chance.choice(ZONES), access)


@dataclass
class Producer:
    """One client: sends orders of its own tenants, one at a time, each again until it is accepted."""

    client: ConnectorClient
    projects: Sequence[str]
    seconds: float
    pause: float  # seconds between two orders
    seed: int
    latest: dict[str, dict[str, Any]] = field(default_factory=dict)  # project -> the content accepted last
    accepted: dict[str, float] = field(default_factory=dict)  # replication -> when it was accepted last (monotonic)
    given: set[tuple[str, Held]] = field(default_factory=set)  # by any content that was sent
    ended: dict[tuple[str, Held], float] = field(default_factory=dict)  # what the newest gives no more; since when
    orders: int = 0
    refused: int = 0  # answers "Redis is away"
    unanswered: int = 0  # the API was away, or went before it answered
    crash: BaseException | None = None
    _stopped: Event = field(default_factory=Event)

    def start(self) -> Thread:
        """Send in a thread of its own until the time is over."""
        thread = Thread(target=self._run, name=f"producer-{self.seed}")
        thread.start()
        return thread

    def stop(self) -> None:
        """Send nothing new."""
        self._stopped.set()

    def _run(self) -> None:
        try:
            self._send_all()
        except BaseException as error:
            self.crash = error
            raise

    def _send_all(self) -> None:
        chance, began = random.Random(self.seed), monotonic()
        waiting = list(self.projects)
        each = self.seconds * NEW_TENANTS_UNTIL / len(waiting)
        while not self._stopped.wait(self.pause) and monotonic() - began < self.seconds:
            wanted = min(len(self.projects), 1 + int((monotonic() - began) / each))
            while waiting and len(self.latest) < wanted:
                self._order(waiting.pop(0), random_content(chance))
            self._order(chance.choice(list(self.latest)), random_content(chance))
        for project in waiting:  # Redis was away for most of the time
            self._order(project, random_content(chance))

    def _order(self, project: str, content: dict[str, Any]) -> None:
        now_given = {(project, held) for held in given(project, content)}
        self.given |= now_given
        for key in now_given:  # it may be accepted although nobody answers
            self.ended.pop(key, None)
        while True:
            try:
                accepted = self.client.put_tenant(f"likvid.{project}.{PLATFORM}", content)
            except httpx2.TransportError:
                self.unanswered += 1
            except ApiProblem as problem:
                if problem.status != httpx2.codes.SERVICE_UNAVAILABLE:
                    raise
                self.refused += 1
            else:
                before = given(project, self.latest[project]) if project in self.latest else set()
                self.ended |= dict.fromkeys({(project, held) for held in before} - now_given, monotonic())
                self.latest[project] = content
                self.accepted[accepted.replication_id] = monotonic()
                self.orders += 1
                return
            self._stopped.wait(0.2)
