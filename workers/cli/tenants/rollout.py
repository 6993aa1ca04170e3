"""The command `rollout`: replicate every tenant of a landing zone, and show how that fares.

The API does all of it, so this command may end at any time; `--watch` looks at the same rollout again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tasks.model.replication import ENDED, State
from workers.api.schemas import RolloutView
from workers.cli.connection import connect
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.options import Access
from workers.cli.output import is_live, print_json_line, print_line, stdout_console
from workers.cli.progress import Followed, LiveView, watch
from workers.cli.results import complain_about_failures
from workers.cli.slow import saying
from workers.client import ConnectorClient

LOOK_SECONDS = 1.0  # between two questions: one for all tenants


@dataclass(frozen=True)
class Wanted:
    """Which rollout: a new one of a landing zone, or one that was started."""

    landing_zone: str | None
    platform: str | None
    started: str | None  # id


def show_rollout(wanted: Wanted, access: Access, *, wait: bool, as_json: bool) -> ExitCode:
    """Start a rollout or look at one, and show it until all have ended; answers the exit code."""
    if (wanted.landing_zone is None) == (wanted.started is None) or (wanted.started and wanted.platform):
        message = (
            "name a LANDING_ZONE to roll out, or a rollout with --watch ID and neither LANDING_ZONE nor --platform"
        )
        raise CommandFailed(message, ExitCode.USAGE)
    with connect(access) as client:
        started = _start(client, wanted)
        for tenant, why in started.refused.items():
            complain(f"{tenant} cannot be replicated: {why}")
        if started.paused:
            complain(f"skipped, because paused: {', '.join(started.paused)}; resume them, then retry them")
        code = ExitCode.MISTAKES if started.refused else ExitCode.DONE
        if wait or wanted.started:
            return max(code, _follow(client, started, as_json=as_json))
        ChangeView(started, as_json).show(_followed(started))
        return code


def _start(client: ConnectorClient, wanted: Wanted) -> RolloutView:
    if wanted.started is not None:
        return client.rollout(wanted.started)
    with saying(f"every tenant of {wanted.landing_zone} is enqueued"):
        return client.roll_out(wanted.landing_zone or "", wanted.platform)


def _follow(client: ConnectorClient, started: RolloutView, *, as_json: bool) -> ExitCode:
    lines = ChangeView(started, as_json)
    view = LiveView(stdout_console()) if is_live() and not as_json else lines
    try:
        ended = watch(_followed(started), lambda _: _followed(client.rollout(started.id)), view, every=LOOK_SECONDS)
    except KeyboardInterrupt:
        complain(f"the rollout continues; to see it: aws-connector rollout --watch {started.id}")
        raise
    lines.show(ended)
    return complain_about_failures(ended)


def _followed(view: RolloutView) -> list[Followed]:
    return [Followed(each.tenant, each.id, each) for each in view.replications]


def summary(rollout: RolloutView, followed: Iterable[Followed]) -> str:
    """Say in one line how far a rollout is."""
    states = _states(followed)
    ended = sum(count for state, count in states.items() if state in ENDED)
    counts = ", ".join(f"{count} {state.value}" for state, count in states.items() if count)
    total = f"{ended} of {sum(states.values())} ended"
    return f"rollout {rollout.id} of {rollout.landing_zone}: {total}; {counts or 'no tenants'}"


def _states(followed: Iterable[Followed]) -> dict[State, int]:
    found = [each.state for each in followed]
    return {state: found.count(state) for state in State}


class ChangeView:
    """Prints a line, as JSON or for people, whenever the number of tenants in some state has changed."""

    def __init__(self, rollout: RolloutView, as_json: bool) -> None:
        self.rollout = rollout
        self.as_json = as_json
        self.shown = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, all_of_them: Iterable[Followed]) -> None:
        """Print the line when it differs from the last one."""
        followed = list(all_of_them)
        line = summary(self.rollout, followed)
        if line == self.shown:
            return
        self.shown = line
        if self.as_json:
            print_json_line(document(self.rollout, followed))
        else:
            print_line(stdout_console(), line)


def document(rollout: RolloutView, followed: list[Followed]) -> dict[str, Any]:
    """Make the JSON object of one line: how many stand where, and who did not succeed, with the reasons."""
    failed = [each.known for each in followed if each.known and each.state in ENDED - {State.SUCCEEDED}]
    return {
        "id": rollout.id,
        "landingZone": rollout.landing_zone,
        "platform": rollout.platform,
        "ended": all(each.ended for each in followed),
        "total": len(followed),
        "states": {state.value: count for state, count in _states(followed).items()},
        "failed": [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in failed],
        "refused": rollout.refused,
        "paused": rollout.paused,
    }
