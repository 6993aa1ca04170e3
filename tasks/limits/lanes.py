"""AWS's limits shared by all workers: how many places each lane has, how often each API may be called.

A *lane* counts work that AWS still does after the call that began it: an account being created, an assignment being
made. A place in it belongs to that work and to the replication that asked for it, not to a process: a killed worker's
replication is continued by another one within the lease, under the same place, so nothing is counted twice. Only the
end of the replication gives back what the steps have not. A replication that ends in the middle of AWS's work
(cancelled, given up) leaves its place behind for a minute, because AWS counts what is in flight, not who waits for it.

Served in order of arrival. Whoever frees a place hands it to the next in line, who is looked at then and not before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from config.platform import Platform
from config.settings import Settings
from tasks.errors import LaneFull, Superseded
from tasks.model.batch import Batch, Wants
from tasks.model.lane import Calls, Lane
from tasks.state.limits import Rate
from tasks.state.store import Store

BURST_SECONDS = 0.25  # of calls that gather while nobody calls: AWS allows bursts, but does not say how long

API_OF_SERVICE = {  # the services whose calls share one limit of the organization; others are limited per account
    "organizations": Calls.ORGANIZATIONS,
    "sso-admin": Calls.IDENTITY_CENTER,
    "identitystore": Calls.IDENTITY_CENTER,
    "scim": Calls.IDENTITY_CENTER,  # AWS does not say that it is counted apart
}


def places(settings: Settings, platform: Platform) -> Mapping[Lane, int]:
    """Return how many places each lane has: the platform's own limits over the settings' defaults."""
    own = platform.limits
    return {
        Lane.ACCOUNT_CREATION: own.account_creations or settings.account_creation_limit,
        Lane.ACCOUNT_ASSIGNMENT: own.account_assignments or settings.account_assignment_limit,
        Lane.ACCOUNT_CLOSURE: own.account_closures or settings.account_closure_limit,
        Lane.STACK_SET_OPERATION: own.stack_set_operations or settings.stack_set_operation_limit,
        Lane.ACCOUNT_LIST: 1,
        Lane.UNIT_LIST: 1,
        Lane.CONTROL_TOWER: own.control_tower_operations or settings.control_tower_operation_limit,
    }


def rates(settings: Settings, platform: Platform) -> Mapping[str, Rate]:
    """Return how often each service of the organization may be called, by botocore's name of the service."""
    own = platform.limits
    per_second = {
        Calls.ORGANIZATIONS: own.organizations_calls_per_second or settings.organizations_calls_per_second,
        Calls.IDENTITY_CENTER: own.identity_center_calls_per_second or settings.identity_center_calls_per_second,
    }
    return {service: _rate(api, per_second[api], platform) for service, api in API_OF_SERVICE.items()}


def _rate(api: str, per_second: int, platform: Platform) -> Rate:
    name = f"{api} in {platform.management_account_id}"
    return Rate(name, per_second, burst=max(1, round(per_second * BURST_SECONDS)))


class NoPlaces:
    """The places of who only reads. To enter a lane there is a defect of ours."""

    def enter(self, lane: str, place: str, limit: int, wants: Wants | None = None) -> NoReturn:  # noqa: ARG002 (as below)
        """Refuse: only writes need a place."""
        raise RuntimeError(f"{place} was to be one of {limit} in {lane}, where nothing may be written")

    def gather(self, lane: str, place: str, batch: Batch) -> NoReturn:  # noqa: ARG002 (as below)
        """Refuse: nothing is sent."""
        raise RuntimeError(f"{place} was to take others along in {lane}, where nothing may be written")

    def disband(self, lane: str, place: str, operation: str) -> NoReturn:  # noqa: ARG002 (as below)
        """Refuse: nobody was taken along."""
        raise RuntimeError(f"{place} was to disband others in {lane}, where nothing may be written")

    def leave(self, lane: str, place: str) -> NoReturn:
        """Refuse: there is none to give back."""
        raise RuntimeError(f"{place} was to leave {lane}, where nothing may be written")


def _nobody(lane: str, waited: timedelta) -> None:
    """Tell nobody."""


@dataclass
class ReplicationPlaces:
    """The places of one replication, as one execution of a step sees them."""

    store: Store
    replication: str
    holder: str = ""  # of its lease
    entered: set[str] = field(default_factory=set)  # lanes in which this execution took a place
    waited: Callable[[str, timedelta], None] = _nobody  # is told of each place that was waited for: lane, how long

    def enter(self, lane: str, place: str, limit: int, wants: Wants | None = None) -> None:
        """Take `place` in `lane`, again is fine; raises LaneFull when others hold all or came earlier.

        wants   what somebody else's operation may do for us, while we wait
        Raises Superseded when the replication has ended meanwhile, or Redis has lost it.
        """
        ahead = self.store.limits.enter(lane, place, self.replication, limit, wants)
        if ahead is None:
            raise Superseded(self.replication)
        if ahead >= 0:
            raise LaneFull(lane)
        if ahead.waited is not None:
            self.waited(lane, ahead.waited)
        self.entered.add(lane)

    def leave(self, lane: str, place: str) -> None:
        """Give the place back, again is fine, and wake who is next."""
        self.store.limits.leave(lane, place, self.replication)

    def gather(self, lane: str, place: str, batch: Batch) -> list[Wants]:
        """Take along who waits in line for the same; raises Superseded when somebody else has the lease."""
        found = self.store.limits.gather(lane, place, batch, self.replication, self.holder)
        if found is None:
            raise Superseded(self.replication)
        return found

    def disband(self, lane: str, place: str, operation: str) -> None:
        """Let those who were taken along ask by themselves: AWS has refused the operation."""
        self.store.limits.disband(lane, place, operation, self.replication, self.holder)
