"""`python -m tests.meshstack.soak`: 200 runs of all kinds with faults, while runners and workers are killed.

Sizes come from the environment: RUNS, SEED, LOGS (a directory where the logs stay).
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from pathlib import Path
from time import monotonic

from tests.meshstack.fake import FakeMeshStack
from tests.meshstack.faults import BEFORE, Seeded
from tests.meshstack.play import Play, playing
from tests.support.cluster import QUICK
from workers.demo.supervisor import interruptible

WORKERS, RUNNERS = 2, 2
KILL_EVERY = 4.0  # seconds
ABORTED = 0.05  # of the first runs
FIRST = 0.6  # of all runs: each makes a tenant; the others are later runs of these
SECONDS = 1500.0


def main() -> int:
    """Play, print what was counted, answer the exit code."""
    number, seed = int(os.environ.get("RUNS", "200")), int(os.environ.get("SEED", "1"))
    fake = FakeMeshStack(faults=Seeded(seed, rate=0.05, lost=0.03, names=BEFORE))
    print(f"{number} runs, {WORKERS} workers, {RUNNERS} runners, seed {seed} …", flush=True)
    kept = os.environ.get("LOGS")
    options = QUICK.model_copy(update={"creation_seconds": 1.0})
    with (
        interruptible(),
        tempfile.TemporaryDirectory(prefix="runs-") as directory,
        playing(Path(kept or directory), fake, workers=WORKERS, runners=RUNNERS, options=options) as play,
    ):
        began = monotonic()
        chance = random.Random(seed)
        _queue(play, round(number * FIRST), chance)
        play.until_ended(SECONDS, KILL_EVERY)
        _queue_again(play, number - round(number * FIRST), chance)
        play.until_ended(SECONDS, KILL_EVERY)
        wrong = list(play.wrong())
        _print(play, monotonic() - began)
        print("\n".join([*(f"WRONG: {each}" for each in wrong), f"{len(wrong)} things are wrong"]), flush=True)
    return 1 if wrong else 0


def _queue(play: Play, number: int, chance: random.Random) -> None:
    for each in range(number):
        run = play.queue(f"p{each}", "alice", "bob")
        if chance.random() < ABORTED:
            run.abort_wanted = chance.random() < 0.5  # else in the middle
            play.to_abort.append(run)


def _queue_again(play: Play, number: int, chance: random.Random) -> None:
    """Queue later runs of the same building blocks: Bob loses his access, a dry run, a deletion."""
    made = [run for run in play.fake.runs.values() if run.status == "SUCCEEDED"]
    for run in chance.sample(made, min(number, len(made))):
        behavior = chance.choice(("APPLY", "APPLY", "DETECT", "DESTROY"))
        play.queue(run.spec["projectIdentifier"], "alice", behavior=behavior, block=run.block)


def _print(play: Play, seconds: float) -> None:
    states: dict[str, int] = {}
    for run in play.fake.runs.values():
        name = f"{run.behavior} {run.status}"
        states[name] = states.get(name, 0) + 1
    faults = play.fake.faults
    rows = {
        "seconds": f"{seconds:.0f}",
        "runs ended": ", ".join(f"{count} {status}" for status, count in sorted(states.items())),
        "requests, logins": f"{play.fake.requests}, {play.fake.logins}",
        "faults": str(sum(faults.seen.values())) if isinstance(faults, Seeded) else "0",
        "of them claims whose answer was lost": str(faults.seen["claim lost"]) if isinstance(faults, Seeded) else "0",
        "disturbances": ", ".join(f"{count} {what}" for what, count in sorted(play.kills.items())),
        "longest silence about a run": f"{max(run.longest_silence for run in play.fake.runs.values()):.1f} s",
        "violations": str(len(play.fake.violations)),
    }
    for name, text in rows.items():
        print(f"  {name:40} {text}")


if __name__ == "__main__":
    sys.exit(main())
