"""What a StackSet's instances in one account need, decided from what AWS shows of them and what was sent before.

Operation ids and `Handles.stack_instances` are explained in the step, `tasks/steps/deploy_stack_instances.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from tasks.aws.stack_sets import DetailedStatus, InstanceOperation, InstanceStatus, StackInstance
from tasks.digest import digest
from tasks.model.handles import Deployment, Handles

SHOWN_WITHIN = timedelta(minutes=10)  # AWS lists the instances of an accepted operation within seconds
QUEUED_WITHIN = timedelta(hours=6)  # with managed execution: some hundred operations of others come first
ENDED_BADLY = {
    DetailedStatus.PENDING: False,
    DetailedStatus.RUNNING: False,
    DetailedStatus.SUCCEEDED: False,
    DetailedStatus.FAILED: True,
    DetailedStatus.CANCELLED: True,
    DetailedStatus.INOPERABLE: True,
    DetailedStatus.SKIPPED_SUSPENDED_ACCOUNT: True,
    DetailedStatus.FAILED_IMPORT: True,
}


class Standing(Enum):
    """How one region stands."""

    BUSY = "an operation works on it"
    CURRENT = "has what we sent last, and that is still wanted"
    FAILED = "our operation has failed"
    STUCK = "a person must repair it"
    UNSURE = "missing, outdated or perhaps outdated"


@dataclass(frozen=True)
class Sending:
    """What instances should be given."""

    account_id: str
    regions: tuple[str, ...]
    parameters: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Stands for everything that the template could be given."""
        return digest(self.account_id, self.parameters)

    def overrides(self, declared: frozenset[str]) -> dict[str, str]:
        """Return the values that the template declares; AWS refuses others."""
        return {name: value for name, value in self.parameters.items() if name in declared}


def leave(handles: Handles, arn: str | None) -> Handles:
    """Return the handles of a landing zone that wants this StackSet (None: none); instances of another one are left."""
    former = handles.stack_set
    if former in (None, arn):
        return replace(handles, stack_set=arn)
    left = dict.fromkeys((*handles.former_stack_sets, former))
    return replace(
        handles,
        stack_set=arn,
        stack_instances={},
        former_stack_sets=tuple(each for each in left if each not in (None, arn)),
    )


def is_queued(found: Mapping[str, StackInstance], handles: Handles, region: str, wanted: str, now: datetime) -> bool:
    """Tell whether AWS has an operation for what is wanted (a digest) in a region, and has not begun to show it."""
    instance, sent = found.get(region), handles.stack_instances.get(region)
    if sent is None or sent.sent_at is None or not (sent.accepted or sent.leader) or sent.digest != wanted:
        return False
    shown = instance is not None and _shown(instance, sent)
    return not shown and now - sent.sent_at < (QUEUED_WITHIN if sent.managed else SHOWN_WITHIN)


def judge(instance: StackInstance | None, sent: Deployment | None, wanted: str) -> Standing:
    """Return how a region stands; `wanted` is the digest of everything that could be given."""
    if instance is None:
        return Standing.UNSURE
    ours = sent is not None and _shown(instance, sent)
    pending = ours and sent is not None and sent.sent_at is not None
    # PENDING of an operation that we do not know may be for ever: somebody has updated other accounts of the StackSet.
    waits = instance.detail in (DetailedStatus.PENDING, None) and instance.status is InstanceStatus.OUTDATED and pending
    if instance.detail is DetailedStatus.RUNNING or waits:
        return Standing.BUSY
    if instance.status is InstanceStatus.INOPERABLE:
        return Standing.STUCK
    if sent is None or not ours or sent.digest != wanted:
        return Standing.UNSURE
    if pending and instance.detail is not None and ENDED_BADLY[instance.detail]:
        return Standing.FAILED
    return Standing.CURRENT if instance.status is InstanceStatus.CURRENT else Standing.UNSURE


def plan(
    found: Mapping[str, StackInstance],
    sent: Mapping[str, Deployment],
    sending: Sending,
    overrides: Mapping[str, str],
    now: datetime,
) -> tuple[InstanceOperation | None, dict[str, Deployment]]:
    """Return the next operation, None when nothing differs, and what is then to be remembered for each region."""
    declared = digest(overrides)
    remembered = dict(sent)
    outdated = []
    for region in (region for region in sending.regions if region in found):
        instance = found[region]
        if instance.status is InstanceStatus.CURRENT and _given(instance, sent.get(region), declared):
            remembered[region] = Deployment(sending.digest, declared, instance.operation or "")
        else:
            outdated.append(region)
    missing = [region for region in sending.regions if region not in found]
    regions = tuple(missing or outdated)
    if not regions:
        return None, remembered
    first = sent.get(regions[0])
    again = first is not None and all(_unanswered(sent.get(region), first, declared, now) for region in regions)
    if first is not None and again:
        operation, at, others = first.operation, first.sent_at, first.accounts
    else:
        operation, at, others = _operation_id(declared, sending.account_id, regions, now), now, ()
    remembered |= {region: Deployment(sending.digest, declared, operation, at, accounts=others) for region in regions}
    accounts = (sending.account_id, *others)
    return InstanceOperation(bool(missing), accounts, regions, operation, overrides), remembered


def confirmed(handles: Handles, sending: Sending) -> Handles:
    """Return the handles after AWS has shown every wanted region CURRENT; other regions are not ours any more."""
    sent = handles.stack_instances
    shown = {region: sent[region] for region in sending.regions}
    kept = {region: Deployment(each.digest, each.declared, each.operation) for region, each in shown.items()}
    return replace(handles, stack_instances=kept)


def _given(instance: StackInstance, sent: Deployment | None, declared: str) -> bool:
    """Tell whether a CURRENT instance has these parameters: by its operation's id, or as we remember it."""
    if (instance.operation or "").startswith(declared):
        return True
    if sent is None or sent.declared != declared:
        return False
    return sent.sent_at is None or _shown(instance, sent)


def _shown(instance: StackInstance, sent: Deployment) -> bool:
    """Tell whether what AWS shows is the work of the operation that we sent; not every server names operations."""
    return instance.operation == sent.operation or (
        instance.operation is None and (sent.accepted or sent.sent_at is None)
    )


def _unanswered(sent: Deployment | None, first: Deployment, declared: str, now: datetime) -> bool:
    """Tell whether the operation may still be on its way, so that it is sent again under its id."""
    if sent is None or sent.sent_at is None or sent.declared != declared or sent.leader is not None:
        return False  # what somebody else sends is sent by nobody else
    return sent.operation == first.operation and now - sent.sent_at < SHOWN_WITHIN


def _operation_id(declared: str, account_id: str, regions: tuple[str, ...], now: datetime) -> str:
    return f"{declared}-{digest(now.isoformat(), account_id, regions)}"
