"""The landing zone's Lambda function has been told of the account, once in each replication.

Lambda has no token for an invocation, so AWS cannot tell whether the function has run already. It is told again when an
answer was lost or a worker died: whoever writes the function must let it run twice. What it answers is its own affair:
a function that failed is a remark, as in meshStack; one that AWS could not run fails the replication.
"""

from __future__ import annotations

from datetime import timedelta

from tasks.aws import Aws
from tasks.aws.lambda_functions import Invocation
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome
from tasks.names import stack_parameters
from tasks.step import unless

LONGEST_TEXT = 500  # characters of a function's own words that people are shown


def _nothing_to_do(tenant: Tenant, _: Handles) -> str | None:
    return None if tenant.landing_zone.lambda_hook else "the landing zone has no Lambda function"


@unless(_nothing_to_do)
def invoke_lambda(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:
    """Run the landing zone's function with what templates are given too, and wait for its end.

    Reads    nothing
    Writes   lambda:Invoke 1 call in every replication, as the automation account's role, in the ARN's region
    Returns  Done, with a remark when the function failed or has not ended within the landing zone's time; never Wait
    Raises   NotFound, AccessDenied or Refused when AWS does not run the function (permanent); Throttled; Unanswered,
             after which it is run again
    Source   docs.aws.amazon.com/lambda/latest/dg/invocation-sync.html
    """
    hook = tenant.landing_zone.lambda_hook
    assert hook is not None
    functions = aws.functions(hook.region, hook.timeout)
    return Done(handles, remark(hook.name, hook.timeout, functions.invoke(hook.arn, stack_parameters(tenant, handles))))


def remark(name: str, timeout: timedelta, invocation: Invocation) -> str:
    """Say how an invocation ended."""
    if not invocation.answered:
        return f"{name} has not finished within {timeout.total_seconds():.0f} s; it keeps running, unwatched"
    if invocation.failure is None:
        return f"{name} has run"
    words = " ".join(invocation.failure.split())
    return f"{name} ran and failed: {words[:LONGEST_TEXT]}{'…' if len(words) > LONGEST_TEXT else ''}"
