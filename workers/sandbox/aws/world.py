"""The simulated world: options, clock and every service's state. Guarded by one lock; handlers run inside it."""

from __future__ import annotations

import copy
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from workers.sandbox import organization
from workers.sandbox.aws import identities
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.aws.shelf import as_seen, join
from workers.sandbox.aws.tree import Account, OrganizationTree
from workers.sandbox.aws.visibility import Reader, Visibility

State = TypeVar("State")
Thing = TypeVar("Thing")
Snapshot = Callable[["World"], Any]
Action = Callable[["World", Mapping[str, Any]], Any]


@dataclass
class World:
    """Everything the simulator knows.

    A service keeps its own state in a dataclass of its own: `world.state(StackSets)` gives the one instance, created
    on first use without arguments. `snapshots` holds what a service shows under its name in GET /_simulator/state,
    `actions` what POST /_simulator/operator may ask of it, `settlers` what happens by itself as time passes.
    What stands on a `Shelf` is seen late: an operation that reads is given the world `seen_by` its endpoint.
    """

    options: SimulatorOptions = field(default_factory=SimulatorOptions)
    clock: Callable[[], float] = time.time
    lock: threading.RLock = field(default_factory=threading.RLock)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    actions: dict[str, Action] = field(default_factory=dict)
    settlers: list[Callable[[World], None]] = field(default_factory=list)
    visibility: Visibility = field(init=False)
    truth: World = field(init=False, repr=False)  # of which this may be a view
    reader: Reader | None = None  # whose view; None: this is the truth
    _states: dict[type, Any] = field(default_factory=dict)
    seen: dict[type, Any] = field(default_factory=dict)  # states as the reader sees them
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    management_account_id: str = organization.MANAGEMENT_ACCOUNT_ID
    automation_account_id: str = organization.AUTOMATION_ACCOUNT_ID
    organization_id: str = organization.ORGANIZATION_ID

    def __post_init__(self) -> None:
        self.truth = self
        self.visibility = Visibility(lambda: self.options, self.now)

    def now(self) -> float:
        """Give the time in seconds since the epoch."""
        return self.clock()

    def state(self, kind: type[State]) -> State:
        """Give the one instance of a service's state, as far as this view of the world sees it."""
        if kind not in self._states:
            self._states[kind] = kind()
            join(self._states[kind], self.visibility)
        if self.reader is None:
            return cast("State", self._states[kind])
        if kind not in self.seen:
            self.seen[kind] = self.view_of(self._states[kind])
        return cast("State", self.seen[kind])

    def view_of(self, part: State) -> State:
        """Give a part of a state, that has shelves of its own, as far as this view of the world sees it."""
        return part if self.reader is None else as_seen(part, self.reader)

    def seen_by(self, service: str, operation: str, behind: float = 0.0) -> World:
        """Give the world as the endpoint sees it that answers an operation, so many seconds behind the others."""
        view = copy.copy(self)
        view.reader, view.truth, view.seen = self.visibility.reader(service, operation, behind), self.truth, {}
        return view

    def as_seen(self) -> World:
        """Give the world as those see it who name one thing in it."""
        return self if self.reader is not None else self.seen_by("", "")

    def named(self, look: Callable[[World], Thing | None]) -> Thing | None:
        """Find the thing that a request names: it must be there, and be seen."""
        return look(self) if look(self.as_seen()) is not None else None

    def knows(self, test: Callable[[World], bool]) -> bool:
        """Say whether something is true, and seen to be."""
        return test(self) and test(self.as_seen())

    def number(self) -> int:
        """Give the next number, for ids: never the same twice in one world."""
        return next(self._numbers)

    def settle(self) -> None:
        """Let everything happen that is due by now (called before each operation and before a state is shown)."""
        for settler in self.settlers:
            settler(self)

    @property
    def accounts(self) -> list[Account]:
        """List every account of the organization: id, name, email, state, tags, parent_id."""
        return list(self.state(OrganizationTree).accounts.values())

    def account(self, account_id: str) -> Account:
        """Find an account; KeyError if it is not one of the organization."""
        return self.state(OrganizationTree).accounts[account_id]

    def role_exists(self, account_id: str, role_name: str) -> bool:
        """Say whether the account has a role of that name."""
        return identities.find_role(account_id, role_name) is not None
