"""What this process counts for Prometheus: its calls to AWS, its steps, waits in line, replications that it has ended.

Labels are names of ours and of AWS, never a tenant or an account: so the number of series stays small however many
tenants there are. What all processes share is read from Redis instead (`metrics/gauges.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from enum import StrEnum
from itertools import product

from prometheus_client import CollectorRegistry, Counter, Histogram

from tasks.chain import CHAINS
from tasks.model.call import CallRecord
from tasks.model.desired import TenantId
from tasks.model.lane import Lane, kind_of
from tasks.model.replication import State, StepState

WORKED = "ok"
DAY, ORDER = CAUSES = ("day", "order")  # who asked for a replication
ENDS = (State.SUCCEEDED, State.FAILED)  # of a replication; one that was cancelled is not counted
STEP_STATES = (State.SUCCEEDED, State.FAILED, State.WAITING)
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20, 60)  # seconds; 20 and 60 are the read time-outs
STEP_BUCKETS = (0.1, 0.5, 1, 5, 20, 60)  # seconds; a step never waits, so long ones wait for AWS's answers
LONG_BUCKETS = (
    1,
    5,
    15,
    60,
    300,
    900,
    1800,
    3600,
    4 * 3600,
    24 * 3600,
)  # seconds that an order, a step or a line takes
WITHDRAWAL_BUCKETS = (1, 2, 5, 10, 15, 30, 60, 300, 900, 3600)  # seconds; 15 are promised


class Metering(StrEnum):
    """What came of a run of a collection of costs."""

    ENDED = "ended"
    FAILED = "failed"
    CAPPED = "capped"  # what may be spent in a day is spent
    RETRIED = "retried"  # an error that time mends


class Counters:
    """Counts since the process began; safe for several threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._calls = Histogram(
            "connector_aws_call_seconds",
            "Calls to AWS by the code that AWS answered with, and how long they took.",
            ("service", "operation", "code"),
            registry=self.registry,
            buckets=CALL_BUCKETS,
        )
        self._steps = Histogram(
            "connector_step_seconds",
            "Executions of steps by outcome, and how long they took.",
            ("step", "state"),
            registry=self.registry,
            buckets=STEP_BUCKETS,
        )
        self._replications = Histogram(
            "connector_replication_seconds",
            "Replications that this process has ended, and how long ago they were asked for.",
            ("platform", "chain", "cause", "state"),
            registry=self.registry,
            buckets=LONG_BUCKETS,
        )
        self._elapsed = Histogram(
            "connector_step_elapsed_seconds",
            "Steps that have ended, and how long that took from their first execution, with all that they waited for.",
            ("step", "state"),
            registry=self.registry,
            buckets=LONG_BUCKETS,
        )
        self._withdrawals = Histogram(
            "connector_withdrawal_seconds",
            "From an order that may take access away until everybody whom it withdraws is out.",
            ("platform",),
            registry=self.registry,
            buckets=WITHDRAWAL_BUCKETS,
        )
        self._waits = Histogram(
            "connector_lane_wait_seconds",
            "How long replications have waited in line for their place in a limit of AWS.",
            ("lane",),
            registry=self.registry,
            buckets=LONG_BUCKETS,
        )
        self._metering = Counter(
            "connector_metering_runs",
            "Runs of collections of costs, by outcome.",
            ("platform", "outcome"),
            registry=self.registry,
        )

    def begin(self, platforms: Collection[str]) -> None:
        """Show as 0 what can be known ahead: Prometheus takes no increase from a series that is born at 1.

        AWS's codes cannot be known: `called` shows each with its first answer.
        """
        for chain in CHAINS.values():
            for step, state in product(chain.steps, STEP_STATES):
                self._steps.labels(step.name, state.value)
            for step, state in product(chain.steps, ENDS):
                self._elapsed.labels(step.name, state.value)
            for platform, cause, state in product(platforms, CAUSES, ENDS):
                self._replications.labels(platform, chain.name, cause, state.value)
        for platform in platforms:
            self._withdrawals.labels(platform)
            for outcome in Metering:
                self._metering.labels(platform, outcome.value)
        for lane in Lane:
            self._waits.labels(lane.value)

    def called(self, call: CallRecord) -> None:
        """Count a call to AWS."""
        self._calls.labels(call.service, call.operation, call.code or WORKED).observe(call.seconds)

    def executed(self, step: StepState, took: timedelta) -> None:
        """Count one execution of a step: SUCCEEDED, FAILED, or WAITING for AWS, for a place, or after an error."""
        self._steps.labels(step.name, step.state.value).observe(took.total_seconds())
        if step.state in ENDS and step.started_at and step.ended_at:
            elapsed = step.ended_at - step.started_at
            self._elapsed.labels(step.name, step.state.value).observe(elapsed.total_seconds())

    def ended(self, tenant: TenantId, chain: str, state: State, took: timedelta, *, daily: bool) -> None:
        """Count a replication that has ended."""
        cause = DAY if daily else ORDER
        self._replications.labels(tenant.platform, chain, cause, state.value).observe(took.total_seconds())

    def withdrawn(self, tenant: TenantId, took: timedelta) -> None:
        """Count an order that may have taken access away: whoever it withdraws is out."""
        self._withdrawals.labels(tenant.platform).observe(took.total_seconds())

    def waited(self, lane: str, took: timedelta) -> None:
        """Count a place in a lane that was waited for, or taken at once."""
        self._waits.labels(kind_of(lane)).observe(took.total_seconds())

    def metered(self, platform: str, outcome: Metering) -> None:
        """Count a run of a collection of costs."""
        self._metering.labels(platform, outcome.value).inc()
