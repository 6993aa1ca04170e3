"""A replication as meshStack's people see it: its steps with messages, and the outputs. Pure functions, no I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from config.catalog import Catalog
from config.platform import Platform
from config.runner_document import RunOutputs
from tasks.chain import AWAIT_APPROVAL
from tasks.model.desired import Person
from tasks.model.replication import ENDED, Replication, State, StepState, WaitsFor
from tasks.state.records import TenantRecord
from tasks.step import Chain
from workers.runner import words
from workers.runner.record import FINAL, Final, Status, StepReport

STATUSES: Mapping[State, Status] = {
    State.QUEUED: Status.PENDING,
    State.RUNNING: Status.IN_PROGRESS,
    State.WAITING: Status.IN_PROGRESS,
    State.SUCCEEDED: Status.SUCCEEDED,
    State.FAILED: Status.FAILED,
    State.CANCELLED: Status.FAILED,
}
CONSOLES = {  # by partition
    "aws": "signin.aws.amazon.com",
    "aws-cn": "signin.amazonaws.cn",
    "aws-us-gov": "signin.amazonaws-us-gov.com",
}
TURN = re.compile(r"\(([^()]* ahead[^()]*)\)$")  # of a note: how many come before, and how long that may take
LIMITED = frozenset({WaitsFor.PLACE, WaitsFor.TURN})
OUTPUT_TYPE = "STRING"  # of every output


def initial(chain: Chain) -> tuple[StepReport, ...]:
    """Name the steps of a run that has not begun."""
    rest = (StepReport(id=step.name, name=words.step_name(step.name)) for step in chain.steps)
    return (prepared(Status.IN_PROGRESS), *rest)


def prepared(status: Status, user: str | None = None, system: str | None = None) -> StepReport:
    """Report the step before the chain: the order is read, completed and stored."""
    messages = {"user": words.fitting(user) if user else None, "system": words.fitting(system) if system else None}
    return StepReport(id=words.PREPARE, name=words.PREPARE_NAME, status=status, **messages)


def of_replication(replication: Replication, *, paused: bool = False) -> tuple[StepReport, ...]:
    """Report every step of a replication."""
    return tuple(_step(step, replication, paused=paused) for step in replication.steps)


def _step(step: StepState, replication: Replication, *, paused: bool) -> StepReport:
    skipped = step.state is State.CANCELLED and replication.state is State.SUCCEEDED
    told = _for_the_team(step, paused=paused and replication.state not in ENDED)
    return StepReport(
        id=step.name,
        name=words.step_name(step.name),
        status=Status.SUCCEEDED if skipped else STATUSES[step.state],
        user=words.NOTHING_TO_DO if skipped else told,
        system=words.operators_message(step),
    )


def _for_the_team(step: StepState, *, paused: bool) -> str | None:
    if step.state is State.WAITING:
        return _why_it_waits(step, paused=paused)
    said = {State.FAILED: words.FAILED, State.CANCELLED: words.NOT_DONE}
    return said.get(step.state) or (words.fitting(step.note) if step.note else None)


def _why_it_waits(step: StepState, *, paused: bool) -> str:
    note = step.note or ""
    if paused:
        return words.PAUSED
    if step.last_error is not None:
        return words.TRIED_AGAIN
    if step.name == AWAIT_APPROVAL:
        return words.WAITS_FOR_APPROVAL
    if step.waits_for not in LIMITED:
        return words.fitting(note)
    turn = TURN.search(note)
    return f"{words.LIMITED}: {turn[1]}." if turn else f"{words.LIMITED}."


def stopped(steps: Iterable[StepReport], status: Status, message: str) -> tuple[StepReport, ...]:
    """Return the steps of a run that ends now: the one in progress gets the message, and later ones are not done."""
    ended = []
    told = False
    for step in steps:
        if step.status in FINAL:
            ended.append(step)
        elif not told:
            ended.append(step.model_copy(update={"status": status, "user": words.fitting(message)}))
            told = True
        else:
            ended.append(step.model_copy(update={"status": status, "user": words.NOT_DONE}))
    return tuple(ended)


def cancelled(steps: tuple[StepReport, ...], message: str) -> tuple[StepReport, ...]:
    """Return the steps of a replication that was cancelled: the first that is not done says so."""
    first = next((index for index, step in enumerate(steps) if step.status is not Status.SUCCEEDED), len(steps) - 1)
    told = steps[first].model_copy(update={"status": Status.FAILED, "user": words.fitting(message)})
    return (*steps[:first], told, *steps[first + 1 :])


def never_back(before: Mapping[str, StepReport], now: Iterable[StepReport]) -> tuple[StepReport, ...]:
    """Keep what was reported as ended: a replication that is run once more begins with its first step again."""
    return tuple(
        before[step.id] if step.id in before and before[step.id].status in FINAL and step.status not in FINAL else step
        for step in now
    )


def changed(before: Mapping[str, StepReport], now: Iterable[StepReport]) -> tuple[StepReport, ...]:
    """Return the steps that meshStack does not know as they are now."""
    return tuple(step for step in now if before.get(step.id) != step)


def registration(step: StepReport) -> dict[str, Any]:
    """Write a step as it is named to meshStack."""
    return {"id": step.id, "displayName": step.name, "status": Status.PENDING}


def update(step: StepReport) -> dict[str, Any]:
    """Write a step as it is reported, with its whole text."""
    outputs = {
        name: {"value": value, "type": OUTPUT_TYPE, "isSensitive": False} for name, value in step.outputs.items()
    }
    said = {"userMessage": step.user, "systemMessage": step.system, "outputs": outputs or None}
    written = {"id": step.id, "displayName": step.name, "status": step.status}
    return written | {name: value for name, value in said.items() if value is not None}


def last(final: Final) -> dict[str, Any]:
    """Write the last report of a run; its steps are told already, unless it was aborted."""
    told = final.steps if final.status is Status.ABORTED else final.steps[-1:]
    said = {"changesDetected": final.changes_detected, "artifact": final.artifact}
    written = {"status": final.status, "steps": [*map(update, told)]}
    return written | {name: value for name, value in said.items() if value is not None}


def outputs(names: RunOutputs, record: TenantRecord, catalog: Catalog) -> dict[str, str]:
    """Return the outputs that the definition wants, by their names there."""
    account = record.handles.account_id or ""
    platform = catalog.platforms.get(record.id.platform)
    found = {
        names.account_id: account,
        names.sign_in_url: record.handles.sign_in_url or _console(account, platform),
        names.summary: summary(record, catalog),
        names.access_role_arn: _access_role(account, platform),
    }
    return {name: value for name, value in found.items() if name is not None}


def _access_role(account: str, platform: Platform | None) -> str:
    """Return the role by which the account is entered, for building blocks that work in it."""
    if platform is None:
        return ""
    return f"arn:{platform.partition}:iam::{account}:role/{platform.account_access_role}"


def _console(account: str, platform: Platform | None) -> str:
    """Return AWS's own address for people who sign in to an account, where the platform names none."""
    partition = platform.partition if platform is not None else "aws"
    return f"https://{account}.{CONSOLES.get(partition, CONSOLES['aws'])}/console"


