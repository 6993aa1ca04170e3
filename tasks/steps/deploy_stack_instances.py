"""The landing zone's StackSet has an instance in the account in every configured region, with the tenant's parameters.

AWS does not tell the parameters of an instance with the four calls that the published policy allows, but it names the
operation that touched it last. So our operation ids begin with a digest of what they send, and
`Handles.stack_instances` remembers for each region what was sent and under which operation: written ahead of the
call, true as soon as AWS shows the instance CURRENT under that operation. An id is asked again, unchanged, until AWS
shows it or says that it has it; it is replaced only after a known end, or when AWS has not shown it for ten minutes
(an instance that somebody deleted meanwhile would else never come back). When somebody else's operation touched the
instance, or Redis was lost, one DescribeStackSet decides whether the template declares other parameters than those
sent; only then the instance is updated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from config.landing_zone import StackSet
from tasks.aws import Aws, Lane
from tasks.aws.stack_sets import DetailedStatus, InstanceOperation, InstanceStatus, StackInstance, StackSets
from tasks.errors import Conflict, PermanentError
from tasks.model import Deployment, Done, Handles, Outcome, Tenant, Wait
from tasks.names import stack_parameters
from tasks.stack_templates import digest

SHOWN_WITHIN = timedelta(minutes=10)  # AWS lists the instances of an accepted operation within seconds


class Standing(Enum):
    """How one region stands."""

    BUSY = "an operation works on it"
    CURRENT = "has what we sent last, and that is still wanted"
    FAILED = "our operation has failed"
    STUCK = "a person must repair it"
    UNSURE = "missing, outdated or perhaps outdated"


BUSY = frozenset({DetailedStatus.PENDING, DetailedStatus.RUNNING})
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


def deploy_stack_instances(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Create or update the account's stack instances, from the automation account.

    Reads    cloudformation:ListStackInstances 1 call; DescribeStackSet 1 before a write or after a foreign operation
    Writes   cloudformation:CreateStackInstances or UpdateStackInstances, 0 or 1 call for all regions together
    Returns  Wait while an operation works on the account's instances
    Raises   LaneFull while other tenants' operations are before us, Throttled while AWS runs another one (transient);
             PermanentError with AWS's reason for each region, or for a StackSet with service-managed permissions
    Source   docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html
    """
    stack_set = tenant.landing_zone.stack_set
    if stack_set is None:
        return Done(handles, "the landing zone has no StackSet")
    sets = aws.stack_sets(stack_set.region)
    sending = Sending(handles.known_account(), stack_set.regions, stack_parameters(tenant, handles))
    found = sets.instances(stack_set.name, sending.account_id)
    standings = {
        region: judge(found.get(region), handles.stack_instances.get(region), sending.digest)
        for region in sending.regions
    }
    busy = _in(standings, Standing.BUSY)
    if busy:
        return Wait(handles, f"{stack_set.name} is being deployed in {', '.join(busy)}", since=_since(handles, busy))
    lane = StackSetLane(aws, stack_set.arn, str(tenant.id))
    if bad := _in(standings, Standing.FAILED, Standing.STUCK):
        _give_up(lane, tuple(bad), handles, aws)
        raise _failed(stack_set, {region: found[region] for region in bad}, sets.request_id)
    if all(standing is Standing.CURRENT for standing in standings.values()):
        return _done(stack_set, handles, handles, lane, sending)
    summary = sets.describe(stack_set.name)
    if not summary.self_managed:
        raise _service_managed(stack_set)
    overrides = sending.overrides(summary.parameters)
    operation, remembered = plan(found, handles.stack_instances, sending, overrides, aws.now())
    ahead = replace(handles, stack_instances=remembered)
    if operation is None:
        return _done(stack_set, handles, ahead, lane, sending)
    return _start(stack_set, sending.account_id, operation, ahead, lane, aws, sets)


def judge(instance: StackInstance | None, sent: Deployment | None, wanted: str) -> Standing:
    """Return how a region stands; `wanted` is the digest of everything that could be given."""
    if instance is None:
        return Standing.UNSURE
    ours = sent is not None and _shown(instance, sent)
    pending = ours and sent is not None and sent.sent_at is not None
    if instance.detail in BUSY or (instance.detail is None and instance.status is InstanceStatus.OUTDATED and pending):
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
    declared = digest(sending.account_id, overrides)
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
    operation = first.operation if first is not None and again else _operation_id(declared, regions, now)
    at = first.sent_at if first is not None and again else now
    remembered |= {region: Deployment(sending.digest, declared, operation, at) for region in regions}
    return InstanceOperation(bool(missing), regions, operation, overrides), remembered


