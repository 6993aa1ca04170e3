"""A plan as meshStack's people see it, and what of it a person approves.

Whoever approves sees the messages of the steps and nothing else, so the whole plan stands there, in several steps where
one message is too short. Source: docs.meshcloud.io, dry runs and approval of runs.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from tasks.documents import Plan, PlannedStep
from workers.runner import words
from workers.runner.record import Approved, Status, StepReport

MOST_STEPS = 50  # of a run in meshStack
NOTHING = "Nothing would change."
ROOM = words.LONGEST - 40  # characters for sentences, beside a last line that says how many more there are
MATTERS = frozenset(
    {
        "organizations:create_account",
        "organizations:close_account",
        "organizations:move_account",  # other guard rails hold there
        "identitystore:create_group_membership",
        "scim:patch_group",
        "sso-admin:create_account_assignment",
        "iam:create_role",
        "iam:update_assume_role_policy",
        "iam:put_role_policy",
        "iam:attach_role_policy",
        "iam:create_saml_provider",
        "iam:update_saml_provider",
    }
)
"""Calls that make or close an account, put it elsewhere, or let somebody do more in it."""


def steps(plan: Plan) -> tuple[StepReport, ...]:
    """Report what each step would do."""
    found = [_step(step, _messages(step)) for step in plan.steps]
    rest = [each for step in plan.steps for each in _continued(step, _messages(step))]
    return (*found, *rest[: MOST_STEPS - len(found) - 1])


def _step(step: PlannedStep, messages: Sequence[str]) -> StepReport:
    if step.error is not None:
        reason = words.error_message(step.error)
        return StepReport(
            id=step.name,
            name=_name(step),
            status=Status.FAILED,
            user="This cannot work as it is ordered.",
            system=reason,
        )
    system = words.fitting(step.note) or None
    return StepReport(id=step.name, name=_name(step), status=Status.SUCCEEDED, user=messages[0], system=system)


def _continued(step: PlannedStep, messages: Sequence[str]) -> Iterator[StepReport]:
    for number, message in enumerate(messages[1:], start=2):
        yield StepReport(
            id=f"{step.name}-{number}", name=f"{_name(step)} ({number})", status=Status.SUCCEEDED, user=message
        )


def _messages(step: PlannedStep) -> list[str]:
    """Say all changes of a step, in as many messages as that takes; the last that fits says how many more there are."""
    if not step.changes:
        return [words.fitting(step.note) if step.waiting else NOTHING]
    lines = [words.fitting(_sentence(change.sentence), ROOM) for change in step.changes]
    messages: list[str] = []
    for line in lines:
        if messages and len(messages[-1]) + 1 + len(line) <= ROOM:
            messages[-1] += f"\n{line}"
        else:
            messages.append(line)
    most = 4  # a step with more would take the places of the others
    if len(messages) > most:
        left = sum(len(each.splitlines()) for each in messages[most:])
        messages = messages[:most]
        messages[-1] += f"\n… and {left} more"
    return messages


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _name(step: PlannedStep) -> str:
    return words.step_name(step.name)


def approvable(plan: Plan, account: str | None) -> Approved:
    """Return what of a plan matters; `account`: the tenant's, where it has one."""
    found = {
        f"{change.account_id or ''} {change.sentence}".strip()
        for step in plan.steps
        for change in step.changes
        if change.call in MATTERS
    }
    return Approved(tenant=plan.tenant, account=account, matters=tuple(sorted(found)))


def beyond(now: Approved, approved: Approved) -> list[str]:
    """Say what would be done now that nobody has approved; empty: it still is what was approved."""
    if now.tenant != approved.tenant:
        return [f"the tenant is {now.tenant}, and the plan was for {approved.tenant}"]
    if now.account != approved.account:
        return [f"the account is {now.account or 'to be created'}, and in the plan {approved.account or 'a new one'}"]
    return sorted(set(now.matters) - set(approved.matters))


def artifact(plan: Plan, approved: Approved) -> str:
    """Write a plan as the artifact of a run (Base64)."""
    document = {"approved": approved.model_dump(mode="json"), "plan": plan.model_dump(mode="json", by_alias=True)}
    return base64.b64encode(json.dumps(document, sort_keys=True).encode()).decode()


def read_artifact(content: bytes) -> Approved | None:
    """Read what was approved out of an artifact; None: it is none of ours."""
    for candidate in (content, _decoded(content)):
        try:
            return Approved.model_validate(json.loads(candidate)["approved"])
        except (ValueError, KeyError, TypeError, ValidationError):
            continue
    return None


def _decoded(content: bytes) -> bytes:
    """Undo Base64, in case meshStack hands the artifact back as it got it."""
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error:
        return b""
