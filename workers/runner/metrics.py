"""What the runner counts, under the names that meshStack's own runner has."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LABEL = "runner_uuid"
SECONDS = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 10_800)


class RunMetrics:
    """The numbers of one runner process."""

    def __init__(self, runner: str) -> None:
        self.registry = CollectorRegistry()

        def counter(name: str, text: str) -> Counter:
            made = Counter(name, text, [LABEL], registry=self.registry)
            return made.labels(runner)

        self.claimed = counter("runner_runs_claimed", "Runs that were claimed")
        self.succeeded = counter("runner_runs_succeeded", "Runs that have ended SUCCEEDED")
        self.failed = counter("runner_runs_failed", "Runs that have ended FAILED")
        self.aborted = counter("runner_runs_aborted", "Runs that somebody has aborted in meshStack")
        self.poll_errors = counter(
            "runner_poll_errors", "Claims that failed, other than by the answer that there is none"
        )
        self.capacity_skips = counter(
            "runner_at_capacity_skips", "Times at which no run was claimed for lack of capacity"
        )
        self.report_errors = counter("runner_report_errors", "Reports that meshStack did not accept at once")
        unhandled = Counter(
            "runner_runs_unhandled", "Runs that the runner cannot handle", [LABEL, "type"], registry=self.registry
        )
        self.unhandled = unhandled
        self._runner = runner
        seconds = Histogram(
            "runner_run_duration_seconds",
            "From the claim to the last report",
            [LABEL],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.seconds = seconds.labels(runner)
        self.open = Gauge("runner_runs_open", "Runs that this process holds", [LABEL], registry=self.registry).labels(
            runner
        )

    def count_unhandled(self, kind: str) -> None:
        """Count a run that cannot be handled, by what it is."""
        self.unhandled.labels(self._runner, kind).inc()
