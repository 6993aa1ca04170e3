"""`aws-connector policies`: every document, for a platform or with placeholders."""

from __future__ import annotations

import json

import pytest

from tests.cli.running import REPOSITORY, RunHere, clean_environment
from workers.sandbox import organization


def sandbox_environment() -> dict[str, str]:
    offered = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:1")
    return clean_environment(**offered, CONNECTOR_CONFIG_DIR=str(REPOSITORY / "examples" / "config"))


def test_a_platforms_documents(run_here: RunHere) -> None:
    done = run_here("policies", "--platform", "aws.sandbox", "--json", environment=sandbox_environment())

    shown = json.loads(done.stdout)
    assert (done.returncode, done.stderr, shown["platform"]) == (0, "", "aws.sandbox")
    assert [(each["principal"], each["account"]) for each in shown["principals"]] == [
        ("service user", "${MESHCLOUD_ACCOUNT_ID}"),
        ("management role", organization.MANAGEMENT_ACCOUNT_ID),
        ("automation role", organization.AUTOMATION_ACCOUNT_ID),
        ("access role", "*"),
    ]
    assert list(shown["principals"][1]["optional"]) == ["OptionalRemovePermissionSets"]
    assert organization.EXTERNAL_ID not in done.stdout


def test_external_ids_on_request(run_here: RunHere) -> None:
    done = run_here("policies", "--platform", "aws.sandbox", "--external-ids", environment=sandbox_environment())

    assert done.stdout.count(f'"{organization.AUTOMATION_EXTERNAL_ID}"') == 2  # the user's policy, the role's trust


def test_placeholders_need_no_configuration(run_here: RunHere) -> None:
    done = run_here("policies", "--partition", "aws-cn")

    assert done.returncode == 0
    assert "arn:aws-cn:iam::${MANAGEMENT_ACCOUNT_ID}:role/MeshfedServiceRole in account ${MANAGEMENT" in done.stdout
    assert "# OptionalRemovePermissionSets is optional. Without it " in done.stdout
    assert "arn:aws:" not in done.stdout


def test_without_what_is_optional(run_here: RunHere) -> None:
    assert "Optional" not in run_here("policies", "--without-optional").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--platform", "aws.nowhere"), "--platform aws.nowhere is not configured; known: aws.sandbox"),
        (("--external-ids",), "--external-ids needs --platform"),
        (("--partition", "azure"), "--partition azure is not one of aws, aws-cn, aws-us-gov"),
    ],
)
def test_wrong_usage(run_here: RunHere, arguments: tuple[str, ...], message: str) -> None:
    done = run_here("policies", *arguments, environment=sandbox_environment())

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_mistakes_in_the_documents(run_here: RunHere) -> None:
    environment = clean_environment(CONNECTOR_CONFIG_DIR=str(REPOSITORY / "nowhere"))
    assert run_here("policies", "--platform", "aws.sandbox", environment=environment).returncode == 1
