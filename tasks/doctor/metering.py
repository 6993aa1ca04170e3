"""Costs: the metering user, its role, and whether AWS tells them. At most one page is paid for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from tasks.aws.cost_explorer import DEFAULT_SERVICE, NO_DATA, PRICE, TOKEN_LOST, Granularity, Question
from tasks.doctor.credentials import others, probed, without
from tasks.doctor.finding import Finding, error, ok, warning
from tasks.doctor.patient import Patient
from tasks.errors import AccessDenied, NotFound, StepError


def role(patient: Patient) -> Iterator[Finding]:
    """See that we come in to read costs. Reads sts:AssumeRole, GetCallerIdentity 1 call each."""
    metering = patient.platform.metering
    if metering is None:
        return
    caller = patient.aws.metering_identity.whoami()
    if caller.account_id != metering.account_id:
        remedy = "Correct metering.accessConfig in the platform document."
        yield error(f"signed in to account {caller.account_id}, not to {metering.account_id}", remedy)
        return
    yield ok(f"signed in as {caller.arn}")


def external_id(patient: Patient) -> Iterator[Finding]:
    """See whether others get into the metering role. Reads sts:AssumeRole 2 calls, which must be refused."""
    metering = patient.platform.metering
    if metering is None or metering.management_role_arn is None:
        return
    if metering.management_external_id is None:
        yield without(metering.management_role_arn)
        return
    for how, secret in others():
        other = patient.changed(metering=metering.model_copy(update={"management_external_id": secret}))
        yield probed(metering.management_role_arn, how, entered=_enters(other))


def costs(patient: Patient) -> Iterator[Finding]:
    """See that AWS tells what this month costs. Reads ce:GetCostAndUsage 1 call, which costs $0.01."""
    if patient.platform.metering is None:
        return
    first = patient.now().date().replace(day=1)
    end = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    try:
        patient.aws.cost_explorer.costs(Question(first, end, (), Granularity.MONTHLY))
    except NotFound as missing:
        if missing.code not in NO_DATA:
            raise
        yield warning(f"AWS has no costs of this month ({missing})", missing.remedy)
        return
    yield ok(f"AWS reports the costs of this month; this check cost ${PRICE}")


def chargeback(patient: Patient) -> Iterator[Finding]:
    """See that the role may read commitments, where the platform wants fair chargeback.

    Reads ce:GetReservationUtilization, GetSavingsPlansUtilizationDetails 1 call each, with a token that AWS has not
    given: it refuses that, which costs nothing, but only who may read them at all learns so.
    """
    metering = patient.platform.metering
    if metering is None:
        return
    costs = patient.aws.cost_explorer
    end = patient.now().date() - timedelta(days=1)
    start = end - timedelta(days=1)
    if metering.reserved_instance_fair_chargeback:
        _refused_token(lambda token: costs.reserved_instances(DEFAULT_SERVICE, start, end, token))
        yield ok("the role may read reserved instances")
    if metering.savings_plan_fair_chargeback:
        _refused_token(lambda token: costs.savings_plans(start, end, token))
        yield ok("the role may read savings plans")


def _refused_token(ask: Callable[[str], object]) -> None:
    """Ask with a token that AWS has not given; raises StepError for any answer but that this one is wrong."""
    try:
        ask("none")
    except StepError as refused:
        if refused.code not in TOKEN_LOST | NO_DATA:
            raise


def _enters(patient: Patient) -> bool:
    try:
        patient.aws.metering_identity.whoami()
    except AccessDenied:
        return False
    return True
