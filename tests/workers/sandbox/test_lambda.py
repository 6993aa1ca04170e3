"""The simulator's Lambda functions, asked through boto3 as the automation account."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.workers.sandbox.requests import Sandbox
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ARN = f"arn:aws:lambda:{organization.REGION}:{organization.AUTOMATION_ACCOUNT_ID}:function:on-account"


@pytest.fixture
def automation(simulator: SimulatorClient, session: boto3.Session) -> Any:
    """The automation account's client, and a function."""
    simulator.operator("offer_function", name="on-account", answer={"seen": True})
    return Sandbox(simulator, session).client("lambda", organization.AUTOMATION_ACCOUNT_ID)


def payloads(simulator: SimulatorClient) -> list[Any]:
    """What the function was given, oldest first."""
    (function,) = [each for each in simulator.state()["lambda"] if each["arn"] == ARN]
    return list(function["payloads"])


def code(ask: Any, **parameters: Any) -> tuple[str, int]:
    """Answer the code and status of the refusal."""
    with pytest.raises(ClientError) as caught:
        ask(**parameters)
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("name", [ARN, "on-account", f"{organization.AUTOMATION_ACCOUNT_ID}:function:on-account"])
def test_a_function_answers_by_each_of_its_names(simulator: SimulatorClient, automation: Any, name: str) -> None:
    before = payloads(simulator)

    answer = automation.invoke(FunctionName=name, Payload=b'{"a": "\xc3\xa4"}')

    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == {"seen": True}
    assert payloads(simulator) == [*before, {"a": "ä"}]


def test_a_failed_function_is_told_in_a_header(simulator: SimulatorClient, automation: Any) -> None:
    simulator.operator("offer_function", name="on-account", answer={"errorMessage": "no"}, failure="Unhandled")

    answer = automation.invoke(FunctionName=f"{ARN}:live")

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"]) == {"errorMessage": "no"}


def test_other_ways_of_invoking_do_not_answer(simulator: SimulatorClient, automation: Any) -> None:
    before = payloads(simulator)

    dry = automation.invoke(FunctionName=ARN, InvocationType="DryRun")
    event = automation.invoke(FunctionName=ARN, InvocationType="Event", Payload=b"1")

    assert (dry["StatusCode"], event["StatusCode"]) == (204, 202)
    assert payloads(simulator) == [*before, 1]


def test_what_lambda_does_not_run(simulator: SimulatorClient, automation: Any) -> None:
    before = payloads(simulator)
    foreign = ARN.replace(organization.AUTOMATION_ACCOUNT_ID, "444444444444")

    assert code(automation.invoke, FunctionName=f"{ARN}s") == ("ResourceNotFoundException", 404)
    assert code(automation.invoke, FunctionName=foreign) == ("AccessDeniedException", 403)
    assert code(automation.invoke, FunctionName=ARN, Payload=b"{") == ("InvalidRequestContentException", 400)
    assert code(automation.invoke, FunctionName=ARN, Payload=b"9" * (6 * 1024**2 + 1))[0] == "RequestTooLargeException"
    assert code(automation.invoke, FunctionName=ARN, InvocationType="Maybe")[1] == 400
    assert code(automation.invoke, FunctionName=ARN.replace("eu-central-1", "eu-west-1"))[1] == 404
    assert code(automation.list_functions) == ("UnknownOperationException", 400)
    simulator.deny("lambda:InvokeFunction")
    assert code(automation.invoke, FunctionName=ARN)[0] == "AccessDeniedException"
    assert payloads(simulator) == before
