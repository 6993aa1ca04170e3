"""The landing zone's StackSet has an instance in the account in every configured region, with the tenant's parameters.

AWS does not tell the parameters of an instance with the four calls that the published policy allows, but it names the
operation that touched it last. So our operation ids begin with a digest of what they send, and
`Handles.stack_instances` remembers for each region what was sent and under which operation: written ahead of the
call, true as soon as AWS shows the instance CURRENT under that operation. An id is asked again, unchanged, until AWS
shows it or says that it has it; it is replaced only after a known end, or when AWS has not shown it for ten minutes
(an instance that somebody deleted meanwhile would else never come back). When somebody else's operation touched the
instance, or Redis was lost, one DescribeStackSet decides whether the template declares other parameters than those
sent; only then the instance is updated.

A StackSet takes one operation at a time, so tenants take turns, and those that want the same go together
(`tasks/stacks/turns.py`). One with managed execution queues operations itself: nobody waits for a turn then, and an
accepted operation may be shown hours later.

An instance in a region, or of a StackSet, that the landing zone does not name any more stays: deleting it would delete
what the account's people may be using. The note names it as long as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from config.arns import STACK_SET_ARN
from config.landing_zone import StackSet
from tasks.aws import Aws
from tasks.aws.stack_sets import InstanceOperation, StackInstance, StackSets
from tasks.errors import AccessDenied, Conflict, NotFound, PermanentError, SignInRefused, StepError, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.names import stack_parameters
from tasks.stacks.instances import Sending, Standing, confirmed, is_queued, judge, leave, plan
from tasks.stacks.turns import Turns
from tasks.step import unless

# Of "Account … should have '…' role with trust relationship to Role '…'", AWS's reason when it cannot enter an account.
ROLE_NOT_FOUND = "role with trust relationship to"


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    known = tenant.landing_zone.stack_set or handles.stack_set or handles.former_stack_sets
    return None if known else "the landing zone has no StackSet"


@unless(_nothing_to_do)
def deploy_stack_instances(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Create or update the account's stack instances, from the automation account.

    Reads    cloudformation:ListStackInstances 1 call, none where the day's snapshot shows all CURRENT, and 1 for each
             StackSet that a landing zone left behind; DescribeStackSet 1 before a write or after a foreign operation
    Writes   cloudformation:CreateStackInstances or UpdateStackInstances, 0 or 1 call for all regions together, and for
             the accounts of other tenants that wait for the same
    Returns  Wait while an operation works on the account's instances
    Raises   LaneFull while other tenants' operations are before us, Throttled while AWS runs another one,
             TransientError while StackSets may not see a new account or its execution role (transient);
             PermanentError with AWS's reason for each region, or for a StackSet with service-managed permissions
    Source   docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_StackInstanceSummary.html
    """
    stack_set = tenant.landing_zone.stack_set
    before, handles = handles, leave(handles, stack_set.arn if stack_set is not None else None)
    if stack_set is None:
        return _told(handles, "the landing zone has no StackSet", aws)
    sets = aws.stack_sets(stack_set.region)
    sending = Sending(handles.known_account(), stack_set.regions, stack_parameters(tenant, handles))
    found = _found(stack_set, sending, handles, sets, aws)
    standings = {
        region: judge(found.get(region), handles.stack_instances.get(region), sending.digest)
        for region in sending.regions
    }
    if busy := _in(standings, Standing.BUSY):
        return Wait(handles, f"{stack_set.name} is being deployed in {', '.join(busy)}", since=_since(handles, busy))
    if queued := [region for region in sending.regions if is_queued(found, handles, region, sending.digest, aws.now())]:
        note = f"the operation on {stack_set.name} in {', '.join(queued)} was sent; AWS does not show it yet"
        return Wait(handles, note, since=_since(handles, queued))
    turns = Turns(aws, stack_set.arn, str(tenant.id))
    left = tuple(sorted(found.keys() - set(sending.regions)))
    if bad := _in(standings, Standing.FAILED, Standing.STUCK):
        _give_up(turns, tuple(bad), handles, aws)
        failed = {region: found[region] for region in bad}
        raise _failed(stack_set, failed, sets.request_id, young=aws.is_young)
    if all(standing is Standing.CURRENT for standing in standings.values()):
        return _done(stack_set, handles, handles, turns, sending, left)
    summary = sets.describe(stack_set.name)
    if not summary.self_managed:
        raise _service_managed(stack_set)
    overrides = sending.overrides(summary.parameters)
    operation, remembered = plan(found, handles.stack_instances, sending, overrides, aws.now())
    ahead = replace(handles, stack_instances=remembered)
    if operation is None:
        return _done(stack_set, handles, ahead, turns, sending, left)
    if not summary.managed_execution:
        if handles.stack_set != before.stack_set:
            aws.remember(handles)  # from now on another tenant's operation may make instances in the account
        operation, ahead = turns.take(operation, handles, ahead)
    return _start(stack_set, operation, ahead, turns, sets, managed=summary.managed_execution)


