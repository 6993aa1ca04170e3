"""A runner in this process against the fake meshStack, with a worker that only pretends: no AWS, every step at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from config.catalog import Catalog, load_catalog
from config.settings import Settings
from tasks.chain import AWAIT_APPROVAL, REPLICATION
from tasks.connector import Connector, redis_client
from tasks.documents import Plan, PlannedChange, PlannedStep, QuestionState
from tasks.meshstack.client import ApiKey
from tasks.meshstack.sealed import PrivateKey
from tasks.model.desired import TenantId
from tasks.model.replication import LastError, State, StepState
from tasks.state.outcome import Begun, Dispatch, StepRecord
from tasks.state.store import Store
from tests.meshstack.fake import CLIENT_ID, CLIENT_SECRET, FakeMeshStack
from tests.meshstack.fake_run import RUNNER_UUID, FakeRun
from tests.meshstack.transport import in_process
from tests.support.examples import example_catalog
from tests.support.waiting import LONG, eventually
from workers.examples import EXAMPLES
from workers.runner.process import assemble
from workers.runner.reporting import Pace
from workers.runner.runner import Runner

CONFIG = EXAMPLES / "config"
QUICK = Pace(heartbeat=0.3, look=0.05, first_retry=0.02, longest_retry=0.2)
LEASE = timedelta(seconds=1)
KEY = ApiKey(CLIENT_ID, CLIENT_SECRET)


@dataclass
class Puppet:
    """A worker that does nothing: each step is done at once, or as a test wants."""

    connector: Connector
    held: set[str] = field(default_factory=set)  # steps that wait until a test lets go
    failing: dict[str, LastError] = field(default_factory=dict)  # steps that fail
    plans: dict[str, list[PlannedChange]] = field(default_factory=dict)  # by tenant: what every plan says
    plan_errors: dict[str, LastError] = field(default_factory=dict)  # by tenant: why no plan works
    asked: list[str] = field(default_factory=list)  # tenants that were planned
    _accounts: Any = field(default_factory=lambda: count(500_000_000_001))
    _stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        while not self._stopped.wait(0.03):
            self.once()

    def once(self) -> None:
        self._answer_plans()
        store = self.connector.store
        for dispatch in store.work.pump("nobody's queue", 100, LEASE, timedelta(minutes=10), "puppet"):
            self._work(store, dispatch)

    def stop(self) -> None:
        self._stopped.set()

    def _work(self, store: Store, dispatch: Dispatch) -> None:
        holder = uuid4().hex  # of this execution alone
        begun = store.work.begin(dispatch, holder, LEASE)
        while begun is not None:
            outcome = self._outcome(dispatch, begun)
            if not store.work.record(dispatch.replication, holder, outcome) or not outcome.advance:
                return
            following = dispatch.chain.after(dispatch.step, outcome.failed)
            if following is None or following != dispatch.step + 1:
                return
            dispatch, holder = replace(dispatch, step=following), uuid4().hex
            begun = store.work.begin(dispatch, holder, LEASE)

    def _outcome(self, dispatch: Dispatch, begun: Begun) -> StepRecord:
        step = dispatch.chain.steps[dispatch.step]
        now = datetime.now(UTC)
        waits = step.name in self.held or (step.name == AWAIT_APPROVAL and not self._approved(dispatch))
        if waits:
            document = StepState(name=step.name, state=State.WAITING, note=f"{step.name} waits", attempts=1)
            return StepRecord(dispatch.step, document, State.WAITING, due=timedelta(seconds=0.05))
        error = self.failing.get(step.name)
        failed = begun.failed if error is None else (*begun.failed, step.name)
        following = dispatch.chain.after(dispatch.step, failed)
        ended = State.FAILED if failed else State.SUCCEEDED
        state = State.SUCCEEDED if error is None else State.FAILED
        handles = begun.handles
        if step.name == "wait_for_account" and handles.account_id is None:
            handles = replace(handles, account_id=str(next(self._accounts)))
        if step.name == "report":
            handles = replace(handles, sign_in_url=f"https://likvid.awsapps.com/start/#/{handles.account_id}")
        if step.name == "close_account" and handles.account_id is not None:
            handles = replace(handles, account_id=None, closed_accounts=(handles.account_id,))
        document = StepState(
            name=step.name, state=state, note=f"{step.name} is done", attempts=1, ended_at=now, last_error=error
        )
        return StepRecord(
            dispatch.step,
            document,
            ended if following is None else State.RUNNING,
            due=LEASE,
            advance=following is not None or error is None,
            following=following,
            failed=failed,
            handles=handles,
            error=begun.error or error,
        )

    def _approved(self, dispatch: Dispatch) -> bool:
        record = self.connector.store.tenants.find(TenantId.parse(dispatch.tenant))
        return record is not None and record.deletion is not None and record.deletion.approved_at is not None

    def _answer_plans(self) -> None:
        """Answer what the runner asks for, as a worker would; the message that names the question is left alone."""
        redis: Any = self.connector.store._redis
        for key in redis.scan_iter("connector:question:plan.*"):
            question = self.connector.store.questions.find(key.removeprefix("connector:question:"))
            if question is not None and question.state is QuestionState.PENDING:
                tenant = _json(question.text)["tenant"]
                self.asked.append(tenant)
                plan = self._plan(tenant)
                document = plan.model_dump(mode="json", by_alias=True, exclude_none=True)
                self.connector.store.questions.answer(question.id, QuestionState.DONE, document)

    def _plan(self, tenant: str) -> Plan:
        changes, error = self.plans.get(tenant, []), self.plan_errors.get(tenant)
        steps = [
            PlannedStep(name=step.name, note="as it is", changes=changes, error=error)
            if step.name == "sync_groups"
            else PlannedStep(name=step.name, note="as it is")
            for step in REPLICATION.steps
        ]
        return Plan(
            tenant=tenant,
            chain="replication",
            planned_at=datetime.now(UTC),
            steps=steps,
            changes=len(changes),
            errors=0 if error is None else 1,
        )


def change(sentence: str, call: str = "identitystore:create_group_membership") -> PlannedChange:
    return PlannedChange(call=call, sentence=sentence, account_id=None, parameters={})


def _json(text: str) -> Any:
    import json  # noqa: PLC0415

    return json.loads(text)


@dataclass
class Scene:
    """Everything that plays."""

    fake: FakeMeshStack
    connector: Connector
    puppet: Puppet
    key: PrivateKey
    running: dict[int, tuple[Runner, Thread]] = field(default_factory=dict)

    def start_runner(self) -> Runner:
        runner = assemble(self.connector, KEY, self.key, in_process(self.fake), QUICK)
        runner.tick = 0.01
        thread = Thread(target=runner.run, name="runner")
        self.fake.processes += 1
        thread.start()
        self.running[id(runner)] = runner, thread
        return runner

    def stop_runner(self, runner: Runner) -> None:
        runner.stop()
        _, thread = self.running.pop(id(runner))
        thread.join(30)
        assert not thread.is_alive()

    def ended(self, run: FakeRun, seconds: float = LONG) -> FakeRun:
        def look() -> bool:
            return run.status in ("SUCCEEDED", "FAILED", "ABORTED")

        try:
            eventually(look, seconds)
        except AssertionError:
            raise AssertionError(f"{run}\n{self.fake.violations}") from None
        return run

    def heard(self, run: FakeRun, step: str) -> None:
        """Wait until meshStack knows that a step has begun or ended."""
        eventually(lambda: run.steps.get(step, {}).get("status") not in (None, "PENDING"))

    def all_ended(self, seconds: float = 60) -> None:
        eventually(self.fake.ended, seconds)

    def idle(self) -> None:
        """Wait until no runner holds a run any more."""
        eventually(lambda: not list(self.connector.store.runs.open()))

    def account(self, project: str) -> str | None:
        record = self.connector.store.tenants.find(TenantId("likvid", project, "aws.sandbox"))
        return record.handles.account_id if record is not None else None


def settings(redis_url: str, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "redis_url": SecretStr(redis_url),
        "config_dir": CONFIG,
        "lease": LEASE,
        "meshstack_url": "https://mesh.example.com",
        "meshstack_client_id": CLIENT_ID,
        "meshstack_client_secret": SecretStr(CLIENT_SECRET),
        "runner_uuid": RUNNER_UUID,
        "runner_poll_interval": timedelta(seconds=0.05),
    }
    return Settings(_env_file=None, **(given | more))


@contextmanager
def scene(redis_url: str, key: PrivateKey, catalog: Catalog | None = None, **more: Any) -> Iterator[Scene]:
    """Set the scene, with a worker and without a runner."""
    made = settings(redis_url, **more)
    store = Store(redis_client(made), timedelta(days=1), history=1000)
    connector = Connector(made, catalog or example_catalog(), store)
    puppet = Puppet(connector)
    worker = Thread(target=puppet.run, name="puppet")
    worker.start()
    played = Scene(FakeMeshStack(), connector, puppet, key)
    try:
        yield played
    finally:
        for runner, _ in list(played.running.values()):
            played.stop_runner(runner)
        puppet.stop()
        worker.join(30)
        store.close()


def catalog_with(directory: Path, document: str) -> Catalog:
    """Return the examples' documents with one more."""
    file = directory / "runner.yaml"
    file.write_text(document)
    return load_catalog([CONFIG, file], secrets=False)
