"""`aws-connector policies`: every document, for a platform or with placeholders."""

from __future__ import annotations

import json

import pytest

from tests.workers.cli.running import REPOSITORY, RunHere, clean_environment
from workers.examples import EXAMPLES
from workers.sandbox import organization


def sandbox_environment() -> dict[str, str]:
    offered = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:1")
    return clean_environment(**offered, CONNECTOR_CONFIG_DIR=str(EXAMPLES / "config"))


def test_a_platforms_documents(run_here: RunHere) -> None:
    done = run_here("policies", "--platform", "aws.sandbox", "--json", environment=sandbox_environment())

    shown = json.loads(done.stdout)
    assert (done.returncode, done.stderr, shown["platform"]) == (0, "", "aws.sandbox")
    assert [(each["principal"], each["account"]) for each in shown["principals"]] == [
        ("service user", "${MESHCLOUD_ACCOUNT_ID}"),
        ("management role", organization.MANAGEMENT_ACCOUNT_ID),
        ("automation role", organization.AUTOMATION_ACCOUNT_ID),
        ("access role", "*"),
        ("metering user", "${MESHCLOUD_ACCOUNT_ID}"),
        ("metering role", organization.MANAGEMENT_ACCOUNT_ID),
    ]
    assert "OptionalRemovePermissionSets" in shown["principals"][1]["optional"]
    assert organization.EXTERNAL_ID not in done.stdout


def test_external_ids_on_request(run_here: RunHere) -> None:
    done = run_here("policies", "--platform", "aws.sandbox", "--external-ids", environment=sandbox_environment())

    assert done.stdout.count(f'"{organization.AUTOMATION_EXTERNAL_ID}"') == 2  # the user's policy, the role's trust


def test_placeholders_need_no_configuration(run_here: RunHere) -> None:
    done = run_here("policies", "--partition", "aws-cn")

    assert done.returncode == 0
    assert "arn:aws-cn:iam::${MANAGEMENT_ACCOUNT_ID}:role/MeshfedServiceRole in account ${MANAGEMENT" in done.stdout
    assert "# OptionalRemovePermissionSets is optional. Without it " in done.stdout
    assert "# direct service user arn:aws-cn:iam::${MANAGEMENT_ACCOUNT_ID}:user/meshfed-service in" in done.stdout
    assert "arn:aws:" not in done.stdout


def test_without_what_is_optional(run_here: RunHere) -> None:
    assert "Optional" not in run_here("policies", "--without-optional").stdout


def test_moves_may_be_restricted_to_the_landing_zones_units(run_here: RunHere) -> None:
    arguments = ("policies", "--platform", "aws.sandbox", "--only-landing-zone-units", "--json")
    management = json.loads(run_here(*arguments, environment=sandbox_environment()).stdout)["principals"][1]

    resources = {each["Sid"]: each["Resource"] for each in management["policy"]["Statement"]}
    prefix = "arn:aws:organizations::*:ou/o-*"
    units = sorted(organization.ORGANIZATIONAL_UNITS)  # also the one for accounts that are to be closed
    assert [arn for arn in resources["OrgManagementAccessWrite"] if ":ou/" in arn] == [
        f"{prefix}/{unit}" for unit in units
    ]
    assert f"{prefix}/ou-*" in resources["OrgManagementAccessRead"]


def test_the_guard_rail(run_here: RunHere) -> None:
    shown = json.loads(run_here("policies", "--guard-rail", "--partition", "aws-cn").stdout)

    assert [each["Effect"] for each in shown["Statement"]] == ["Deny", "Deny"]
    assert "arn:aws-cn:iam::*:role/${ACCOUNT_ACCESS_ROLE}" in shown["Statement"][0]["Resource"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--platform", "aws.nowhere"),
            "--platform aws.nowhere is not configured; known: aws-scim.sandbox, aws.sandbox",
        ),
        (("--external-ids",), "--external-ids needs --platform"),
        (("--only-landing-zone-units",), "--only-landing-zone-units needs --platform"),
        (("--partition", "azure"), "--partition azure is not one of aws, aws-cn, aws-us-gov"),
    ],
)
def test_wrong_usage(run_here: RunHere, arguments: tuple[str, ...], message: str) -> None:
    done = run_here("policies", *arguments, environment=sandbox_environment())

    assert (done.returncode, done.stdout) == (64, "")
    assert message in done.stderr


def test_mistakes_in_the_documents(run_here: RunHere) -> None:
    environment = clean_environment(CONNECTOR_CONFIG_DIR=str(REPOSITORY / "nowhere"))
    assert run_here("policies", "--platform", "aws.sandbox", environment=environment).returncode == 1
