"""invoke_lambda: the function is told of the account in every replication; what it answers is a remark at most."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from config.landing_zone import LambdaHook
from tasks.aws.calls import Calls, Response
from tasks.aws.faults import translate_unanswered
from tasks.aws.lambda_functions import Functions, Invocation
from tasks.errors import AccessDenied, NotFound, PermanentError, Refused, Throttled, TransientError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done
from tasks.steps.invoke_lambda import LONGEST_TEXT, invoke_lambda, remark
from tests.tasks.steps.world import World
from workers.sandbox import organization

ACCOUNT = Handles(
    email="aws+likvid.shop@example.com",
    account_name="likvid.shop",
    account_id="123456789012",
    account_arn="arn:aws:organizations::111111111111:account/o-sandbox0001/123456789012",
)
SECONDS = timedelta(seconds=5)


class Hook:
    """The function of one test."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.name = f"told-{world.workspace}"
        self.arn = f"arn:aws:lambda:{organization.REGION}:{organization.AUTOMATION_ACCOUNT_ID}:function:{self.name}"

    def offer(self, **body: Any) -> None:
        """Deploy it, or let it behave in another way."""
        self.world.simulator.operator("offer_function", name=self.name, **body)

    def tenant(self, timeout: timedelta = SECONDS, arn: str | None = None, **changes: Any) -> Tenant:
        """A tenant whose landing zone has this function."""
        hook = LambdaHook(arn=arn or self.arn, name=self.name, region=organization.REGION, timeout=timeout)
        return self.world.tenant(**{"landing_zone": {"lambda_hook": hook}, **changes})

    def payloads(self) -> list[dict[str, str]]:
        """What it has been told, oldest first."""
        functions = self.world.simulator.state()["lambda"]
        return [payload for each in functions if each["arn"] == self.arn for payload in each["payloads"]]

    def note(self, timeout: timedelta = SECONDS) -> str:
        """Run the step and return its note."""
        outcome = self.world.run(invoke_lambda, self.tenant(timeout), ACCOUNT)
        assert isinstance(outcome, Done)
        assert outcome.handles == ACCOUNT
        return outcome.note


@pytest.fixture
def hook(world: World) -> Hook:
    made = Hook(world)
    made.offer()
    return made


def test_without_a_function_nothing_is_asked(world: World) -> None:
    outcome, reads, writes = world.counted(invoke_lambda, world.tenant(), ACCOUNT)

    assert (outcome, reads, writes) == (Done(ACCOUNT, "the landing zone has no Lambda function"), 0, 0)


def test_the_function_is_told_what_templates_are_given(world: World, hook: Hook) -> None:
    desired = {
        "tenant_platform_number": 7,
        "workspace": {"tags": {"costCenter": ["old"], "team": ["red", "blue"]}},
        "payment_method": {"identifier": "card", "tags": {"costCenter": ["4711"]}},
        "project": {"createdBy": {"email": "dave@example.com"}},
    }

    world.run(invoke_lambda, hook.tenant(desired=desired), ACCOUNT)

    assert hook.payloads() == [
        {
            "AccountName": "likvid.shop",
            "AccountEmail": "aws+likvid.shop@example.com",
            "AccountId": "123456789012",
            "AccountArn": "arn:aws:organizations::111111111111:account/o-sandbox0001/123456789012",
            "ProductName": world.workspace,
            "Stage": "shop",
            "ContactEmail": "dave@example.com",
            "CostCenter": "4711",
            "TenantPlatformNumber": "7",
            "tagCostCenter": "4711",
            "tagTeam": "red,blue",
        }
    ]


def test_every_replication_runs_it_once_and_does_nothing_else(world: World, hook: Hook) -> None:
    for run in (1, 2):
        outcome, reads, writes = world.counted(invoke_lambda, hook.tenant(), ACCOUNT)

        assert (outcome, reads, writes) == (Done(ACCOUNT, f"{hook.name} has run"), 0, 1)
        assert len(hook.payloads()) == run


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"errorType": "KeyError", "errorMessage": "'Stage'", "stackTrace": ["…"]}, "Unhandled: KeyError: 'Stage'"),
        ({"errorMessage": "Task timed out\nafter 3.00 seconds"}, "Unhandled: Error: Task timed out after 3.00 seconds"),
        ("no", 'Unhandled: "no"'),
        (None, "Unhandled: null"),
    ],
)
def test_a_function_that_fails_is_a_remark_in_its_own_words(hook: Hook, answer: Any, words: str) -> None:
    hook.offer(answer=answer, failure="Unhandled")

    assert hook.note() == f"{hook.name} ran and failed: {words}"


