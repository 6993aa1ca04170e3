"""What is replicated in the matrix: scenarios, each a platform and one tenant's orders, one after the other.

The orders of a scenario are run without a fault first. Every call that this makes is recorded, and then struck by the
faults, in tenants of their own, order after order. So a new step is covered as soon as a scenario reaches its calls:

    Scenario(
        "lambda",
        (Order("creation", PEOPLE, {"lambda_hook": HOOK}), Order("update", OTHER_PEOPLE, {"lambda_hook": HOOK})),
        by_hand=({"action": "offer_function", "name": "told"},),
    )

An order's zone changes fields of the examples' landing zone "development", and its and the scenario's platform fields
of their platform, as `config/landing_zone.py` and `config/platform.py` name them. `<cell>` in a zone or an operator
action stands for the tenant's workspace, for what must differ from cell to cell. The reduced matrix strikes a call
once, in the first scenario that makes it. What AWS then has must be in `end_state.py`, or nobody notices that it is
wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from config.catalog import Catalog
from config.landing_zone import LandingZone

PLATFORM = "aws.sandbox"
LANDING_ZONE = "development"
CELL = "<cell>"


@dataclass(frozen=True)
class Order:
    """One wish of a tenant: the people and the project as in a PUT body; None: it is to be deleted."""

    kind: str  # as the table shows it, different in each scenario
    desired: Mapping[str, Any] | None
    zone: Mapping[str, Any] = field(default_factory=dict)
    platform: Mapping[str, Any] = field(default_factory=dict)  # what changes of the scenario's with this order
    at_account: tuple[Mapping[str, Any], ...] = ()  # operator actions before it, on an account that was taken over

    def landing_zone(self, usual: LandingZone, workspace: str) -> LandingZone:
        """Return the order's own landing zone for one tenant."""
        changed = usual.model_copy(update={**self.zone, "name": self.kind})
        return LandingZone.model_validate_json(changed.model_dump_json().replace(CELL, workspace))

    @property
    def body(self) -> Mapping[str, Any]:
        """The PUT body; there must be one."""
        assert self.desired is not None
        return {**self.desired, "landingZone": self.kind}


@dataclass(frozen=True)
class Scenario:
    """One platform, one tenant's orders."""

    name: str
    orders: tuple[Order, ...]
    platform: Mapping[str, Any] = field(default_factory=dict)
    simulator: Mapping[str, Any] = field(default_factory=dict)  # SimulatorOptions that differ from OPTIONS
    by_hand: tuple[Mapping[str, Any], ...] = ()  # operator actions before everything else
    existing: tuple[str, ...] | None = None  # roles of an account that each tenant takes over; None: AWS makes one

    def account(self, workspace: str) -> str | None:
        """Return the id of the account that a tenant takes over, made of its workspace's number."""
        return None if self.existing is None else f"6{int(workspace.removeprefix('cell')):011d}"

    def body(self, order: Order, workspace: str) -> Mapping[str, Any]:
        """Return a tenant's PUT body."""
        account = self.account(workspace)
        return order.body if account is None else {**order.body, "platformTenantId": account}

    def catalog(self, examples: Catalog, workspace: str, ordered: Order) -> Catalog:
        """Return the configuration of one tenant, as it is with one of its orders."""
        platform = examples.platforms[PLATFORM].model_copy(update={**self.platform, **ordered.platform})
        usual = examples.landing_zones[LANDING_ZONE]
        zones = {order.kind: order.landing_zone(usual, workspace) for order in self.orders}
        return replace(examples, platforms={PLATFORM: platform}, landing_zones=zones)
