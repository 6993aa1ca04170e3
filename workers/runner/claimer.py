"""Asks meshStack for runs: with free capacity only, one at a time over all runners, and never gives one up early."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import structlog

from config.runner_document import RunInputs
from tasks.connector import Connector
from tasks.meshstack.errors import Away, MeshStackError, Refused
from tasks.meshstack.run import ClaimedRun, UnreadableRun
from tasks.meshstack.runs import Address, Runs
from tasks.meshstack.sealed import PrivateKey, TokenBox
from tasks.state.parameters import Admit
from workers.runner import report
from workers.runner.inputs import CALL, BadRun, read_inputs
from workers.runner.metrics import RunMetrics
from workers.runner.record import RunRecord, Stage, Status
from workers.runner.refusals import refused
from workers.runner.reporting import OpenRun

FIRST_PAUSE = 1.0  # seconds after a claim that failed; then twice as long
LONGEST_PAUSE = 60.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class HandedOut:
    """A run that meshStack has handed to us."""

    run: OpenRun
    fresh: RunRecord  # as if it had been handed out for the first time
    was_others: bool  # another runner was working on it


@dataclass
class Claimer:
    """Claims runs and stores them."""

    connect: Callable[[], Connector]
    runs: Runs
    key: PrivateKey | None
    box: TokenBox
    holder: str
    metrics: RunMetrics
    failures: int = field(default=0, init=False)  # claims in a row
    unstored: dict[str, Any] | None = field(default=None, init=False)  # handed out to us, and not in Redis yet

    @property
    def connector(self) -> Connector:
        """The connector with the configuration that is in force now."""
        return self.connect()

    def claim(self) -> HandedOut | None:
        """Claim one run and store it; None: there is none for us.

        Raises MeshStackError when meshStack did not answer as it should, redis.RedisError when Redis is away.
        """
        if self.unstored is None:
            with self.connector.store.runs.claiming(self.holder, self.connector.settings.lease) as ours:
                self.unstored = self._claimed() if ours else None
        if self.unstored is None:
            return None
        run = self._admitted(self.unstored)
        self.unstored = None
        return run

    def _claimed(self) -> dict[str, Any] | None:
        try:
            document = self.runs.claim()
        except MeshStackError:
            self.failures += 1
            self.metrics.poll_errors.inc()
            raise
        self.failures = 0
        if document is not None:
            self.metrics.claimed.inc()
        return document

    def pause(self, error: MeshStackError | None) -> float:
        """Return for how many seconds no claim is sent after one that failed."""
        wanted = error.retry_after if isinstance(error, Away) else None
        return wanted if wanted is not None else min(FIRST_PAUSE * 2 ** max(self.failures - 1, 0), LONGEST_PAUSE)

    def _admitted(self, document: dict[str, Any]) -> HandedOut | None:
        """Store a run that was handed out; None: it cannot be read, and was refused."""
        try:
            claimed = ClaimedRun.read(document)
        except UnreadableRun as unreadable:
            self._refuse_unreadable(unreadable)
            return None
        fresh = self._record(claimed, self.connector.catalog.runner.inputs)
        token = claimed.spec.run_token
        stored, others = self.connector.store.runs.admit(
            Admit(
                run=fresh.uuid,
                block=fresh.block,
                number=fresh.number,
                record=fresh.json_text(),
                token=None if token is None else self.box.lock(fresh.uuid, token, os.urandom(12)),
                holder=self.holder,
                lease=self.connector.settings.lease,
            )
        )
        known = RunRecord.model_validate_json(stored)
        log.info("claimed", run=fresh.uuid, behavior=fresh.behavior, block=fresh.block_name, again=known != fresh)
        record = known.handed_out_again(fresh) if known != fresh else fresh
        self.connector.store.runs.note(fresh.uuid, record.json_text(), self.holder)
        return HandedOut(OpenRun(record, token), fresh, others)

    def _record(self, claimed: ClaimedRun, keys: RunInputs) -> RunRecord:
        now = datetime.now(UTC)
        try:
            return RunRecord.of(claimed, read_inputs(claimed, keys, self.key), now)
        except BadRun as bad:
            if claimed.spec.behavior.upper() not in ("APPLY", "DESTROY", "DETECT"):
                self.metrics.count_unhandled(claimed.spec.behavior.upper()[:20])
            log.warning("the run cannot be carried out", run=claimed.uuid, reason=bad.system)
            record = RunRecord.of(claimed, None, now)
            return record.but(stage=Stage.ENDING, final=refused(record, bad))

    def _refuse_unreadable(self, unreadable: UnreadableRun) -> None:
        """End a run FAILED of which nothing but its name is known; without that too, meshStack's time-out ends it."""
        self.metrics.count_unhandled("unreadable")
        log.error("meshStack handed out something that is not a run", run=unreadable.uuid, reason=str(unreadable))
        if unreadable.uuid is None:
            return
        step = report.prepared(
            Status.FAILED, f"The connector cannot read this run. {CALL}", f"The run {unreadable}. Update the connector."
        )
        address = Address(unreadable.uuid)
        try:
            self.runs.register(address, [report.registration(step)])
            self.runs.update(address, {"status": Status.FAILED, "steps": [report.update(step)]})
        except (Away, Refused) as error:
            log.warning("the run could not be reported", run=unreadable.uuid, reason=str(error))
