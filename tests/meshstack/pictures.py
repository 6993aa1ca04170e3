"""The pictures of docs/meshstack.md: runs as meshStack shows them, with the names and messages that the code sends.

python -m tests.meshstack.pictures      makes docs/pictures/*.svg anew
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from tasks.chain import DELETION, REPLICATION
from tasks.documents import Plan, PlannedChange, PlannedStep
from tasks.model.replication import LastError, Replication, State, StepState, WaitsFor
from tasks.step import Chain
from workers.runner import planned, report
from workers.runner.record import Status, StepReport

DIRECTORY = Path(__file__).parents[2] / "docs" / "pictures"
TENANT = "likvid.shop.aws.production"
NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
DENIED = LastError(
    code="AccessDenied",
    message="not authorized to perform organizations:MoveAccount",
    request_id="7e1c2f5a",
    remedy="Allow it in the policy of the management role: 'aws-connector policies' prints it.",
)
WIDTH, LINE, NAMES, TEXTS = 960, 20, 40, 350
SHOWN = 88  # characters of a line
MARKS = {
    Status.SUCCEEDED: ("✓", "#1a7f37"),
    Status.IN_PROGRESS: ("…", "#0969da"),
    Status.FAILED: ("✗", "#cf222e"),
    Status.PENDING: ("·", "#6e7781"),
}


@dataclass(frozen=True)
class Shown:
    """One run on a picture."""

    title: str
    status: Status
    steps: tuple[StepReport, ...]
    operators: bool = False  # with the operators' messages
    outputs: tuple[tuple[str, str], ...] = ()


def replicated(chain: Chain, state: State, **told: StepState) -> tuple[StepReport, ...]:
    """Report a replication of which some steps are told."""
    steps = [told.get(each.name, StepState(name=each.name)) for each in chain.steps]
    found = Replication(id="8d9cc63f", tenant=TENANT, state=state, steps=steps, requested_at=NOW)
    prepared = report.prepared(Status.SUCCEEDED, "The order is accepted.", f"Tenant {TENANT}, replication 8d9cc63f")
    return (prepared, *report.of_replication(found))


def done(name: str, note: str | None = None) -> StepState:
    return StepState(name=name, state=State.SUCCEEDED, note=note)


def all_done(chain: Chain, *until: str, **notes: str) -> dict[str, StepState]:
    """Report every step before one, or all, as done."""
    names = [each.name for each in chain.steps]
    return {name: done(name, notes.get(name)) for name in (names[: names.index(until[0])] if until else names)}


NOTES = {
    "create_account": "requested account likvid.shop from AWS",
    "wait_for_account": "account 500000000007 is ready",
    "move_to_ou": "is in ou-abcd-11111111",
    "sync_groups": "2 groups, 3 people",
    "assign_permission_sets": "2 permission sets assigned",
}


def pictures() -> Iterator[tuple[str, Shown]]:
    """Yield every picture with its name."""
    place = "waiting for a StackSet (3 ahead, about 4 minutes)"
    waiting = StepState(name="deploy_stack_instances", state=State.WAITING, note=place, waits_for=WaitsFor.PLACE)
    told = all_done(REPLICATION, "deploy_stack_instances", **NOTES) | {"deploy_stack_instances": waiting}
    steps = replicated(REPLICATION, State.WAITING, **told)
    yield "run-in-progress", Shown("AWS account for likvid.shop", Status.IN_PROGRESS, steps)

    outputs = (
        ("Account", "500000000007"),
        ("Sign in", "https://d-1234567890.awsapps.com/start/#/console?account_id=500000000007"),
        ("Summary", "AWS account 500000000007 is ready. Landing zone: Development. Ada Lovelace: admin …"),
    )
    steps = replicated(REPLICATION, State.SUCCEEDED, **all_done(REPLICATION, **NOTES))
    yield "run-succeeded", Shown("AWS account for likvid.shop", Status.SUCCEEDED, steps, outputs=outputs)

    failed = StepState(name="move_to_ou", state=State.FAILED, last_error=DENIED)
    left = {name: StepState(name=name, state=State.CANCELLED) for name in REPLICATION.unreachable(["move_to_ou"])}
    told = all_done(REPLICATION, **NOTES) | left | {"move_to_ou": failed}
    steps = replicated(REPLICATION, State.FAILED, **told)
    yield "run-failed", Shown("AWS account for likvid.shop", Status.FAILED, steps, operators=True)

    told = all_done(DELETION, "await_approval", revoke_access="3 people have no access any more")
    told |= {"await_approval": StepState(name="await_approval", state=State.WAITING, note="waits for an approval")}
    steps = replicated(DELETION, State.WAITING, **told)
    yield "run-deletion", Shown("AWS account for likvid.shop: delete", Status.IN_PROGRESS, steps)

    sentences = {
        "create_account": ["create account likvid.shop"],
        "move_to_ou": ["move the new account to ou-abcd-11111111"],
        "sync_groups": ["create group mst-likvid.shop-admin", "add ada@example.com to group mst-likvid.shop-admin"],
        "assign_permission_sets": ["assign permission set admin to group mst-likvid.shop-admin"],
    }
    steps_planned = [_planned(each.name, sentences.get(each.name, [])) for each in REPLICATION.steps]
    plan = Plan(tenant=TENANT, chain="replication", planned_at=NOW, steps=steps_planned, changes=5, errors=0)
    prepared = report.prepared(Status.SUCCEEDED, "The order is complete. 5 changes.")
    shown = (prepared, *planned.steps(plan))
    yield "run-dry", Shown("AWS account for likvid.shop: dry run", Status.SUCCEEDED, shown)


def _planned(name: str, sentences: list[str]) -> PlannedStep:
    changes = [PlannedChange(call="x:y", sentence=each, account_id=None, parameters={}) for each in sentences]
    return PlannedStep(name=name, note="as it is", changes=changes)


def svg(shown: Shown) -> str:
    """Draw a run."""
    lines = [*_lines(shown)]
    height = 64 + LINE * len(lines) + 16
    drawn = [_text(y, *line) for y, line in zip(range(84, 84 + LINE * len(lines), LINE), lines, strict=True)]
    _, color = MARKS[shown.status]
    status = shown.status.replace("_", " ")
    size = f'width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13"'
    said = f'role="img" aria-label="{escape(shown.title)}: {status}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} {said}>',
            f'<rect x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8" fill="#ffffff" stroke="#d0d7de"/>',
            f'<text x="20" y="38" font-size="17" font-weight="bold" fill="#1f2328">{escape(shown.title)}</text>',
            f'<text x="{WIDTH - 20}" y="38" text-anchor="end" font-weight="bold" fill="{color}">{status}</text>',
            f'<line x1="20" y1="54" x2="{WIDTH - 20}" y2="54" stroke="#d0d7de"/>',
            *drawn,
            "</svg>\n",
        ]
    )


Line = tuple[str, str, str, str]  # mark, its color, name, text


def _lines(shown: Shown) -> Iterator[Line]:
    for step in shown.steps:
        told = [*_wrapped(step.user or "")]
        if shown.operators and step.system and step.status is Status.FAILED:
            told += _wrapped(f"Operators: {step.system}")
        for number, text in enumerate(told or [""]):
            yield (*MARKS[step.status], step.name, text) if number == 0 else ("", "", "", text)
    for name, value in shown.outputs:
        yield "→", "#1f2328", name, value


def _wrapped(text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        line = ""
        for word in paragraph.split():
            if line and len(line) + 1 + len(word) > SHOWN:
                yield line
                line = word
            else:
                line = f"{line} {word}".strip()
        yield line


def _text(y: int, mark: str, color: str, name: str, text: str) -> str:
    marked = f'<tspan x="20" fill="{color}" font-weight="bold">{mark}</tspan>' if mark else ""
    named = f'<tspan x="{NAMES}" fill="#1f2328">{escape(name)}</tspan>' if name else ""
    told = f'<tspan x="{TEXTS}" fill="#57606a">{escape(text)}</tspan>' if text else ""
    return f'<text y="{y}">{marked}{named}{told}</text>'


if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name, picture in pictures():
        (DIRECTORY / f"{name}.svg").write_text(svg(picture), encoding="utf-8")