def _found(
    stack_set: StackSet, sending: Sending, handles: Handles, sets: StackSets, aws: Aws
) -> Mapping[str, StackInstance]:
    """Return the account's instances by region: from the snapshot of the day when all is right there, else from AWS."""
    seen = aws.seen_instances(stack_set.arn, sending.account_id) or {}
    right = (
        judge(seen.get(region), handles.stack_instances.get(region), sending.digest) is Standing.CURRENT
        for region in sending.regions
    )
    return seen if all(right) else sets.instances(stack_set.name, sending.account_id)


def _in(standings: Mapping[str, Standing], *wanted: Standing) -> list[str]:
    return [region for region, standing in standings.items() if standing in wanted]


def _start(
    stack_set: StackSet, operation: InstanceOperation, ahead: Handles, turns: Turns, sets: StackSets, *, managed: bool
) -> Outcome:
    aws = turns.aws
    aws.remember(ahead)
    try:
        sets.start(stack_set.name, operation)
    except PermanentError as error:
        # A known id says that an answer was lost: AWS has the operation.
        if not (isinstance(error, Conflict) and error.code == "OperationIdAlreadyExistsException"):
            turns.disband(operation)
            _give_up(turns, operation.regions, ahead, aws)
            raise
    word = "creating" if operation.create else "updating"
    taken = {
        region: replace(ahead.stack_instances[region], accepted=True, managed=managed) for region in operation.regions
    }
    ahead = replace(ahead, stack_instances={**ahead.stack_instances, **taken})
    note = f"{word} {stack_set.name} in {', '.join(operation.regions)}"
    return Wait(ahead, note, since=_since(ahead, operation.regions))


def _since(handles: Handles, regions: Iterable[str]) -> tuple[datetime, ...]:
    """Return when our operations in these regions were sent; those of others keep nobody of ours waiting."""
    sent = {handles.stack_instances[region].sent_at for region in regions if region in handles.stack_instances}
    return tuple(sorted(at for at in sent if at is not None))


def _give_up(turns: Turns, regions: tuple[str, ...], handles: Handles, aws: Aws) -> None:
    """Forget what was sent to these regions, so that the next replication tries again, and free the lane."""
    kept = {region: sent for region, sent in handles.stack_instances.items() if region not in regions}
    turns.leave(handles)
    aws.remember(replace(handles, stack_instances=kept))


def _done(
    stack_set: StackSet, before: Handles, after: Handles, turns: Turns, sending: Sending, left: tuple[str, ...]
) -> Outcome:
    if any(sent.sent_at is not None for sent in before.stack_instances.values()):
        turns.leave(before)
    note = f"{stack_set.name} is up to date in {', '.join(sending.regions)}"
    if left:
        note += (
            f"; its instances in {', '.join(left)} are no longer in the landing zone; delete them if nobody needs them"
        )
    return _told(confirmed(after, sending), note, turns.aws)


def _told(handles: Handles, note: str, aws: Aws) -> Done:
    """Say what is there, and which StackSets of former landing zones have instances in the account still."""
    left = tuple(arn for arn in handles.former_stack_sets if _stands(arn, handles.known_account(), aws))
    remarks = (
        f"instances of {arn} are no longer in the landing zone; delete them if nobody needs them" for arn in left
    )
    return Done(replace(handles, former_stack_sets=left), "; ".join((note, *remarks)))


def _stands(arn: str, account_id: str, aws: Aws) -> bool:
    match = STACK_SET_ARN.fullmatch(arn)
    assert match is not None
    try:
        return bool(aws.stack_sets(match["region"]).instances(match["name"], account_id))
    except NotFound:
        return False
    except (AccessDenied, SignInRefused):  # to an automation account of before; a remark is not worth a failure
        return True


def _failed(
    stack_set: StackSet, instances: Mapping[str, StackInstance], request_id: str | None, *, young: bool
) -> StepError:
    """Return why instances failed: for good, unless StackSets may not see a new account or its role yet."""
    reasons = [f"{region}: {_code(instance)}: {_reason(instance)}" for region, instance in instances.items()]
    message = f"{stack_set.name} could not be deployed in {'; '.join(reasons)}"
    if young and all(ROLE_NOT_FOUND in _reason(instance) for instance in instances.values()):
        return TransientError("ExecutionRoleNotShown", message, request_id)
    return PermanentError(
        _code(next(iter(instances.values()))),
        message,
        request_id,
        remedy="Fix what AWS names in the account or the StackSet (delete an INOPERABLE instance), then retry.",
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
