"""Runs that order a tenant: steps, outputs, what the team reads, what operators read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.meshstack.sealed import PrivateKey
from tasks.model.desired import TenantId
from tasks.model.replication import LastError
from tests.meshstack.fake_run import FakeRun
from tests.meshstack.inputs import inputs, sealed, value
from tests.meshstack.scene import Scene, catalog_with, scene
from tests.support.redis import CheckedRedis

SHOP = TenantId("likvid", "shop", "aws.sandbox")


def desired(played: Scene, project: str = "shop") -> dict[str, Any]:
    record = played.connector.store.tenants.find(TenantId("likvid", project, "aws.sandbox"))
    assert record is not None
    return record.desired.model_dump(mode="json", by_alias=True, exclude_unset=True)


def succeeded(played: Scene, run: FakeRun) -> FakeRun:
    played.ended(run)
    assert run.status == "SUCCEEDED", run.operators_messages
    return run


def failed(played: Scene, run: FakeRun) -> tuple[str, str]:
    """Wait for a run that must fail; answers what the team and what operators are told first."""
    played.ended(run)
    assert run.status == "FAILED"
    assert {step["status"] for step in run.steps.values()} <= {"FAILED", "SUCCEEDED"}
    return run.last_messages[0], run.operators_messages[0]


def test_an_order_ends_with_its_outputs_and_names_its_steps(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()

    succeeded(played, run)

    account = played.account("shop")
    assert run.sent["account_id"] == account
    assert run.sent["sign_in_url"] == f"https://likvid.awsapps.com/start/#/{account}"
    assert run.sent["summary"].startswith(f"**AWS account {account}** is ready.")
    assert "| Alice Example | admin |" in run.sent["summary"]
    assert [step["displayName"] for step in run.steps.values()][:3] == [
        "Read the order",
        "Remove access that is no longer ordered",
        "Request the AWS account",
    ]
    assert {step["status"] for step in run.steps.values()} == {"SUCCEEDED"}


def test_inputs_and_outputs_are_called_as_the_document_says(
    server: CheckedRedis, key: PrivateKey, tmp_path: Path
) -> None:
    document = """
kind: connectorRunner
apiVersion: v1
metadata: {name: default}
spec:
  inputs: {tenantUuid: tenantUuid, landingZone: zone}
  outputs: {accountId: accountId, signInUrl: signInUrl, accessRoleArn: role}
