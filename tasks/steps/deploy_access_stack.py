"""The landing zone's own CloudFormation stack stands in the account and has what the landing zone says now.

The stack is called `meshstack-cf-access`, as in the policy that a downgraded access role keeps, so stacks of accounts
that meshStack has set up before are found and updated. What it was made from stands as a digest in a tag of the stack
itself: one DescribeStacks tells whether anything must be done, and losing Redis costs nothing. A template behind an
address counts as changed when its address changes; AWS does not tell what stands there at the price of one call.

An operation's token is made from what is sent and from the state it starts from. So a lost answer is asked again
under the same token, and an operation after a known end gets a new one. `Handles.access_stack_attempt` holds the
token until the end has been seen: a stack that failed under it fails this replication, with AWS's reason; one that is
found failed at the beginning is deleted and created again, or updated again. Each replication tries once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from config.landing_zone import AccessStack
from tasks.aws import Aws
from tasks.aws.cloudformation import Stack, StackContent, Stacks, StackStatus
from tasks.errors import Conflict, PermanentError
from tasks.model import Done, Handles, Outcome, Tenant, Wait
from tasks.names import stack_parameters
from tasks.stack_templates import declared_parameters, digest

STACK_NAME = "meshstack-cf-access"
DIGEST_TAG = "meshstack:digest"
HIDDEN = "****"  # how AWS shows a NoEcho parameter


class Standing(Enum):
    """What a StackStatus means for us."""

    GONE = "there is none"
    BUSY = "AWS works on it"
    SETTLED = "works and can be updated"
    REVERTED = "works with what it had before an update that failed"
    HALF = "an update failed and was not rolled back; can be updated"
    BROKEN = "has never worked; is deleted and created again"
    KEPT = "could not be deleted; deleting is tried again"
    STUCK = "cannot be updated, and deleting it would take away what works"


STANDING = {
    StackStatus.CREATE_IN_PROGRESS: Standing.BUSY,
    StackStatus.CREATE_FAILED: Standing.BROKEN,
    StackStatus.CREATE_COMPLETE: Standing.SETTLED,
    StackStatus.ROLLBACK_IN_PROGRESS: Standing.BUSY,
    StackStatus.ROLLBACK_FAILED: Standing.BROKEN,
    StackStatus.ROLLBACK_COMPLETE: Standing.BROKEN,
    StackStatus.DELETE_IN_PROGRESS: Standing.BUSY,
    StackStatus.DELETE_FAILED: Standing.KEPT,
    StackStatus.DELETE_COMPLETE: Standing.GONE,
    StackStatus.UPDATE_IN_PROGRESS: Standing.BUSY,
    StackStatus.UPDATE_COMPLETE_CLEANUP_IN_PROGRESS: Standing.BUSY,
    StackStatus.UPDATE_COMPLETE: Standing.SETTLED,
    StackStatus.UPDATE_FAILED: Standing.HALF,
    StackStatus.UPDATE_ROLLBACK_IN_PROGRESS: Standing.BUSY,
    StackStatus.UPDATE_ROLLBACK_FAILED: Standing.STUCK,
    StackStatus.UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS: Standing.BUSY,
    StackStatus.UPDATE_ROLLBACK_COMPLETE: Standing.REVERTED,
    StackStatus.REVIEW_IN_PROGRESS: Standing.BROKEN,  # a change set that nobody executed; nothing runs
    StackStatus.IMPORT_IN_PROGRESS: Standing.BUSY,
    StackStatus.IMPORT_COMPLETE: Standing.SETTLED,
    StackStatus.IMPORT_ROLLBACK_IN_PROGRESS: Standing.BUSY,
    StackStatus.IMPORT_ROLLBACK_FAILED: Standing.STUCK,
    StackStatus.IMPORT_ROLLBACK_COMPLETE: Standing.SETTLED,
}


class Decision(Enum):
    """What is done next."""

    WAIT = "wait"
    KEEP = "keep"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    FAIL = "fail"


@dataclass(frozen=True)
class Wanted:
    """What the stack should be made from."""

    source: AccessStack
    given: Mapping[str, str]  # what we know of the tenant; a template takes what it declares
    digest: str

    def parameters(self, declared: frozenset[str]) -> dict[str, str]:
        """Return the values for a template; PermanentError when the landing zone names one that it lacks."""
        lacking = sorted(set(self.source.parameters) - declared)
        if lacking:
            raise PermanentError(
                "UnknownParameter",
                f"accessStack.parameters names {', '.join(lacking)}, which the template does not declare",
                remedy="Declare it in the template or remove it from the landing zone, then retry.",
            )
        return {name: value for name, value in _given(self.given, self.source).items() if name in declared}


def deploy_access_stack(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Create, update or leave the account's access stack, in the account itself through its access role.

    Reads    cloudformation:DescribeStacks 1 call; before a write of a template behind an address GetTemplateSummary 1;
             after a failure DescribeStackEvents
    Writes   cloudformation:CreateStack, UpdateStack or DeleteStack, 0 or 1 call
    Returns  Wait while AWS works on the stack
    Raises   PermanentError with the reason of the resource that failed first, or for parameters that do not fit;
             Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (status codes)
    """
    source = tenant.landing_zone.access_stack
    if source is None:
        return Done(handles, "the landing zone has no access stack")
    stacks = aws.stacks(handles.known_account(), source.region or tenant.platform.region)
    wanted = _wanted(tenant, handles, source)
    stack = stacks.find(STACK_NAME)
    token = operation_token(tenant, wanted.digest, stack, handles.access_stack)
    match decide(stack, wanted, handles.access_stack_attempt, token):
        case Decision.WAIT:
            return Wait(_seen(handles, stack), f"{STACK_NAME} is {stack.status if stack else 'gone'}")
        case Decision.KEEP:
            return Done(replace(_seen(handles, stack), access_stack_attempt=None), f"{STACK_NAME} is as wanted")
        case Decision.FAIL:
            raise _failed(stacks, stack, handles, aws)
        case decision:
            parameters = wanted.parameters(_declared(stacks, source)) if decision is not Decision.DELETE else {}
            content = StackContent(source.template_body, source.template_url, parameters, {DIGEST_TAG: wanted.digest})
            return _write(decision, stacks, stack, content, _ahead(aws, handles, stack, token))