def confirmed(handles: Handles, sending: Sending) -> Handles:
    """Return the handles after AWS has shown every wanted region CURRENT; other regions are not ours any more."""
    sent = handles.stack_instances
    shown = {region: replace(sent[region], sent_at=None, accepted=False) for region in sending.regions}
    return replace(handles, stack_instances=shown)


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
    if sent is None or sent.sent_at is None or sent.declared != declared:
        return False
    return sent.operation == first.operation and now - sent.sent_at < SHOWN_WITHIN


def _operation_id(declared: str, regions: tuple[str, ...], now: datetime) -> str:
    return f"{declared}-{digest(now.isoformat(), regions)}"


def _in(standings: Mapping[str, Standing], *wanted: Standing) -> list[str]:
    return [region for region, standing in standings.items() if standing in wanted]


@dataclass(frozen=True)
class StackSetLane:
    """A tenant's place among those that want an operation on one StackSet."""

    aws: Aws
    arn: str
    tenant: str

    def enter(self) -> None:
        """Wait for our turn: raises LaneFull."""
        self.aws.enter(Lane.STACK_SET_OPERATION, self.arn, self.tenant)

    def leave(self) -> None:
        """Let the next tenant have its turn."""
        self.aws.leave(Lane.STACK_SET_OPERATION, self.arn, self.tenant)


def _start(
    stack_set: StackSet,
    account_id: str,
    operation: InstanceOperation,
    ahead: Handles,
    lane: StackSetLane,
    aws: Aws,
    sets: StackSets,
) -> Outcome:
    lane.enter()
    aws.remember(ahead)
    try:
        sets.start(stack_set.name, account_id, operation)
    except PermanentError as error:
        # A known id says that an answer was lost: AWS has the operation.
        if not (isinstance(error, Conflict) and error.code == "OperationIdAlreadyExistsException"):
            _give_up(lane, operation.regions, ahead, aws)
            raise
    word = "creating" if operation.create else "updating"
    taken = {region: replace(ahead.stack_instances[region], accepted=True) for region in operation.regions}
    ahead = replace(ahead, stack_instances={**ahead.stack_instances, **taken})
    note = f"{word} {stack_set.name} in {', '.join(operation.regions)}"
    return Wait(ahead, note, since=_since(ahead, operation.regions))


def _since(handles: Handles, regions: Iterable[str]) -> tuple[datetime, ...]:
    """Return when our operations in these regions were sent; those of others keep nobody of ours waiting."""
    sent = {handles.stack_instances[region].sent_at for region in regions if region in handles.stack_instances}
    return tuple(sorted(at for at in sent if at is not None))


def _give_up(lane: StackSetLane, regions: tuple[str, ...], handles: Handles, aws: Aws) -> None:
    """Forget what was sent to these regions, so that the next replication tries again, and free the lane."""
    kept = {region: sent for region, sent in handles.stack_instances.items() if region not in regions}
    lane.leave()
    aws.remember(replace(handles, stack_instances=kept))


def _done(stack_set: StackSet, before: Handles, after: Handles, lane: StackSetLane, sending: Sending) -> Outcome:
    if any(sent.sent_at is not None for sent in before.stack_instances.values()):
        lane.leave()
    return Done(confirmed(after, sending), f"{stack_set.name} is current in {', '.join(sending.regions)}")


def _failed(stack_set: StackSet, instances: Mapping[str, StackInstance], request_id: str | None) -> PermanentError:
    reasons = [f"{region}: {_code(instance)}: {_reason(instance)}" for region, instance in instances.items()]
    return PermanentError(
        _code(next(iter(instances.values()))),
        f"{stack_set.name} could not be deployed in {'; '.join(reasons)}",
        request_id,
        remedy="Mend what AWS names in the account or the StackSet (delete an INOPERABLE instance), then retry.",
    )


def _service_managed(stack_set: StackSet) -> PermanentError:
    return PermanentError(
        "ServiceManagedStackSet",
        f"{stack_set.name} has service-managed permissions, which deploy by organizational unit",
        remedy="Name a StackSet with self-managed permissions in the landing zone, then retry.",
    )


def _code(instance: StackInstance) -> str:
    return (instance.detail or instance.status).value


def _reason(instance: StackInstance) -> str:
    return instance.reason or "AWS gives no reason"
