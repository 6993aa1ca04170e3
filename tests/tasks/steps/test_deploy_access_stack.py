"""deploy_access_stack: the account's own stack is made, kept, changed and repaired; each failure shows AWS's reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.landing_zone import AccessStack
from tasks.aws.cloudformation import Stack, StackStatus
from tasks.errors import AccessDenied, PermanentError, Unanswered
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Wait
from tasks.stacks.templates import STACK_NAME, declared_parameters
from tasks.steps.deploy_access_stack import (
    DIGEST_TAG,
    STANDING,
    Decision,
    Standing,
    Wanted,
    decide,
    deploy_access_stack,
    operation_token,
)
from tests.support.waiting import eventually
from tests.tasks.steps.world import World

REGION = "eu-central-1"
TEMPLATE = """
Parameters:
  Stage: {Type: String}
  Mode: {Type: String, Default: quiet}
  Secret: {Type: String, NoEcho: true, Default: none}
Resources:
  Topic: {Type: "AWS::SNS::Topic"}
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}}
"""


def access(body: str | None = TEMPLATE, url: str | None = None, **parameters: str) -> dict[str, Any]:
    return {"access_stack": AccessStack(template_body=body, template_url=url, parameters=parameters)}


def stacks(world: World, handles: Handles) -> list[dict[str, Any]]:
    """Every stack that the account has had, deleted ones too."""
    return [stack for stack in world.simulator.state()["cloudformation"] if stack["account"] == handles.account_id]


def standing(world: World, handles: Handles) -> dict[str, Any]:
    """The one stack that is not deleted."""
    (stack,) = [stack for stack in stacks(world, handles) if stack["status"] != "DELETE_COMPLETE"]
    return stack


def failing(world: World, handles: Handles, reason: str | None) -> None:
    world.simulator.operator("fail_stack", account=handles.account_id, name=STACK_NAME, reason=reason)


def eventually_told(world: World, tenant: Tenant, handles: Handles, remark: str) -> Handles:
    """Run until a remark is made no more."""

    def look() -> Handles | None:
        outcome = world.finish(deploy_access_stack, tenant, handles)
        return outcome.handles if remark not in outcome.note else None

    found = eventually(look)
    assert found is not None
    return found


def failure(world: World, tenant: Tenant, handles: Handles) -> PermanentError:
    """Run to the failure, as the due index would; what was remembered ahead is in world.remembered."""
    with pytest.raises(PermanentError) as caught:
        world.finish(deploy_access_stack, tenant, handles)
    return caught.value


def test_without_an_access_stack_nothing_is_asked(world: World) -> None:
    outcome, reads, writes = world.counted(deploy_access_stack, world.tenant(), Handles(account_id="123456789012"))

    assert outcome == Done(Handles(account_id="123456789012"), "the landing zone has no access stack")
    assert (reads, writes) == (0, 0)


def test_a_new_account_gets_the_stack_with_the_parameters_that_its_template_declares(world: World) -> None:
    tenant = world.tenant(landing_zone=access(Mode="loud"))
    handles = world.account(tenant)

    outcome = world.finish(deploy_access_stack, tenant, handles)

    stack = standing(world, handles)
    assert stack["name"] == STACK_NAME
    assert (stack["status"], stack["region"]) == ("CREATE_COMPLETE", REGION)
    assert stack["parameters"] == {"Stage": "shop", "Mode": "loud", "Secret": "none"}
    assert outcome.handles == replace(handles, access_stack=stack["stack_id"])


def test_an_unchanged_stack_costs_one_read(world: World) -> None:
    tenant = world.tenant(landing_zone=access(Secret="hush"))
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles

    outcome, reads, writes = world.counted(deploy_access_stack, tenant, handles)

    assert outcome == Done(handles, f"{STACK_NAME} is up to date")
    assert (reads, writes) == (1, 0)


def test_a_lost_redis_costs_no_write(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.account(tenant)
    kept = world.finish(deploy_access_stack, tenant, handles).handles

    outcome, reads, writes = world.counted(deploy_access_stack, tenant, handles)

    assert outcome.handles == kept
    assert (reads, writes) == (1, 0)


def test_the_stack_stands_in_the_region_that_the_landing_zone_names(world: World) -> None:
    tenant = world.tenant(landing_zone={"access_stack": AccessStack(template_body=TEMPLATE, region="eu-west-1")})
    handles = world.account(tenant)

    world.finish(deploy_access_stack, tenant, handles)

    assert standing(world, handles)["region"] == "eu-west-1"


def test_a_changed_template_updates_the_stack(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    changed = world.tenant(landing_zone=access(TEMPLATE.replace("quiet", "silent")))

    after = world.finish(deploy_access_stack, changed, handles).handles

    stack = standing(world, handles)
    assert (stack["status"], stack["parameters"]["Mode"]) == ("UPDATE_COMPLETE", "silent")
    assert after == handles


def test_a_parameter_changed_by_hand_is_set_again(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    client = world.sessions.member(tenant.platform, handles.account_id or "", "cloudformation", REGION)
    client.update_stack(
        StackName=STACK_NAME,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Stage", "ParameterValue": "by hand"}],
        Capabilities=["CAPABILITY_IAM"],
    )

    world.finish(deploy_access_stack, tenant, handles)

    assert standing(world, handles)["parameters"]["Stage"] == "shop"


def test_a_stack_deleted_by_hand_is_created_again(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    world.aws(tenant).stacks(handles.account_id or "", REGION).delete(handles.access_stack or "", "by-hand")

    after = world.finish(deploy_access_stack, tenant, handles).handles

    assert standing(world, handles)["status"] == "CREATE_COMPLETE"
    assert after.access_stack != handles.access_stack


def test_a_template_behind_an_address_gets_what_it_declares(world: World) -> None:
    url = f"https://templates.example.com/{world.workspace}.yml"
    world.simulator.operator("offer_template", url=url, body=TEMPLATE)
    tenant = world.tenant(landing_zone=access(None, url, Mode="loud"))
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles

    outcome, reads, writes = world.counted(deploy_access_stack, tenant, handles)

    assert standing(world, handles)["parameters"] == {"Stage": "shop", "Mode": "loud", "Secret": "none"}
    assert isinstance(outcome, Done)
    assert (reads, writes) == (2, 0)


@pytest.mark.parametrize(
    ("former", "changed", "expected"),
    [
        ("Mode: {Type: String, Default: quiet}", "Mode: {Type: String, Default: silent}", "UPDATE_COMPLETE"),
        ("\nParameters", "\nDescription: the second version\nParameters", "UPDATE_COMPLETE"),
        ("AWS::SNS::Topic", "AWS::SQS::Queue", "UPDATE_COMPLETE"),
        ("2012-10-17", "2008-10-17", "CREATE_COMPLETE"),  # a property: not seen without a new description
    ],
)
def test_a_template_that_changed_behind_its_address_is_rolled_out(
    world: World, former: str, changed: str, expected: str
) -> None:
    url = f"https://templates.example.com/{world.workspace}.yml"
    world.simulator.operator("offer_template", url=url, body=TEMPLATE)
    tenant = world.tenant(landing_zone=access(None, url))
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    world.simulator.operator("offer_template", url=url, body=TEMPLATE.replace(former, changed))

    again = world.finish(deploy_access_stack, tenant, handles).handles

    assert standing(world, handles)["status"] == expected
    assert world.counted(deploy_access_stack, tenant, again)[1:] == (2, 0)


def test_parameters_are_filled_in_for_the_tenant(world: World) -> None:
    tenant = world.tenant(landing_zone=access(Mode="of-#{projectIdentifier:%S}", Secret="50%s"))
    handles = world.account(tenant)

    world.finish(deploy_access_stack, tenant, handles)

    assert standing(world, handles)["parameters"] == {"Stage": "shop", "Mode": "of-SHOP", "Secret": "50%s"}


def test_a_parameter_that_the_tenant_cannot_fill_in_is_told(world: World) -> None:
    tenant = world.tenant(landing_zone=access(Mode="#{tagTeam}"))

    error = failure(world, tenant, world.account(tenant))

    assert error.code == "ParameterRefused"
    assert "tagTeam" in error.message


def test_a_template_may_do_no_more_than_the_landing_zone_acknowledges(world: World) -> None:
    named = TEMPLATE.replace("Properties: {", "Properties: {RoleName: operators, ")
    allowed = AccessStack(template_body=named)
    tenant = world.tenant(landing_zone={"access_stack": allowed})
    less = allowed.model_copy(update={"capabilities": ("CAPABILITY_IAM",)})
    handles = world.account(tenant)

    error = failure(world, world.tenant(landing_zone={"access_stack": less}), handles)
    world.finish(deploy_access_stack, tenant, world.remembered[-1])

    assert error.code == "InsufficientCapabilitiesException"
    assert "accessStack.capabilities" in error.remedy
    assert standing(world, handles)["status"] == "CREATE_COMPLETE"


@pytest.mark.parametrize("region", [None, "eu-west-1"])
def test_a_stack_that_the_landing_zone_leaves_behind_is_named_until_it_is_deleted(
    world: World, region: str | None
) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    elsewhere = AccessStack(template_body=TEMPLATE, region=region) if region else None
    changed = world.tenant(landing_zone={"access_stack": elsewhere})

    left = world.finish(deploy_access_stack, changed, handles)
    again, reads, writes = world.counted(deploy_access_stack, changed, left.handles)

    assert f"{handles.access_stack} is no longer in the landing zone" in again.note
    assert again == left
    assert (reads, writes) == (2 if region else 1, 0)
    world.aws(tenant).stacks(handles.account_id or "", REGION).delete(handles.access_stack or "", "by-hand")
    gone = eventually_told(world, changed, left.handles, "no longer in the landing zone")
    assert gone.former_access_stacks == ()
    assert world.counted(deploy_access_stack, changed, gone)[1:] == (1 if region else 0, 0)


def test_a_stack_that_is_wanted_again_is_left_no_more(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    without = world.finish(deploy_access_stack, world.tenant(), handles).handles

    assert without.former_access_stacks == (handles.access_stack,)
    assert world.finish(deploy_access_stack, tenant, without).handles == handles


@pytest.mark.parametrize("behind_an_address", [False, True])
def test_a_parameter_that_the_template_lacks_is_named(world: World, behind_an_address: bool) -> None:
    url = f"https://templates.example.com/{world.workspace}.yml" if behind_an_address else None
    world.simulator.operator(
        "offer_template", url=f"https://templates.example.com/{world.workspace}.yml", body=TEMPLATE
    )
    tenant = world.tenant(landing_zone=access(None if url else TEMPLATE, url, Colour="red"))

    error = failure(world, tenant, world.account(tenant))

    assert "names Colour, which the template does not declare" in error.message


@pytest.mark.parametrize("operation", ["CreateStack", "UpdateStack"])
def test_a_lost_answer_starts_no_second_operation(world: World, operation: str) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.account(tenant)
    if operation == "UpdateStack":
        handles = world.finish(deploy_access_stack, tenant, handles).handles
        tenant = world.tenant(landing_zone=access(Mode="loud"))
    world.simulator.inject(service="cloudformation", operation=operation, kind="lost_response")
    mark = world.simulator.mark()

    with pytest.raises(Unanswered):
        world.run(deploy_access_stack, tenant, handles)
    outcome = world.finish(deploy_access_stack, tenant, world.remembered[-1])

    assert [call.operation for call in world.simulator.writes_since(mark)] == [operation]
    assert standing(world, handles)["status"].endswith("_COMPLETE")
    assert outcome.handles.access_stack_attempt is None


def test_a_creation_that_failed_shows_the_resources_reason_and_is_tried_again_by_the_next_replication(
    world: World,
) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.account(tenant)
    failing(world, handles, "You are not authorized to do this")

    error = failure(world, tenant, handles)
    assert error.code == "ROLLBACK_COMPLETE"
    assert "Role (AWS::IAM::Role): You are not authorized to do this" in error.message
    assert len(stacks(world, handles)) == 1

    again = failure(world, tenant, world.remembered[-1])  # the cause is still there
    assert again.code == "ROLLBACK_COMPLETE"
    assert len(stacks(world, handles)) == 2

    failing(world, handles, None)
    world.finish(deploy_access_stack, tenant, world.remembered[-1])
    assert standing(world, handles)["status"] == "CREATE_COMPLETE"


def test_an_update_that_failed_shows_the_reason_and_what_worked_goes_on(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    failing(world, handles, "Rate exceeded")
    changed = world.tenant(landing_zone=access(Mode="loud"))

    error = failure(world, changed, handles)

    assert (error.code, "Rate exceeded" in error.message) == ("UPDATE_ROLLBACK_COMPLETE", True)
    assert standing(world, handles)["parameters"]["Mode"] == "quiet"
    outcome, reads, writes = world.counted(
        deploy_access_stack, tenant, world.remembered[-1]
    )  # the change is taken back
    assert isinstance(outcome, Done)
    assert (reads, writes) == (1, 0)

    failing(world, handles, None)
    world.finish(deploy_access_stack, changed, world.remembered[-1])
    assert standing(world, handles)["parameters"]["Mode"] == "loud"


def test_a_stack_that_cannot_be_deleted_is_tried_once_a_replication(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    account = {"account": handles.account_id, "region": REGION, "name": STACK_NAME}
    world.simulator.operator("set_stack_status", **account, status="ROLLBACK_FAILED")
    outcome = world.run(deploy_access_stack, tenant, handles)
    assert isinstance(outcome, Wait)
    world.simulator.operator("set_stack_status", **account, status="DELETE_FAILED", reason="Topic is in use")

    error = failure(world, tenant, outcome.handles)

    assert (error.code, "Topic is in use" in error.message) == ("DELETE_FAILED", True)
    world.finish(deploy_access_stack, tenant, world.remembered[-1])
    assert standing(world, handles)["status"] == "CREATE_COMPLETE"


def test_a_stuck_rollback_is_left_to_a_person(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.finish(deploy_access_stack, tenant, world.account(tenant)).handles
    account = {"account": handles.account_id, "region": REGION, "name": STACK_NAME}
    world.simulator.operator("set_stack_status", **account, status="UPDATE_ROLLBACK_FAILED", reason="Topic is gone")
    mark = world.simulator.mark()

    error = failure(world, tenant, handles)

    assert "Topic is gone" in error.message
    assert world.simulator.writes_since(mark) == []


def test_a_refusal_is_told_as_aws_says_it(world: World) -> None:
    tenant = world.tenant(landing_zone=access())
    handles = world.account(tenant)
    world.simulator.deny("cloudformation:CreateStack")

    error = failure(world, tenant, handles)

    assert isinstance(error, AccessDenied)
    assert stacks(world, handles) == []


def test_every_stack_status_of_aws_is_mapped(world: World) -> None:
    client = world.sessions.management(world.tenant().platform, "cloudformation")
    statuses = client.meta.service_model.shape_for("StackStatus").enum

    assert sorted(StackStatus) == sorted(statuses) == sorted(STANDING)


BUSY = {Standing.BUSY: (Decision.WAIT,) * 3}
CASES = {
    # standing: (not tried yet, tried and failed with this content, has what is wanted)
    Standing.SETTLED: (Decision.UPDATE, Decision.UPDATE, Decision.KEEP),
    Standing.REVERTED: (Decision.UPDATE, Decision.FAIL, Decision.KEEP),
    Standing.HALF: (Decision.UPDATE, Decision.FAIL, Decision.UPDATE),
    Standing.BROKEN: (Decision.DELETE, Decision.FAIL, Decision.DELETE),
    Standing.KEPT: (Decision.DELETE, Decision.FAIL, Decision.DELETE),
    Standing.STUCK: (Decision.FAIL, Decision.FAIL, Decision.FAIL),
    Standing.GONE: (Decision.CREATE, Decision.CREATE, Decision.CREATE),
    **BUSY,
}


@pytest.mark.parametrize("status", StackStatus)
def test_each_status_has_its_decision(status: StackStatus) -> None:
    wanted = Wanted({"Stage": "shop"}, "d1")
    stack = Stack("arn", status, tags={DIGEST_TAG: "d0"})
    same = replace(stack, tags={DIGEST_TAG: "d1"}, parameters={"Stage": "shop", "Mode": "quiet", "Secret": "****"})

    fresh, tried, kept = CASES[STANDING[status]]

    assert decide(stack, wanted, None, "d1-now") == fresh
    assert decide(stack, wanted, "d1-before", "d1-now") == tried
    assert decide(same, wanted, None, "d1-now") == kept


def test_an_attempt_counts_only_with_this_content_and_after_it_was_accepted() -> None:
    wanted = Wanted({}, "d1")
    stack = Stack("arn", StackStatus.ROLLBACK_COMPLETE)

    assert decide(stack, wanted, "d0-before", "d1-now") is Decision.DELETE
    assert decide(stack, wanted, "d1-now", "d1-now") is Decision.DELETE
    assert decide(None, wanted, "d1-before", "d1-now") is Decision.CREATE


def test_drift_is_repaired_once() -> None:
    wanted = Wanted({"Stage": "shop"}, "d1")
    stack = Stack("arn", StackStatus.UPDATE_COMPLETE, tags={DIGEST_TAG: "d1"}, parameters={"Stage": "SHOP"})

    assert decide(stack, wanted, None, "d1-now") is Decision.UPDATE
    assert decide(stack, wanted, "d1-before", "d1-now") is Decision.KEEP


def test_a_token_changes_with_the_content_and_with_the_state_it_starts_from(world: World) -> None:
    tenant, stack = world.tenant(), Stack("arn", StackStatus.CREATE_COMPLETE, changed_at="1")
    tokens = [
        operation_token(tenant, "d1", None, None),
        operation_token(tenant, "d1", None, "arn"),
        operation_token(tenant, "d1", stack, None),
        operation_token(tenant, "d1", replace(stack, changed_at="2"), None),
        operation_token(tenant, "d2", stack, None),
    ]

    assert len(set(tokens)) == 5
    assert operation_token(tenant, "d1", stack, "x") == tokens[2]
    assert all(token.replace("-", "").isalnum() and len(token) <= 128 for token in tokens)


@pytest.mark.parametrize(
    ("body", "declared"),
    [
        ('{"Parameters": {"A": {"Type": "String"}}, "Resources": {}}', {"A"}),
        ("Parameters:\n  A: {Type: String}\n  B: {Type: Number}\nResources: {T: !Ref A}", {"A", "B"}),
        ("{Parameters: {A: {Type: String}}}", {"A"}),
        ("Resources: {}", set()),
    ],
)
def test_declared_parameters_are_read_from_json_and_yaml(body: str, declared: set[str]) -> None:
    assert declared_parameters(body) == declared


@pytest.mark.parametrize(
    "url",
    [
        "https://another-bucket.s3.eu-central-1.amazonaws.com/access-stack.yaml",
        "https://s3.eu-central-1.amazonaws.com/another-bucket/access-stack.yaml",
    ],
)
def test_an_address_that_the_account_may_not_read_says_so(world: World, url: str) -> None:
    tenant = world.tenant(landing_zone=access(body=None, url=url))

    refused = failure(world, tenant, world.account(tenant))

    assert url in refused.message
    assert "templateUrl of the landing zone" in refused.remedy
    assert "s3:GetObject" in refused.remedy
    assert "pattern" not in refused.remedy


def test_a_template_that_aws_does_not_take_says_where_it_stands(world: World) -> None:
    tenant = world.tenant(landing_zone=access("Resources: {}"))

    refused = failure(world, tenant, world.account(tenant))

    assert refused.code == "ValidationError"
    assert "accessStack with its template and parameters" in refused.remedy