def decide(  # noqa: PLR0911 (a table)
    stack: Stack | None, wanted: Wanted, attempt: str | None, token: str
) -> Decision:
    """Return what is done next.

    attempt  token of the operation whose end has not been seen; None: this replication has started none yet
    token    the one that an operation would get now: equal to `attempt` while that was never accepted
    """
    tried = attempt is not None and attempt.startswith(wanted.digest) and attempt != token
    match Standing.GONE if stack is None else STANDING[stack.status]:
        case Standing.GONE:
            return Decision.CREATE
        case Standing.BUSY:
            return Decision.WAIT
        case Standing.SETTLED:
            return Decision.KEEP if _same(stack, wanted, tried=tried) else Decision.UPDATE
        case Standing.REVERTED:
            repeated = Decision.FAIL if tried else Decision.UPDATE
            return Decision.KEEP if _same(stack, wanted, tried=tried) else repeated
        case Standing.HALF:
            return Decision.FAIL if tried else Decision.UPDATE
        case Standing.BROKEN | Standing.KEPT:
            return Decision.FAIL if tried else Decision.DELETE
        case Standing.STUCK:
            return Decision.FAIL


def operation_token(tenant: Tenant, content: str, stack: Stack | None, former: str | None) -> str:
    """Return the ClientRequestToken of an operation that sends `content` (a digest) to the stack as it is now.

    65 characters of [a-zA-Z0-9-]; AWS takes 128. `former` is the id of the stack that stood here before.
    """
    state = (stack.id, stack.status, stack.changed_at) if stack is not None else ("none", former)
    return f"{content}-{digest(str(tenant.id), *state)}"


def _wanted(tenant: Tenant, handles: Handles, source: AccessStack) -> Wanted:
    given = stack_parameters(tenant, handles)
    if source.template_body is None:
        return Wanted(source, given, digest(source.template_url, _given(given, source)))
    known = Wanted(source, given, "").parameters(declared_parameters(source.template_body))
    return Wanted(source, known, digest(source.template_body, known))


def _given(tenants: Mapping[str, str], source: AccessStack) -> dict[str, str]:
    return {**tenants, **source.parameters}


def _declared(stacks: Stacks, source: AccessStack) -> frozenset[str]:
    if source.template_url is not None:
        return stacks.declared_parameters(source.template_url)
    return declared_parameters(source.template_body or "")


def _same(stack: Stack | None, wanted: Wanted, *, tried: bool) -> bool:
    """Tell whether the stack has what is wanted; parameters that somebody changed by hand are drift, once."""
    if stack is None or stack.tags.get(DIGEST_TAG) != wanted.digest:
        return False
    values = _given(wanted.given, wanted.source)
    shown = {name: value for name, value in stack.parameters.items() if value != HIDDEN and name in values}
    return tried or all(values[name] == value for name, value in shown.items())


def _seen(handles: Handles, stack: Stack | None) -> Handles:
    return replace(handles, access_stack=stack.id) if stack is not None else handles


def _ahead(aws: Aws, handles: Handles, stack: Stack | None, token: str) -> Handles:
    ahead = replace(handles, access_stack_attempt=token)
    aws.remember(ahead)
    return _seen(ahead, stack)


def _write(decision: Decision, stacks: Stacks, stack: Stack | None, content: StackContent, handles: Handles) -> Outcome:
    token = handles.access_stack_attempt or ""
    try:
        if decision is Decision.DELETE and stack is not None:
            stacks.delete(stack.id, token)
            return Wait(handles, f"deleting {STACK_NAME}, which is {stack.status}, to create it again")
        if decision is Decision.UPDATE and stack is not None:
            if stacks.update(stack.id, content, token):
                return Wait(handles, f"updating {STACK_NAME}")
            return Done(replace(handles, access_stack_attempt=None), f"{STACK_NAME} had nothing to update")
        return Wait(replace(handles, access_stack=stacks.create(STACK_NAME, content, token)), f"creating {STACK_NAME}")
    except Conflict:
        return Wait(handles, f"AWS has this operation on {STACK_NAME} already")


def _failed(stacks: Stacks, stack: Stack | None, handles: Handles, aws: Aws) -> PermanentError:
    """Make the error, and forget the attempt first: the next replication may try again."""
    assert stack is not None
    shown_by = stacks.request_id
    reason = stacks.first_failure(stack.id) or stack.reason or "AWS gives no reason"
    aws.remember(replace(_seen(handles, stack), access_stack_attempt=None))
    if STANDING[stack.status] is Standing.STUCK:
        remedy = "Continue or repair the rollback in the CloudFormation console of the account, then retry."
    else:
        remedy = "Mend the template, its parameters or what AWS names, then retry: the stack is then set up again."
    return PermanentError(stack.status.value, f"{STACK_NAME} is {stack.status}: {reason}", shown_by, remedy)