def test_a_function_that_works_on_is_a_remark(world: World, hook: Hook) -> None:
    hook.offer(seconds=1.2)

    assert "has not finished within 1 s" in hook.note(timedelta(seconds=1))
    assert len(hook.payloads()) == 1


def test_a_function_may_take_longer_than_other_calls_may(world: World, hook: Hook) -> None:
    client = world.sessions.automation(hook.tenant().platform, "lambda", organization.REGION, timedelta(minutes=15))

    assert client.meta.config.read_timeout == 900


class Silent(Calls):
    """Gets no answer from an address."""

    def __init__(self, address: str) -> None:
        self.address = address

    def write(self, operation: str, **parameters: Any) -> Response:
        raise translate_unanswered("lambda", operation, ReadTimeoutError(endpoint_url=self.address))


def test_only_the_function_itself_may_be_slow() -> None:
    """Signing in comes before the request: who was not let in has not run the function."""
    path = "2015-03-31/functions/arn%3Aaws%3Alambda/invocations"
    slow = Silent(f"https://lambda.eu-central-1.amazonaws.com/{path}")

    assert Functions(slow).invoke("arn:aws:lambda", {}) == Invocation(answered=False)
    with pytest.raises(Unanswered):
        Functions(Silent("https://sts.eu-central-1.amazonaws.com/")).invoke("arn:aws:lambda", {})


@pytest.mark.parametrize(
    ("fault", "expected", "told"),
    [
        ({"kind": "throttle"}, Throttled, 0),
        ({"kind": "lost_response"}, Unanswered, 1),
        ({"kind": "reset"}, Unanswered, 0),
        ({"kind": "malformed"}, Unanswered, 1),
        ({"code": "ServiceException", "status": 500}, Unanswered, 0),
        ({"code": "ResourceNotReadyException", "status": 502}, Throttled, 0),
        ({"code": "KMSDisabledException", "status": 502}, Refused, 0),
    ],
)
def test_a_function_that_was_not_seen_to_run_is_run_again(
    world: World, hook: Hook, fault: dict[str, Any], expected: type[Exception], told: int
) -> None:
    world.simulator.inject(service="lambda", operation="Invoke", **fault)

    with pytest.raises(expected):
        hook.note()
    assert len(hook.payloads()) == told
    assert hook.note() == f"{hook.name} has run"


def test_what_aws_does_not_run_fails_with_what_to_do(world: World, hook: Hook) -> None:
    cases: list[tuple[Tenant, type[PermanentError], str]] = [
        (hook.tenant(arn=f"{hook.arn}x"), NotFound, "awsLambdaArn"),
        (hook.tenant(arn=hook.arn.replace(organization.AUTOMATION_ACCOUNT_ID, "444444444444")), AccessDenied, "Invoke"),
        (hook.tenant(platform={"automation_role_arn": None}), AccessDenied, "automationAccountRole"),
    ]
    for tenant, kind, words in cases:
        with pytest.raises(kind) as caught:
            world.run(invoke_lambda, tenant, ACCOUNT)
        assert words in caught.value.message + caught.value.remedy
        assert not isinstance(caught.value, TransientError)
    assert hook.payloads() == []


def test_a_missing_permission_is_named(world: World, hook: Hook) -> None:
    world.simulator.deny("lambda:InvokeFunction")

    with pytest.raises(AccessDenied, match="lambda:InvokeFunction"):
        hook.note()


def test_another_function_takes_over_at_the_next_replication(world: World, hook: Hook) -> None:
    hook.note()
    second = Hook(world)
    second.name, second.arn = f"{hook.name}-2", f"{hook.arn}-2"
    second.offer()

    second.note()

    assert (len(hook.payloads()), len(second.payloads())) == (1, 1)


def test_long_words_are_cut() -> None:
    text = remark("told", SECONDS, Invocation(failure="Handled: " + "x" * 9999))

    assert len(text) < LONGEST_TEXT + 40
    assert text.endswith("x…")