def summary(record: TenantRecord, catalog: Catalog) -> str:
    """Say in Markdown what is there: the account, how people get in, who has which role, what is still missing."""
    return "\n".join(_summary(record, catalog))


def _summary(record: TenantRecord, catalog: Catalog) -> Iterator[str]:
    handles, desired = record.handles, record.desired
    zone = catalog.landing_zones.get(desired.landing_zone)
    alias = f" ({_text(handles.alias)})" if handles.alias else ""
    yield f"**AWS account {handles.account_id}**{alias} is ready."
    yield ""
    yield f"- Landing zone: {_text(zone.display_name if zone else desired.landing_zone)}"
    if handles.organizational_unit:
        yield f"- Organizational unit: `{handles.organizational_unit}`"
    if handles.sign_in_url:
        yield f"- Sign in: <{handles.sign_in_url}>"
    yield ""
    yield "| person | roles |"
    yield "|---|---|"
    for person in desired.access:
        yield f"| {_text(_who(person))} | {_text(', '.join(person.roles))} |"
    missing = sorted({*_without_euid(desired.access), *(handles.absence.user_names if handles.absence else ())})
    if missing:
        yield ""
        yield f"Not known in AWS yet, so without access: {_text(', '.join(missing))}."


def _without_euid(people: Iterable[Person]) -> Iterator[str]:
    yield from (_who(person) for person in people if person.euid is None)


def _who(person: Person) -> str:
    name = " ".join(filter(None, (person.first_name, person.last_name)))
    return name or person.username


def _text(text: str) -> str:
    """Write a text of other people's so that Markdown shows it as it is."""
    return "".join(f"\\{each}" if each in "\\`*_[]<>|#" else " " if each in "\r\n" else each for each in text)
