"""The landing zone's own CloudFormation stack stands in the account and has what the landing zone says now.

The stack is called `meshstack-cf-access`, as in the policy that a downgraded access role keeps, so stacks of accounts
that meshStack has set up before are found and updated. What it was made from stands as a digest in a tag of the stack
itself: one DescribeStacks tells whether anything must be done, and losing Redis costs nothing.

A template behind an address counts as changed when its address changes, or what one GetTemplateSummary tells of it:
description, metadata, parameters, types of resources. A change that shows in none of these is not seen. Sending the
whole template each time would see it, but that is a write, and a second replication writes nothing.

A stack in a region that the landing zone does not name any more stays, for what it made may be in use; the note names
it as long as it stands.

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
from tasks.digest import digest
from tasks.errors import AccessDenied, Conflict, PermanentError
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.names import own_parameters, stack_parameters
from tasks.stacks.templates import STACK_NAME, declared_parameters
from tasks.step import unless

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
    STUCK = "cannot be updated, and deleting it would remove what works"


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

    parameters: Mapping[str, str]  # those that the template declares
    digest: str


def _nothing_to_do(tenant: Tenant, handles: Handles) -> str | None:
    known = tenant.landing_zone.access_stack or handles.access_stack or handles.former_access_stacks
    return None if known else "the landing zone has no access stack"


@unless(_nothing_to_do)
def deploy_access_stack(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Create, update or leave the account's access stack, in the account itself through its access role.

    Reads    cloudformation:DescribeStacks 1 call, and 1 for each stack that a landing zone left behind;
             GetTemplateSummary 1 for a template behind an address; DescribeStackEvents after a failure
    Writes   cloudformation:CreateStack, UpdateStack or DeleteStack, 0 or 1 call
    Returns  Wait while AWS works on the stack
    Raises   PermanentError with the reason of the resource that failed first, or for parameters that do not fit;
             Throttled, Unanswered (transient)
    Source   docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (status codes)
    """
    source = tenant.landing_zone.access_stack
    region = (source.region or tenant.platform.region) if source is not None else None
    handles = leave(handles, region)
    if source is None or region is None:
        return _done(handles, "the landing zone has no access stack", aws)
    stacks = aws.stacks(handles.known_account(), region)
    stack = stacks.find(STACK_NAME)
    wanted = _wanted({**stack_parameters(tenant, handles), **own_parameters(tenant, source)}, source, stacks)
    token = operation_token(tenant, wanted.digest, stack, handles.access_stack)
    match decide(stack, wanted, handles.access_stack_attempt, token):
        case Decision.WAIT:
            return Wait(_seen(handles, stack), f"{STACK_NAME} is {stack.status if stack else 'gone'}")
        case Decision.KEEP:
            return _done(_seen(handles, stack), f"{STACK_NAME} is up to date", aws)
        case Decision.FAIL:
            failure = _failure(stacks, stack)
            aws.remember(replace(_seen(handles, stack), access_stack_attempt=None))  # the next replication may try
            raise failure
        case decision:
            content = StackContent(
                template_body=source.template_body,
                template_url=source.template_url,
                parameters=wanted.parameters,
                tags={DIGEST_TAG: wanted.digest},
                capabilities=source.capabilities,
            )
            return _write(decision, stacks, stack, content, _ahead(aws, handles, stack, token))


def leave(handles: Handles, region: str | None) -> Handles:
    """Return the handles of a landing zone that wants its stack in `region` (None: nowhere); one elsewhere is left."""
    stack = handles.access_stack
    if stack is None or _region_of(stack) == region:
        return handles
    former = tuple(dict.fromkeys((*handles.former_access_stacks, stack)))
    return replace(handles, access_stack=None, access_stack_attempt=None, former_access_stacks=former)


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


def _wanted(known: Mapping[str, str], source: AccessStack, stacks: Stacks) -> Wanted:
    """Return what the stack should be made from; PermanentError for a parameter that the template lacks."""
    content = [source.template_body or ""]
    if source.template_url is not None:
        summary = stacks.summary(source.template_url)
        declared, content = summary.parameters, [source.template_url, summary.text]
    else:
        declared = declared_parameters(content[0])
    lacking = sorted(set(source.parameters) - declared)
    if lacking:
        raise PermanentError(
            "UnknownParameter",
            f"accessStack.parameters names {', '.join(lacking)}, which the template does not declare",
            remedy="Declare it in the template or remove it from the landing zone, then retry.",
        )
    parameters = {name: text for name, text in known.items() if name in declared}
    return Wanted(parameters, digest(*content, parameters))


def _same(stack: Stack | None, wanted: Wanted, *, tried: bool) -> bool:
    """Tell whether the stack has what is wanted; parameters that somebody changed by hand are drift, once."""
    if stack is None or stack.tags.get(DIGEST_TAG) != wanted.digest:
        return False
    shown = {name: text for name, text in stack.parameters.items() if text != HIDDEN and name in wanted.parameters}
    return tried or all(wanted.parameters[name] == text for name, text in shown.items())


def _seen(handles: Handles, stack: Stack | None) -> Handles:
    if stack is None:
        return handles
    former = tuple(each for each in handles.former_access_stacks if each != stack.id)
    return replace(handles, access_stack=stack.id, former_access_stacks=former)


def _done(handles: Handles, note: str, aws: Aws) -> Done:
    """Say what is there, and what is left from before as long as it stands."""
    left = tuple(each for each in handles.former_access_stacks if _stands(each, handles, aws))
    ended = replace(handles, access_stack_attempt=None, former_access_stacks=left)
    return Done(
        ended,
        "; ".join((note, *(f"{each} is no longer in the landing zone; delete it if nobody needs it" for each in left))),
    )


def _stands(stack_id: str, handles: Handles, aws: Aws) -> bool:
    try:
        stack = aws.stacks(handles.known_account(), _region_of(stack_id)).find(stack_id)
    except AccessDenied:  # in a region that is closed by now; a remark is not worth a failure
        return True
    return stack is not None and STANDING[stack.status] is not Standing.GONE


def _region_of(stack_id: str) -> str:
    """Read the region of arn:aws:cloudformation:<region>:<account>:stack/<name>/<uuid>."""
    return stack_id.split(":")[3]


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
            return Done(replace(handles, access_stack_attempt=None), f"{STACK_NAME} is already up to date")
        return Wait(replace(handles, access_stack=stacks.create(STACK_NAME, content, token)), f"creating {STACK_NAME}")
    except Conflict:
        return Wait(handles, f"AWS is already running this operation on {STACK_NAME}")


def _failure(stacks: Stacks, stack: Stack | None) -> PermanentError:
    """Make the error, with the reason of the resource that failed first."""
    assert stack is not None
    shown_by = stacks.request_id
    reason = stacks.first_failure(stack.id) or stack.reason or "AWS gives no reason"
    if STANDING[stack.status] is Standing.STUCK:
        remedy = "Continue or repair the rollback in the CloudFormation console of the account, then retry."
    else:
        remedy = "Fix the template, its parameters or what AWS names, then retry: the stack is then set up again."
    return PermanentError(stack.status.value, f"{STACK_NAME} is {stack.status}: {reason}", shown_by, remedy)
