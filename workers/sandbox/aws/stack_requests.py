"""What CloudFormation reads from requests the same way everywhere: the template, the tags, the stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.stacks import CloudFormationState, Stack, find_stack
from workers.sandbox.aws.templates import MAXIMUM_BODY_BYTES, Template, invalid, read_template, unfit

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


def template_of(parameters: Mapping[str, Any], world: World) -> Template:
    """Read the request's template; raise ValidationError when it is missing, too long, unreachable or broken."""
    body, url = parameters.get("TemplateBody"), parameters.get("TemplateURL")
    if (body is None) == (url is None):
        missing = "Either Template URL or Template Body must be specified."
        raise invalid("Template URL and Template Body cannot both be specified." if body else missing)
    if url is not None:
        body = world.state(CloudFormationState).templates.get(url)
        if body is None:
            raise invalid("S3 error: Access Denied")
    elif len(str(body).encode()) > MAXIMUM_BODY_BYTES:
        raise unfit("templateBody", "…", f"Member must have length less than or equal to {MAXIMUM_BODY_BYTES}")
    return read_template(str(body))


def tags_of(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Read the request's tags; raise ValidationError for keys that are AWS's own or given twice."""
    tags = parameters.get("Tags") or []
    keys = [tag["Key"] for tag in tags]
    if any(key.lower().startswith("aws:") for key in keys):
        raise invalid("aws: prefixed tag key names are not allowed for external use.")
    if len(set(keys)) != len(keys):
        raise invalid("Template error: Duplicate tag keys are not allowed.")
    return {tag["Key"]: tag["Value"] for tag in tags}


def refuse_inactive_account(account_id: str, world: World) -> None:
    """Raise AccessDenied when the account is suspended or closing."""
    if world.account(account_id).state != "ACTIVE":
        raise AwsError("AccessDenied", f"The account {account_id} is not active", 403)


def existing(call: Call, world: World) -> Stack:
    """Answer the stack named by StackName; raise ValidationError when there is none."""
    name = call.parameters["StackName"]
    stack = world.named(lambda each: find_stack(each, call.caller.account_id, call.region, name))
    if stack is None:
        raise invalid(f"Stack with id {name} does not exist")
    return stack
