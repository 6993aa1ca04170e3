"""`aws-connector validate --render`: every name that tenants would give to something in AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.workers.cli.running import RunHere, clean_environment
from workers.examples import EXAMPLES
from workers.sandbox import organization

TENANT = """
tenant: likvid.shop.aws.sandbox
landingZone: development
tenantPlatformNumber: 4
workspace: {tags: {costCenter: ["4711"]}}
access:
  - {username: alice, euid: alice@example.com, roles: [admin, reader]}
  - {username: hugo, roles: [admin]}
"""


@pytest.fixture
def environment() -> dict[str, str]:
    offered = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:1")
    return clean_environment(**offered, CONNECTOR_CONFIG_DIR=str(EXAMPLES / "config"))


def written(folder: Path, text: str = TENANT) -> str:
    file = folder / "tenants.yaml"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_every_name_is_shown(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    done = run_here("validate", "--render", written(tmp_path), environment=environment)

    shown = [line.strip() for line in done.stdout.splitlines()]
    assert (done.returncode, done.stderr) == (0, "")
    assert shown[2] == "likvid.shop.aws.sandbox"
    facts = {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in shown[3:-1]}
    assert facts["account name"] == "likvid.shop"
    assert facts["email"] == "aws+likvid.shop@example.com (27 of 64 characters)"
    assert facts["alias"] == "likvid-shop"
    assert facts["OU"] == "ou-sbox-development"
    assert facts["remark"] == "without euid: hugo"
    assert "group         mst-likvid.shop.admin: alice@example.com" in shown
    assert "tag           meshstack_workspace = likvid" in shown
    assert "parameter     TenantPlatformNumber = 4" in shown
    assert shown[-1] == "No problems found."


def test_a_misspelled_role_is_remarked(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    misspelled = TENANT.replace("roles: [admin]}", "roles: [amdin]}")
    done = run_here("validate", "--render", written(tmp_path, misspelled), environment=environment)
    assert "roles without a mapping, which give no access: amdin" in done.stdout


def test_as_json(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    done = run_here("validate", "--render", written(tmp_path), "--json", environment=environment)

    found: dict[str, Any] = json.loads(done.stdout)
    (tenant,) = found["tenants"]
    assert (done.returncode, found["platforms"]) == (0, ["aws-scim.sandbox", "aws.sandbox"])
    assert tenant["accountEmail"] == {"text": "aws+likvid.shop@example.com", "length": 27, "limit": 64}
    assert [group["name"] for group in tenant["groups"]] == ["mst-likvid.shop.admin", "mst-likvid.shop.reader"]
    assert tenant["groups"][0]["permissionSets"] == [organization.ADMIN_PERMISSION_SET_ARN]
    assert tenant["parameters"]["tagCostCenter"] == "4711"
    assert tenant["problems"] == []


def test_federated_roles_and_direct_mode(run_here: RunHere, tmp_path: Path) -> None:
    offered = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:1")
    directory = clean_environment(**offered, CONNECTOR_CONFIG_DIR=str(EXAMPLES / "direct"))
    platform = json.loads(run_here("validate", "--json", environment=directory).stdout)
    name, zone = platform["platforms"][0], platform["landingZones"][0]
    order = written(tmp_path, f"tenant: likvid.shop.{name}\nlandingZone: {zone}\n")

    done = run_here("validate", "--render", order, "--json", environment=directory)

    (tenant,) = json.loads(done.stdout)["tenants"]
    assert tenant["tags"] == {}
    assert tenant["federatedRoles"]


def test_what_would_be_refused_is_named(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    long = "a" * 30
    orders = f"{TENANT}---\ntenant: likvid.{long}.aws.sandbox\nlandingZone: developmnt\n"

    done = run_here("validate", "--render", written(tmp_path, orders), "--json", environment=environment)

    _, refused = json.loads(done.stdout)["tenants"]
    assert done.returncode == 1
    assert f"1 of 2 tenants would be refused: likvid.{long}.aws.sandbox" in done.stderr
    assert refused["problems"] == [
        "landingZone: unknown landing zone on aws.sandbox; known: development, production",
    ]


def test_a_name_that_aws_refuses_is_a_problem(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    """The email would have 65 characters; the alias and the groups are shown all the same."""
    order = f"tenant: {'w' * 16}.{'p' * 30}.aws-scim.sandbox\nlandingZone: development-scim\n"
    longer = environment | {"CONNECTOR_PROJECT_IDENTIFIER_LENGTH": "40"}

    done = run_here("validate", "--render", written(tmp_path, order), "--json", environment=longer)

    (tenant,) = json.loads(done.stdout)["tenants"]
    assert done.returncode == 1
    assert [problem.partition(":")[0] for problem in tenant["problems"]] == ["accountEmailPattern"]
    assert tenant["accountEmail"] is None
    assert tenant["accountAlias"] == f"scim-{'w' * 16}-{'p' * 30}"


def test_mistakes_in_the_file_are_told(run_here: RunHere, environment: dict[str, str], tmp_path: Path) -> None:
    done = run_here("validate", "--render", written(tmp_path, "tenant: shop"), environment=environment)

    assert done.returncode == 1
    assert "tenant = 'shop' is not a valid tenant" in done.stderr
