"""What a worker does when beat says so: the daily round, the look at every organization, costs, messages to people."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from celery import Celery

from config.log import register_secrets
from config.made_once import made_once
from config.printable import counted
from config.schedule import COLLECT, LOOK, NOTIFY, PULL, REPLICATE, RESUME, SEND, options
from tasks import questions
from tasks.daily.drift_report import ANSWERS
from tasks.daily.round import look_at_organizations, replicate_oldest
from tasks.meshobjects.pull import pull
from tasks.meshstack import access
from tasks.meshstack.api_user import ApiUser
from tasks.meshstack.client import MeshStack
from tasks.notifications import outbox
from tasks.worker import Worker

if TYPE_CHECKING:
    from tasks.metering.rounds import Round


def register(app: Celery, connect: Callable[[], Worker]) -> None:
    """Make the Celery tasks that beat sends, and what these ask of other workers."""

    @app.task(name=REPLICATE, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def replicate_daily() -> str:
        return f"{counted(replicate_oldest(connect(), connect().store.now()), 'tenant')} enqueued"

    @app.task(name=LOOK, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def look() -> str:
        return f"{counted(look_at_organizations(connect(), connect().store.now()), 'organization')} listed"

    # Those that come several times a minute are not told to Flower: they would fill its first page.
    @app.task(name=NOTIFY, shared=False, send_events=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def notify() -> str:
        return f"{counted(outbox.deliver(connect(), connect().store.now()), 'message')} taken"

    @made_once
    def meshstack(url: str | None = None) -> MeshStack:
        key = access.api_key(connect().settings)
        register_secrets((key.secret,))
        return access.connect(connect().settings, key, url=url)

    @app.task(name=PULL, shared=False, send_events=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def pull_from_meshstack() -> str:
        settings = connect().settings
        user = access.api_user(settings) if settings.meshstack_tell_accounts else None
        teller = None if user is None else ApiUser(meshstack(), user)
        return str(pull(connect(), meshstack(), connect().store.now(), teller))

    @app.task(name=SEND, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def send_usage_reports() -> str:
        from tasks.metering import sending  # noqa: PLC0415 (SQLAlchemy takes its time, and a worker is to begin at once)

        user = access.api_user(connect().settings)
        if user is None:  # beat has other settings
            return "no API user is configured"
        metering = meshstack(connect().settings.meshstack_metering_url)
        return str(sending.send(connect(), ApiUser(metering, user), connect().store.now()))

    _register_costs(app, connect)
    questions.register(app, connect, ANSWERS)


def _register_costs(app: Celery, connect: Callable[[], Worker]) -> None:
    """Make those of costs, of which one goes on with what another has left: a message must not run for long."""

    def more(done: Round) -> str:
        if done.left:
            app.send_task(COLLECT, **options(COLLECT))
        return str(done)

    @app.task(name=COLLECT, shared=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def collect() -> str:
        from tasks.metering import rounds  # noqa: PLC0415 (SQLAlchemy takes its time, and a worker is to begin at once)

        return more(rounds.collect(connect()))

    @app.task(name=RESUME, shared=False, send_events=False)  # type: ignore[untyped-decorator]  # Celery has no types
    def resume() -> str:
        from tasks.metering import rounds  # noqa: PLC0415 (as above)

        return more(rounds.resume(connect()))
