"""What goes wrong: processes of every kind are killed, Redis is restarted and frozen, AWS fails."""

from __future__ import annotations

import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import cycle
from threading import Event
from time import monotonic

from tests.soak.others import Others
from tests.support.cluster import Cluster
from tests.support.stopped import frozen

VICTIMS = ("worker", "worker", "api", "worker", "beat", "worker", "api", "worker", "flower")  # one after the other

# Together 5 % of all calls. Few are throttled: each time all workers halve their rate for some seconds, as they should,
# and then the soak would be one of waiting.
FAULTS: tuple[dict[str, object], ...] = (
    {"kind": "error", "code": "ServiceException", "status": 500, "chance": 0.012},
    {"kind": "error", "code": "ServiceUnavailable", "status": 503, "chance": 0.012},
    {"kind": "throttle", "chance": 0.002},
    {"kind": "lost_response", "chance": 0.012},
    {"kind": "reset", "chance": 0.012},
)


def failing_calls() -> list[dict[str, object]]:
    """Return the simulator's faults: 5 % of all calls fail, in five ways."""
    return [{**fault, "times": -1} for fault in FAULTS]


@dataclass
class Chaos:
    """Kills, restarts and freezes until the time is over. Runs in the main thread: it starts processes."""

    cluster: Cluster
    others: Others
    seconds: float
    kill_every: float = 5.0  # seconds
    restart_every: float = 60.0
    frozen: float = 60.0  # how long Redis is unreachable, once, in the middle; 0: not at all
    chance: random.Random = field(default_factory=lambda: random.Random(4))
    kills: Counter[str] = field(default_factory=Counter)  # by kind of process
    restarts: int = 0
    freezes: int = 0
    froze: tuple[float, float] = (0.0, 0.0)  # from when until when Redis was unreachable (monotonic)

    def run(self) -> None:
        """Let it go wrong."""
        began, pause = monotonic(), Event()
        next_kill, next_restart, victims = self.kill_every, self.restart_every, cycle(VICTIMS)
        while (time := monotonic() - began) < self.seconds:
            if time >= next_kill:
                self._kill(next(victims))
                next_kill = time + self.kill_every
            if time >= next_restart:
                self._restart()
                next_restart = time + self.restart_every
            if self.frozen and not self.freezes and time >= self.seconds / 2:
                self._freeze(pause)
            pause.wait(0.05)

    def _kill(self, victim: str) -> None:
        self.kills[victim] += 1
        if victim != "worker":
            self.others.kill(victim)
            return
        self.cluster.kill(self.chance.choice(self.cluster.workers))
        name = f"s{self.kills[victim]}"
        command = [sys.executable, "-m", "celery", "-A", "workers.app", "worker", "-n", f"{name}@soak"]
        self.cluster.workers.append(self.cluster.processes.start(name, command))

    def _restart(self) -> None:
        """Cut Redis's power one time, stop it in order the other."""
        if self.restarts % 2 == 0:
            self.cluster.redis.kill()
        self.cluster.redis.restart()
        self.restarts += 1

    def _freeze(self, pause: Event) -> None:
        began = monotonic()
        with frozen(self.cluster.redis.client):
            pause.wait(self.frozen)
        self.freezes, self.froze = self.freezes + 1, (began, monotonic())

    def seconds_between(self, began: float, ended: float) -> float:
        """Return how long Redis could be reached between two moments (monotonic)."""
        frozen = min(ended, self.froze[1]) - max(began, self.froze[0])
        return ended - began - max(frozen, 0.0)
