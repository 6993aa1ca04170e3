"""Lambda's Invoke and GetFunctionConfiguration. Nothing is run: an operator says what a function answers, and when.

The account that owns a function runs it; another one is refused, as without a resource-based policy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws import errors
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.shapes import answer

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

LARGEST_PAYLOAD = 6 * 1024 * 1024  # bytes of a synchronous invocation. Source: Lambda developer guide, quotas


@dataclass
class Function:
    """One function, the answer it gives and the payloads it was given. failure: Handled or Unhandled."""

    arn: str
    answer: Any = None
    failure: str | None = None
    seconds: float = 0.0
    payloads: list[Any] = field(default_factory=list)
    state: str = "Active"
    timeout: int = 3  # seconds, after which Lambda ends it


@dataclass
class Functions:
    """All functions by ARN."""

    functions: dict[str, Function] = field(default_factory=dict)


def offer_function(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: deploy or change a function.

    Body: name; account, answer, failure, seconds, state, timeout (all optional).
    """
    account, region = body.get("account", organization.AUTOMATION_ACCOUNT_ID), organization.REGION
    arn = f"arn:aws:lambda:{region}:{account}:function:{body['name']}"
    function = world.state(Functions).functions.setdefault(arn, Function(arn))
    function.answer, function.failure = body.get("answer"), body.get("failure")
    function.seconds = float(body.get("seconds", 0.0))
    function.state, function.timeout = body.get("state", "Active"), int(body.get("timeout", 3))
    return {"arn": arn}


@answer("lambda", "Invoke")
def invoke(call: Call, world: World) -> Mapping[str, Any]:
    """Give a function its payload and answer what it answers."""
    kind = call.parameters.get("InvocationType", "RequestResponse")
    payload = _payload(call.parameters.get("Payload") or b"")
    if kind == "DryRun":
        return {"StatusCode": 204}
    function = _function(call, world)
    function.payloads.append(payload)
    if kind == "Event":
        return {"StatusCode": 202}
    told = {"FunctionError": function.failure} if function.failure else {}
    body = json.dumps(function.answer).encode()
    return {"StatusCode": 200, "ExecutedVersion": "$LATEST", "Payload": body, **told}


@answer("lambda", "GetFunctionConfiguration")
def get_function_configuration(call: Call, world: World) -> Mapping[str, Any]:
    """Show how a function is set up."""
    function = _function(call, world, "lambda:GetFunctionConfiguration")
    reason = {} if function.state == "Active" else {"StateReason": f"the function is {function.state}"}
    return {"FunctionArn": function.arn, "State": function.state, "Timeout": function.timeout, **reason}


def seconds_of(call: Call, world: World) -> float:
    """Say how long the caller waits for the answer, beside what every call takes."""
    if call.service != "lambda" or call.parameters.get("InvocationType", "RequestResponse") != "RequestResponse":
        return 0.0
    function = world.state(Functions).functions.get(_arn(call))
    return function.seconds if function is not None else 0.0


def _function(call: Call, world: World, action: str = "lambda:InvokeFunction") -> Function:
    arn = _arn(call)
    if arn.split(":")[3] != call.region:
        message = f"Functions from '{arn.split(':')[3]}' are not reachable in this region ('{call.region}')"
        raise AwsError("ResourceNotFoundException", message, 404)
    if arn.split(":")[4] != call.caller.account_id:
        reason = f"because no resource-based policy allows the {action} action"
        raise errors.not_authorized("lambda", call.caller, action, arn, reason)
    function = world.state(Functions).functions.get(arn)
    if function is None:
        raise AwsError("ResourceNotFoundException", f"Function not found: {arn}", 404)
    return function


def _arn(call: Call) -> str:
    """Give the ARN that a name, a partial or a whole ARN stands for, without its version or alias."""
    given = str(call.parameters["FunctionName"])
    if not given.startswith("arn:"):
        name = given.rpartition("function:")[2].partition(":")[0]
        return f"arn:aws:lambda:{call.region}:{call.caller.account_id}:function:{name}"
    return ":".join(given.split(":")[:7])


def _payload(body: bytes) -> Any:
    if len(body) > LARGEST_PAYLOAD:
        message = f"Request must be smaller than {LARGEST_PAYLOAD} bytes for the InvokeFunction operation"
        raise AwsError("RequestTooLargeException", message, 413)
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise AwsError("InvalidRequestContentException", message) from error


def snapshot(world: World) -> list[dict[str, Any]]:
    """Answer every function with the payloads that it was given."""
    return [{"arn": each.arn, "payloads": each.payloads} for each in world.state(Functions).functions.values()]
