"""What a step is, and what a chain of steps is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome

Condition = Callable[[Tenant, Handles], str | None]
"""Says why there is nothing to do, in the words of a step's note; None: there is something."""


def unless(condition: Condition) -> Callable[[Callable[[Tenant, Handles, Any], Outcome]], Any]:
    """Let a step answer Done without a call where what is configured and known leaves it nothing to do.

    The condition is asked ahead, too: a step that has nothing to do is not dispatched at all.
    """

    def decorate(function: Callable[[Tenant, Handles, Any], Outcome]) -> Callable[[Tenant, Handles, Any], Outcome]:
        @wraps(function)
        def step(tenant: Tenant, handles: Handles, aws: Any) -> Outcome:
            why = condition(tenant, handles)
            return function(tenant, handles, aws) if why is None else Done(handles, why)

        step.nothing_to_do = condition  # type: ignore[attr-defined]  # a function may carry what belongs to it
        return step

    return decorate


@dataclass(frozen=True)
class Step:
    """One step of the chain: the name that people read, and what must have worked before it.

    What it does is the function of that name in `tasks/steps/<name>.py`, which `tasks.steps.run_step` finds when it
    runs: who only asks for replications knows the names of their steps, and needs none of the code behind them.

    A step that fails for good does not stop later ones that do not need it: taking access away must never wait behind a
    broken stack. The replication then ends FAILED all the same, and shows every reason.
    """

    name: str
    needs: tuple[str, ...] = ()
    members_only: bool = True  # False: also for the management account, whose people get access and nothing else
    always: bool = False  # True: also in a replication that was asked to begin later
    needs_landing_zone: bool = True  # False: it works for a tenant whose landing zone no document describes any more


@dataclass(frozen=True)
class Chain:
    """Steps in their order; ValueError when one needs a step that does not come before it."""

    name: str
    steps: tuple[Step, ...]

    def __post_init__(self) -> None:
        before: set[str] = set()
        for step in self.steps:
            if unknown := set(step.needs) - before:
                raise ValueError(f"{self.name}: {step.name} needs {', '.join(unknown)}, which does not come before it")
            before.add(step.name)

    def task(self, index: int) -> str:
        """Name a step's task in Celery and Flower.

        >>> from tasks.chain import REPLICATION
        >>> REPLICATION.task(0)
        'replication.withdraw_access'
        """
        return f"{self.name}.{self.steps[index].name}"

    def unreachable(self, failed: Iterable[str]) -> dict[str, str]:
        """Return the steps that cannot run any more after these have failed, each with the failed step that it needs.

        >>> from tasks.chain import DELETION
        >>> DELETION.unreachable(["revoke_access"])
        {'report_deletion': 'revoke_access'}
        >>> list(DELETION.unreachable(["await_approval"]))
        ['delete_groups', 'quarantine_account', 'close_account', 'report_deletion']
        """
        causes = {name: name for name in failed}
        for step in self.steps:
            broken = [causes[need] for need in step.needs if need in causes]
            if broken and step.name not in causes:
                causes[step.name] = broken[0]
        return {name: cause for name, cause in causes.items() if name != cause}

    def after(self, index: int, failed: Iterable[str], idle: Iterable[str] = ()) -> int | None:
        """Return the index of the step that follows; None: nothing is left to do. Idle steps have nothing to do.

        >>> from tasks.chain import DELETION
        >>> DELETION.after(0, []), DELETION.after(5, ["delete_groups"]), DELETION.after(4, ["await_approval"])
        (1, 6, None)
        >>> DELETION.after(0, [], ["locate_account", "recall_access", "withdraw_federation"])
        4
        """
        lost = {*failed, *self.unreachable(failed), *idle}
        return next((later for later in range(index + 1, len(self.steps)) if self.steps[later].name not in lost), None)
