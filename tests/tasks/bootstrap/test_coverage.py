"""What is written lets the connector make every call of its table, in CloudFormation and in OpenTofu alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import hcl2
import pytest
from ruamel.yaml import YAML

from tasks.aws.actions import OPERATIONS, Feature, Operation, Principal
from tasks.bootstrap.blueprint import (
    AUTOMATION_ROLE,
    CONNECTOR_ROLE,
    MANAGEMENT_ROLE,
    METERING_ROLE,
    METERING_USER,
    SERVICE_USER,
    Wanted,
    blueprint,
    surroundings,
)
from tasks.bootstrap.files import files
from tasks.bootstrap.opentofu import variable
from tasks.bootstrap.sign_in import Way
from tests.tasks.bootstrap.test_templates import STARTER, VARIANTS, wanted
from workers.sandbox.aws.policies import Decision, evaluate

EVERYTHING = {
    str(way): wanted(way, features=frozenset(Feature), import_role="AccountFactoryRole")
    for way in (Way.POD_IDENTITY, Way.OIDC, Way.USER)
}
WRITTEN = {  # who calls -> in which account, and as whom
    Principal.SERVICE_USER: ("meshcloud", (CONNECTOR_ROLE, SERVICE_USER)),
    Principal.METERING_USER: ("meshcloud", (CONNECTOR_ROLE, METERING_USER)),
    Principal.MANAGEMENT_ROLE: ("management", (MANAGEMENT_ROLE,)),
    Principal.METERING_ROLE: ("management", (METERING_ROLE,)),
    Principal.AUTOMATION_ROLE: ("automation", (AUTOMATION_ROLE,)),
}
NOT_WRITTEN = {
    Principal.ACCESS_ROLE: "AWS makes it with each account, and it may do everything there",
    Principal.IMPORT_ROLE: "it is in accounts that are older than the connector",
    Principal.DIRECT_USER: "of the older setup, which nobody begins with",
}


@pytest.mark.parametrize("prepared", EVERYTHING.values(), ids=EVERYTHING)
def test_every_call_is_allowed_by_what_is_written_for_its_account(prepared: Wanted) -> None:
    policies = {account.key: of_cloudformation(prepared, account.key)["policies"] for account in blueprint(prepared)}
    calls = [each for each in OPERATIONS if each.statement is not None and each.statement.principal not in NOT_WRITTEN]

    refused = [each for each in calls if not allowed(each, prepared, policies)]

    assert len(calls) > 60
    assert [f"{each.action} on {each.resources}" for each in refused] == []
    other = Operation(calls[0].statement, "organizations", "LeaveOrganization", calls[0].kind)
    assert not allowed(other, prepared, policies)


def allowed(operation: Operation, prepared: Wanted, policies: Mapping[str, Mapping[str, Any]]) -> bool:
    assert operation.statement is not None
    account, names = WRITTEN[operation.statement.principal]
    documents = [each for name in names for each in policies[account].get(name, {}).values()]
    around = surroundings(prepared)
    arns = [
        resource.format(**vars(around), management_account=around.management_account, access_stack="meshstack")
        for resource in operation.resources
    ]
    ids = ["<ManagementExternalId>", "<AutomationExternalId>", "<MeteringExternalId>"]
    return all(
        any(evaluate(documents, operation.action, arn, {"sts:ExternalId": each}) is Decision.ALLOWED for each in ids)
        for arn in arns
    )


@pytest.mark.parametrize(
    "prepared",
    [*EVERYTHING.values(), *(pytest.param(each, marks=pytest.mark.thorough) for each in VARIANTS.values())],
    ids=[*EVERYTHING, *VARIANTS],
)
def test_opentofu_makes_what_cloudformation_makes(prepared: Wanted) -> None:
    for account in blueprint(prepared):
        assert of_opentofu(prepared, account.key) == of_cloudformation(prepared, account.key)


Made = dict[str, dict[str, Any]]
"""What -> name -> content: trust policies and policies of roles and users, profiles, control policies."""


def of_cloudformation(prepared: Wanted, account: str) -> Made:
    """Read what a template makes."""
    read = YAML(typ="safe").load(files(prepared, STARTER).made[f"cloudformation/{account}.yaml"])
    found: Made = {"trust": {}, "policies": {}, "profiles": {}, "control": {}}
    for each in plain(read["Resources"]).values():
        given, kind = each["Properties"], each["Type"]
        name = given.get("RoleName") or given.get("UserName")
        if kind in ("AWS::IAM::Role", "AWS::IAM::User"):
            found["trust"][name] = given.get("AssumeRolePolicyDocument")
            inline = {policy["PolicyName"]: policy["PolicyDocument"] for policy in given.get("Policies", ())}
            found["policies"][name] = inline
        elif kind == "AWS::IAM::InstanceProfile":
            found["profiles"][given["InstanceProfileName"]] = True
        else:
            assert kind == "AWS::Organizations::Policy"
            found["control"][given["Name"]] = given["Content"]
    return found


def of_opentofu(prepared: Wanted, account: str) -> Made:
    """Read what a file makes."""
    blocks = hcl2.loads(files(prepared, STARTER).made[f"opentofu/{account}.tf"]).get("resource", ())
    found: Made = {"trust": {}, "policies": {}, "profiles": {}, "control": {}}
    names: dict[str, str] = {}  # reference -> name
    for block in blocks:
        (kind, labelled), *_ = block.items()
        (label, body), *_ = labelled.items()
        kind, label, body = unquoted(kind), unquoted(label), {key: unquoted(value) for key, value in body.items()}
        match kind:
            case "aws_iam_role" | "aws_iam_user":
                names[f"{kind}.{label}.name"] = body["name"]
                found["trust"][body["name"]] = decoded(body["assume_role_policy"]) if "role" in kind else None
                found["policies"][body["name"]] = {}
            case "aws_iam_role_policy" | "aws_iam_user_policy":
                owner = names[(body.get("role") or body["user"]).removeprefix("${").removesuffix("}")]
                found["policies"][owner][body["name"]] = decoded(body["policy"])
            case "aws_iam_instance_profile":
                found["profiles"][body["name"]] = True
            case "aws_organizations_policy":
                found["control"][body["name"]] = decoded(body["content"])
            case _:
                assert kind in ("terraform_data", "aws_organizations_policy_attachment")
    return found


def plain(value: Any) -> Any:
    """Write the place of each external id alike: <ManagementExternalId>."""
    if isinstance(value, dict):
        return f"<{value['Ref']}>" if value.keys() == {"Ref"} else {key: plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def decoded(expression: str) -> Any:
    """Read the object of "${jsonencode({…})}", as OpenTofu would."""
    inner = expression.removeprefix("${jsonencode(").removesuffix(")}")
    assert inner != expression
    return evaluated(hcl2.loads(f"it = {inner}\n")["it"])


def evaluated(value: Any) -> Any:
    if isinstance(value, dict):
        return {unquoted(key): evaluated(each) for key, each in value.items()}
    if isinstance(value, list):
        return [evaluated(each) for each in value]
    if isinstance(value, str) and value.startswith("${var."):
        name = value.removeprefix("${var.").removesuffix("}")
        return next(f"<{each}ExternalId>" for each in ("Management", "Automation", "Metering") if named(each) == name)
    return unquoted(value)


def named(role: str) -> str:
    return variable(f"{role}ExternalId")


def unquoted(value: Any) -> Any:
    if isinstance(value, str) and value.startswith('"'):
        return json.loads(value).replace("$${", "${").replace("%%{", "%{")
    return value
