"""What this process counts for Prometheus: its calls to AWS, the executions of steps, the replications it has ended.

Labels are names of ours and of AWS, never a tenant or an account: so the number of series stays small however many
tenants there are. What all processes share is read from Redis instead (`metrics/gauges.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import product

from prometheus_client import CollectorRegistry, Histogram

from tasks.chain import CHAINS
from tasks.model.call import CallRecord
from tasks.model.desired import TenantId
from tasks.model.replication import State

WORKED = "ok"
DAY, ORDER = CAUSES = ("day", "order")  # who asked for a replication
ENDS = (State.SUCCEEDED, State.FAILED)  # of a replication; one that was cancelled is not counted
STEP_STATES = (State.SUCCEEDED, State.FAILED, State.WAITING)
CALL_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 20, 60)  # seconds; 20 and 60 are the read time-outs
STEP_BUCKETS = (0.1, 0.5, 1, 5, 20, 60)  # seconds; a step never waits, so long ones wait for AWS's answers
REPLICATION_BUCKETS = (1, 5, 15, 60, 300, 900, 1800, 3600, 4 * 3600, 24 * 3600)  # seconds from the order to the end


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
            "Executions of steps by what came of them, and how long they took.",
            ("step", "state"),
            registry=self.registry,
            buckets=STEP_BUCKETS,
        )
        self._replications = Histogram(
            "connector_replication_seconds",
            "Replications that this process has ended, and how long ago they were asked for.",
            ("platform", "chain", "cause", "state"),
            registry=self.registry,
            buckets=REPLICATION_BUCKETS,
        )

    def begin(self, platforms: Iterable[str]) -> None:
        """Show as 0 what can be known ahead: Prometheus takes no increase from a series that is born at 1.

        AWS's codes cannot be known: `called` shows each with its first answer.
        """
        for chain in CHAINS.values():
            for step, state in product(chain.steps, STEP_STATES):
                self._steps.labels(step.name, state.value)
            for platform, cause, state in product(platforms, CAUSES, ENDS):
                self._replications.labels(platform, chain.name, cause, state.value)

    def called(self, call: CallRecord) -> None:
        """Count a call to AWS."""
        self._calls.labels(call.service, call.operation, call.code or WORKED).observe(call.seconds)

    def executed(self, step: str, state: State, took: timedelta) -> None:
        """Count one execution of a step: SUCCEEDED, FAILED, or WAITING for AWS, for a place, or after an error."""
        self._steps.labels(step, state.value).observe(took.total_seconds())

    def ended(self, tenant: TenantId, chain: str, state: State, took: timedelta, *, daily: bool) -> None:
        """Count a replication that has ended."""
        cause = DAY if daily else ORDER
        self._replications.labels(tenant.platform, chain, cause, state.value).observe(took.total_seconds())
