"""Policy files beside the documents, and the fields of the role chain that are the connector's own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from config.catalog import load_catalog
from config.platform import WorkloadIdentityAuth
from tests.config.samples import AWS_ZONE, ENVIRONMENT, LANDING_ZONE, PLATFORM, REPLICATION, bent, load, mistakes

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sns:*", "Resource": "*"}]}
YAML = "Version: 2012-10-17\nStatement:\n  - {Effect: Allow, Action: 'sns:*', Resource: '*'}\n"
TEMPLATE = "Resources: {Topic: {Type: 'AWS::SNS::Topic'}}"


def stack(folder: Path, **fields: Any) -> dict[str, Any]:
    (folder / "template").write_text(TEMPLATE, encoding="utf-8")
    return bent(LANDING_ZONE, f"{AWS_ZONE}.accessStack", {"templateFile": "template", **fields})


def guarded(name: str, **fields: Any) -> dict[str, Any]:
    document = bent(LANDING_ZONE, f"{AWS_ZONE}.serviceControlPolicy", {"name": "guard", **fields})
    return bent(document, "metadata.name", name)


@pytest.mark.parametrize(("file", "text"), [("p.json", json.dumps(POLICY)), ("p.yaml", YAML)])
def test_a_policy_is_read_beside_the_document(tmp_path: Path, file: str, text: str) -> None:
    (tmp_path / file).write_text(text, encoding="utf-8")

    catalog = load(tmp_path, PLATFORM, stack(tmp_path, policyFile=file), guarded("other", templateFile=file))

    access_stack = catalog.landing_zones["basic"].access_stack
    assert access_stack is not None
    assert access_stack.policy == POLICY
    guard = catalog.landing_zones["other"].service_control_policy
    assert guard is not None
    assert (guard.name, guard.template) == ("guard", POLICY)


def test_a_policy_in_the_directory_is_no_document(tmp_path: Path) -> None:
    (tmp_path / "policy.json").write_text(json.dumps(POLICY), encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(YAML, encoding="utf-8")

    (tmp_path / "platform.json").write_text(json.dumps(PLATFORM), encoding="utf-8")
    assert load_catalog([tmp_path], ENVIRONMENT).platforms


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"[]", "must be an IAM policy"),
        (b"", "must be one policy document"),
        (b"a: [", "line 1"),
        (b"\xff", "not UTF-8"),
        (b"x" * 20_481, "at most 20480"),
        (b'{"Version": "2008-10-17", "Statement": []}', "Version: '2012-10-17'"),
        (b'{"Version": "2012-10-17", "Statement": []}', "at least one Statement"),
        (b'{"Version": "2012-10-17", "Statement": [{"Effect": "Alow"}]}', "Effect: Allow or Deny"),
        (b'{"Version": "2012-10-17", "Statment": []}', "must be an IAM policy"),
    ],
)
def test_a_wrong_policy_is_refused(tmp_path: Path, content: bytes | None, expected: str) -> None:
    if content is not None:
        (tmp_path / "p").write_bytes(content)
    for document in (stack(tmp_path, policyFile="p"), guarded("basic", templateFile="p")):
        found = mistakes(tmp_path, PLATFORM, document)
        assert [expected in line for line in found] == [True], found


def test_one_guard_rail_has_one_content(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(json.dumps(POLICY), encoding="utf-8")

    assert mistakes(tmp_path, PLATFORM, guarded("one"), guarded("two")) == []
    [mistake] = mistakes(tmp_path, PLATFORM, guarded("one"), guarded("two", templateFile="p"))

    assert "another templateFile in landing zone one" in mistake


def test_a_stack_that_a_downgraded_role_cannot_change_is_noted(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(json.dumps(POLICY), encoding="utf-8")
    kept = bent(PLATFORM, f"{REPLICATION}.selfDowngradeAccessRole", False)

    def noted(platform: dict[str, Any], **fields: Any) -> bool:
        return any("has no policyFile" in note for note in load(tmp_path, platform, stack(tmp_path, **fields)).notes)

    assert noted(PLATFORM)
    assert not noted(PLATFORM, policyFile="p")
    assert not noted(kept)


def test_the_role_chain_in_documents(tmp_path: Path) -> None:
    role = "arn:aws:iam::222222222222:role/Entry"
    identity = {"roleArn": role, "tokenFile": "/var/run/secrets/token", "audience": "aws"}
    document = bent(
        PLATFORM,
        f"{REPLICATION}.accessConfig.auth",
        {"type": "workloadIdentity", "workloadIdentity": identity},
    )
    for name, value in (
        ("manageAccessRoleTrust", True),
        ("importRole", "/aws/OrganizationAccountAccessRole"),
        ("managementAccountTenant", "team.management"),
    ):
        document = bent(document, f"{REPLICATION}.{name}", value)

    (platform,) = load(tmp_path, document).platforms.values()

    assert platform.auth == WorkloadIdentityAuth(role_arn=role, token_file="/var/run/secrets/token", audience="aws")
    assert (platform.manage_access_role_trust, platform.import_role) == (True, "aws/OrganizationAccountAccessRole")
    assert platform.management_account_tenant == "team.management"


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("managementAccountTenant", "team", "a workspace and a project"),
        ("importRole", "arn:aws:iam::222222222222:role/x", "not an ARN"),
        ("manageAccessRoleTrust", "yes", "must be true or false"),
    ],
)
def test_wrong_values_are_refused(tmp_path: Path, field: str, value: Any, expected: str) -> None:
    found = mistakes(tmp_path, bent(PLATFORM, f"{REPLICATION}.{field}", value))
    assert [expected in line for line in found] == [True], found