"""
    server.client.flushall()
    with scene(server.url, key, catalog_with(tmp_path, document)) as played:
        more = {"zone": value("zone", "production", "SINGLE_SELECT"), "tenantUuid": value("tenantUuid", "t-1")}
        run = played.fake.queue(inputs("shop", "alice", **more), outputs=frozenset({"accountId", "signInUrl", "role"}))
        played.start_runner()

        succeeded(played, run)

        account = played.account("shop")
        role = f"arn:aws:iam::{account}:role/MeshstackAccountAccessRole"
        assert run.sent == {"accountId": account, "signInUrl": run.sent["signInUrl"], "role": role}
        assert desired(played)["landingZone"] == "production"
        assert played.fake.violations == []


def test_what_the_inputs_lack_is_read_from_meshstack(played: Scene) -> None:
    played.fake.objects |= {
        ("meshtenants", "t-1"): {"spec": {"landingZoneRef": {"name": "production"}}, "status": {"tags": {}}},
        ("meshprojects", "likvid.shop"): {
            "spec": {"displayName": "Web\x07shop", "tags": {"env": ["prod"]}, "paymentMethodIdentifier": "main"}
        },
        ("meshworkspaces", "likvid"): {"metadata": {"tags": {"unit": ["retail"]}}, "spec": {"displayName": "Likvid"}},
        ("meshpaymentmethods", "main"): {"spec": {"displayName": "Main", "amount": 100, "tags": {"center": ["1"]}}},
    }
    run = played.fake.queue(inputs("shop", "alice", tenant_uuid=value("tenant_uuid", "t-1")))
    played.start_runner()

    succeeded(played, run)

    found = desired(played)
    assert found["landingZone"] == "production"
    assert found["project"] == {"displayName": "Web shop", "tags": {"env": ["prod"]}}
    assert found["workspace"] == {"displayName": "Likvid", "tags": {"unit": ["retail"]}}
    assert found["paymentMethod"] == {"identifier": "main", "name": "Main", "amount": "100", "tags": {"center": ["1"]}}

    played.fake.forbidden |= {"meshtenants", "meshprojects", "meshworkspaces"}
    again = played.fake.queue(inputs("shop", "alice", "bob", tenant_uuid=value("tenant_uuid", "t-1")), block=run.block)
    succeeded(played, again)
    kept = desired(played)
    assert {name: kept[name] for name in found if name != "access"} == {
        name: found[name] for name in found if name != "access"
    }
    assert [each["username"] for each in kept["access"]] == ["alice@example.com", "bob@example.com"]


def test_the_block_names_workspace_project_and_platform_where_no_input_does(played: Scene) -> None:
    run = played.fake.queue(
        [value("users", "[]", "CODE")],
        workspaceIdentifier="likvid",
        projectIdentifier="shop",
        fullPlatformIdentifier="aws.sandbox",
    )
    played.start_runner()
    succeeded(played, run)
    assert played.account("shop") is not None


def test_every_type_of_input_is_read(played: Scene, key: PrivateKey) -> None:
    public = key.public_pem()
    tags = json.dumps({"env": ["dev"], "cost": "4711"})
    run = played.fake.queue(
        [
            value("workspace", sealed(public, "likvid"), sensitive=True),
            value("project", "ignored"),
            value("project", "shop"),  # of two inputs with one key the last counts
            value("platform", "aws.sandbox", "SINGLE_SELECT"),
            value("users", "data:application/json;base64,W10=", "FILE"),
            value("tags", sealed(public, tags), "CODE", sensitive=True),
            value("number", 7, "INTEGER"),
            value("flag", True, "BOOLEAN"),
            value("many", ["a", "b"], "MULTI_SELECT"),
            value("nothing", "", sensitive=True),
        ]
    )
    played.start_runner()
    succeeded(played, run)
    assert desired(played)["project"]["tags"] == {"env": ["dev"], "cost": ["4711"]}


@pytest.mark.parametrize(
    ("changed", "team", "operators"),
    [
        ({"platform": value("platform", "aws.moon")}, "'platform'", "unknown platform; known: "),
        ({"project": value("project", "Not-An--Id")}, "'project'", "Input 'project'"),
        ({"users": value("users", "no json", "CODE")}, "'users' cannot be read", "is not JSON"),
        ({"users": value("users", '{"a": 1}', "CODE")}, "'users' cannot be read", "must be a JSON list"),
        ({"users": value("users", '[{"roles": ["admin"]}]', "CODE")}, "'users' cannot be read", "entry 0"),
        ({"users": value("users", '["alice"]', "CODE")}, "'users' cannot be read", "entry 0 is not a person"),
        ({"users": value("people", "[]", "CODE")}, "'users' is missing", "has no input 'users'"),
        ({"account_id": value("account_id", "12")}, "'account_id'", "platformTenantId = '12'"),
        ({"landing_zone": value("landing_zone", "moon")}, "'landing_zone'", "unknown landing zone"),
        ({"tags": value("tags", "[]", "CODE")}, "'tags' cannot be read", "must be a JSON object"),
        ({"project": value("project", True, "BOOLEAN")}, "'project' cannot be read", "must be a text"),
        ({"secret": value("secret", "bm9uc2Vuc2U=", sensitive=True)}, "encrypted input", "does not open"),
        ({"secret": value("secret", "no base64!", sensitive=True)}, "encrypted input", "it is not Base64"),
        ({"secret": value("secret", 7, "INTEGER", sensitive=True)}, "encrypted input", "of type INTEGER"),
    ],
)
def test_bad_input_ends_the_run_with_a_sentence_for_each_side(
    played: Scene, changed: dict[str, Any], team: str, operators: str
) -> None:
    run = played.fake.queue(inputs("shop", "alice", **changed))
    played.start_runner()

    user, system = failed(played, run)

    assert team in user
    assert operators in system
    assert played.connector.store.tenants.find(SHOP) is None


def test_null_is_nothing_and_unknown_fields_are_no_matter(played: Scene) -> None:
    played.fake.empty = True
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    succeeded(played, run)


def test_who_is_to_have_no_access_any_more_loses_it_also_when_the_run_is_refused(played: Scene) -> None:
    first = played.fake.queue(inputs("shop", "alice", "bob"))
    played.start_runner()
    succeeded(played, first)

    moon = value("landing_zone", "moon")
    failed(played, played.fake.queue(inputs("shop", "alice", "cyd", landing_zone=moon), block=first.block))

    assert [each["username"] for each in desired(played)["access"]] == ["alice@example.com"]
    assert desired(played)["landingZone"] == "development"


def test_a_name_that_people_write_as_they_like_ends_no_run(played: Scene) -> None:
    person = {"username": "alice", "firstName": "Ali\x07ce\n", "lastName": "x" * 300, "email": "", "roles": ["admin"]}
    run = played.fake.queue(inputs("shop", users=value("users", json.dumps([person]), "CODE")))
    played.start_runner()

    succeeded(played, run)

    [found] = desired(played)["access"]
    assert (found["firstName"], len(found["lastName"]), "email" in found) == ("Ali ce", 255, False)


def test_the_account_of_somebody_else_is_refused(played: Scene) -> None:
    first = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()
    succeeded(played, first)
    account = played.account("shop")
    assert account is not None

    run = played.fake.queue(inputs("blog", "alice", account_id=value("account_id", account)))
    user, system = failed(played, run)
    assert "'account_id'" in user
    assert account not in user
    assert f"is the account of tenant {SHOP}" in system


def test_a_text_that_was_encrypted_is_never_shown(played: Scene, key: PrivateKey) -> None:
    secret = sealed(key.public_pem(), "Not-An--Identifier")
    run = played.fake.queue(inputs("shop", "alice", project=value("project", secret, sensitive=True)))
    played.start_runner()
    user, system = failed(played, run)
    assert "Input 'project': project is not valid (encrypted, so not shown)" in system
    assert "Not-An" not in user + system + json.dumps(run.steps)


def test_another_key_is_named_with_what_to_do(played: Scene, server: CheckedRedis) -> None:
    other = PrivateKey.new()
    run = played.fake.queue(
        inputs("shop", "alice", note=value("note", sealed(other.public_pem(), "x"), sensitive=True))
    )
    played.start_runner()
    _, system = failed(played, run)
    assert "it was encrypted for another key" in system
    assert "Run 'aws-connector runner register'" in system


def test_a_run_of_an_unknown_behavior_is_refused(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", "alice"), behavior="TELEPORT")
    played.start_runner()
    user, system = failed(played, run)
    assert "cannot do what this run asks for" in user
    assert "The behavior TELEPORT is none of APPLY, DESTROY, DETECT" in system


def test_a_failure_names_code_request_id_and_remedy_to_operators_alone(played: Scene) -> None:
    error = LastError(
        code="AccessDenied",
        message="no " + "very " * 200 + "long",
        request_id="req-77",
        remedy="Allow it in the policy.",
    )
    played.puppet.failing["set_alias"] = error
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()

    played.ended(run)

    assert run.status == "FAILED"
    step = run.steps["set_alias"]
    assert step["userMessage"].startswith("This could not be done. Your platform team sees the reason")
    assert step["systemMessage"].startswith("AccessDenied: no very very")
    assert step["systemMessage"].endswith("(AWS request id req-77). What to do: Allow it in the policy.")
    assert run.steps["report"]["userMessage"] == "Not done, because an earlier step failed."
    assert run.sent == {}


def test_a_newer_order_of_the_same_tenant_ends_both_runs_well(played: Scene) -> None:
    played.puppet.held.add("tag_account")
    first = played.fake.queue(inputs("shop", "alice"))
    second = played.fake.queue(inputs("shop", "alice", "bob"))  # of another building block
    played.start_runner()
    played.heard(second, "wait_for_account")
    played.puppet.held.clear()

    succeeded(played, first)
    succeeded(played, second)

    assert first.sent["account_id"] == second.sent["account_id"] == played.account("shop")


def test_an_older_run_does_not_overtake_a_newer_one(played: Scene) -> None:
    old = played.fake.queue(inputs("shop", "alice", "mallory"))
    old.status = "HELD BACK"
    new = played.fake.queue(inputs("shop", "alice"), block=old.block)
    played.start_runner()
    succeeded(played, new)

    old.status = "QUEUED"
    succeeded(played, old)

    assert old.sent == new.sent
    assert [each["username"] for each in desired(played)["access"]] == ["alice@example.com"]
