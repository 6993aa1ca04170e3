"""The table of checks, and how a platform is examined: what a failed check stands in the way of is not tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from redis import RedisError

from config.log import MASKER
from tasks.doctor import credentials, deployment, metering, organization, our_side, people
from tasks.doctor.finding import Finding, Level, error, warning
from tasks.doctor.group_proofs import group_proofs
from tasks.doctor.patient import Patient, patient
from tasks.errors import StepError, TransientError
from tasks.worker import Worker

AGAIN = "AWS may only be slow or busy: run the check again. If it stays, see AWS's Health Dashboard and the network."


@dataclass(frozen=True)
class Check:
    """One thing that is looked at."""

    name: str  # as people read it
    look: Callable[[Patient], Iterator[Finding]]
    needs: str | None = None  # the check that must not have failed: without it this one can only fail too
    ours: bool = False  # looks into our own Redis, which need not be there before the first start
    paid: bool = False  # AWS takes money for the look


CHECKS = (
    Check("Redis", our_side.redis, ours=True),
    Check("workers", our_side.workers, needs="Redis", ours=True),
    Check("limits", our_side.limits),
    Check("service user", credentials.service_user),
    Check("management role", credentials.management_role, needs="service user"),
    Check("management external id", credentials.management_external_id, needs="management role"),
    Check("automation role", credentials.automation_role, needs="service user"),
    Check("automation external id", credentials.automation_external_id, needs="automation role"),
    Check("session tags", credentials.session_tags, needs="management role"),
    Check("access role", credentials.member_role, needs="management role"),
    Check("organizational units", organization.units, needs="management role"),
    Check("service control policies", organization.guard_rails, needs="management role"),
    Check("accounts", organization.accounts, needs="management role"),
    Check("groups", people.directory, needs="management role"),
    Check("group proofs", group_proofs, needs="groups", ours=True),
    Check("permission sets", people.permission_sets, needs="management role"),
    Check("federation", people.federation),
    Check("StackSets", deployment.stack_sets, needs="automation role"),
    Check("templates", deployment.templates, needs="access role"),
    Check("functions", deployment.functions, needs="automation role"),
    Check("Control Tower", deployment.control_tower, needs="management role"),
    Check("metering role", metering.role),
    Check("metering external id", metering.external_id, needs="metering role"),
    Check("chargeback", metering.chargeback, needs="metering role"),
    Check("cost database", our_side.cost_database, ours=True),
    Check("costs", metering.costs, needs="metering role", paid=True),
)
BEFOREHAND = tuple(check for check in CHECKS if not check.ours and not check.paid)
"""What can be seen before anything of ours runs, and for nothing."""


def examine(found: Patient, checks: Iterable[Check] = CHECKS) -> Iterator[Finding]:
    """Yield what every check says, in the order of the table; nothing secret is in it."""
    failed: set[str] = set()
    for check in checks:
        lines = [_unchecked(check)] if check.needs in failed else list(_looked(check, found))
        if check.needs in failed or any(line.level is Level.ERROR for line in lines):
            failed.add(check.name)
        for line in lines:
            remedy = line.remedy and MASKER.mask(line.remedy)
            yield line.model_copy(update={"check": check.name, "message": MASKER.mask(line.message), "remedy": remedy})


def answer_health(worker: Worker, platform: str) -> list[dict[str, Any]]:
    """Answer the question that asks after a platform's health; raises LookupError when nobody knows the platform."""
    known = worker.catalog.platforms.get(platform)
    if known is None:
        raise LookupError(f"platform {platform} is not in the configuration directory of this worker")
    found = examine(patient(worker, known))
    return [finding.model_dump(mode="json", by_alias=True, exclude_none=True) for finding in found]


def _looked(check: Check, found: Patient) -> Iterator[Finding]:
    try:
        yield from check.look(found)
    except StepError as failure:
        yield error(str(failure), AGAIN if failure.remedy == TransientError.default_remedy else failure.remedy)
    except RedisError as away:
        yield error(f"Redis does not answer: {type(away).__name__}", "Start Redis, or correct CONNECTOR_REDIS_URL.")


def _unchecked(check: Check) -> Finding:
    return warning(f"not checked, because {check.needs} failed", f'Fix "{check.needs}" first.')
