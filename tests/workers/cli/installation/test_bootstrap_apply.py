"""`bootstrap --apply`: from an organization in which nothing is prepared to a content doctor, by CloudFormation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ended
from tests.support.empty_organization import empty_organization, key_pair, signing_in
from tests.workers.cli.installation.test_bootstrap import ACCOUNTS, SANDBOX, arguments
from tests.workers.cli.running import clean_environment, run
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient
from workers.sandbox.web_identity import make_token


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorClient]:
    """An organization in which nothing of the connector is, and a person who administers all accounts."""
    with empty_organization(SimulatorOptions(lag_seconds=0, stack_seconds=0.2)) as client:
        yield client


@pytest.fixture
def environment(tmp_path: Path, simulator: SimulatorClient) -> dict[str, str]:
    return clean_environment(**organization.administration(simulator.url, tmp_path))


def applied(directory: Path, environment: dict[str, str], *more: str) -> Ended:
    return run(*arguments(directory, **SANDBOX), "--apply", "--json", *more, environment=environment)


def changed(ended: Ended) -> set[tuple[str, str, str]]:
    assert ended.returncode == 0, ended.stderr
    return {(each["account"], each["action"], each["name"]) for each in json.loads(ended.stdout)["changes"]}


def stacks(simulator: SimulatorClient) -> dict[str, str]:
    """The connector's stacks that there are: account -> status."""
    found = [each for each in simulator.state()["cloudformation"] if each["name"] == "meshstack-connector"]
    return {each["account"]: each["status"] for each in found if each["status"] != "DELETE_COMPLETE"}


def test_who_is_not_asked_changes_nothing(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient
) -> None:
    ended = applied(tmp_path / "new", environment)

    assert (ended.returncode, ended.stdout) == (64, "")
    assert "Make these changes? Nobody can be asked here; use --yes" in ended.stderr
    assert "  Add     AWS::IAM::Role              MeshfedServiceRole" in ended.stderr
    assert set(stacks(simulator).values()) <= {"DELETE_IN_PROGRESS"}


def test_a_profile_of_another_account_is_refused(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient
) -> None:
    mark = simulator.mark()

    ended = applied(tmp_path / "new", environment, "--yes", "--profile", "meshcloud=automation")
    assert ended.returncode == 64
    assert f"profile automation signs in to account {organization.AUTOMATION_ACCOUNT_ID}" in ended.stderr
    ended = applied(tmp_path / "new", environment, "--yes", "--profile", "meshclod=x")
    assert "there is no such account; known: meshcloud, management, automation" in ended.stderr
    ended = applied(tmp_path / "new", environment, "--yes", "--profile", "meshcloud=nobody")
    assert ended.returncode == 1
    assert "The config profile (nobody) could not be found; name your own profiles with --profile" in ended.stderr

    assert simulator.writes_since(mark) == []


def test_from_nothing_to_a_content_doctor(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient
) -> None:
    management, directory = organization.MANAGEMENT_ACCOUNT_ID, tmp_path / "new"
    simulator.operator("create_role", account=management, role=organization.METERING_ROLE)  # somebody was faster

    stopped = applied(directory, environment, "--yes")
    assert (stopped.returncode, stopped.stdout) == (3, "")
    assert "the management account was not prepared" in stopped.stderr
    assert f"{organization.METERING_ROLE} already exists" in stopped.stderr
    simulator.operator("delete_role", account=management, role=organization.METERING_ROLE)

    elsewhere = applied(directory, environment, "--yes")
    went_on = changed(elsewhere)
    assert json.loads(elsewhere.stdout)["findings"] is None  # this machine is not a worker's
    assert {account for account, *_ in went_on} == {"management", "automation"}  # meshcloud was ready
    assert ("automation", "Add", "MeshfedAutomationRole") in went_on

    protected = changed(applied(directory, environment, "--yes", "--protect", organization.DEVELOPMENT_OU_ID))
    assert protected == {("management", "Modify", "ControlPolicy")}
    here = applied(directory, as_worker(tmp_path, environment), "--yes")
    assert changed(here) == set()  # nobody takes the protection away unasked
    (policy,) = [each for each in simulator.state()["control_policies"] if each["Name"] == "meshstack-connector"]
    assert policy["Targets"] == [organization.DEVELOPMENT_OU_ID]
    assert set(stacks(simulator)) == {ACCOUNTS[f"--{key}-account"] for key in ("meshcloud", "management", "automation")}

    findings = json.loads(here.stdout)["findings"]
    assert {each["level"] for each in findings} == {"ok"}
    assert {"management role", "automation role", "metering role"} <= {each["check"] for each in findings}
    assert not {"Redis", "workers", "costs"} & {each["check"] for each in findings}  # not there yet, or paid

    simulator.operator("delete_role", account=management, role=organization.METERING_ROLE)
    wrong = run("bootstrap", str(directory), "--apply", "--yes", environment=as_worker(tmp_path, environment))
    assert wrong.returncode == 1
    assert "error   metering role: " in wrong.stdout
    simulator.operator("create_role", account=management, role=organization.METERING_ROLE)

    command = ["bootstrap", str(directory), "--remove", "--json"]
    assert "use --yes" in run(*command, environment=environment).stderr
    taken_back = json.loads(run(*command, "--yes", environment=environment).stdout)["removed"]
    assert [each["account"] for each in taken_back] == ["automation", "management", "meshcloud"]
    assert stacks(simulator) == {}
    assert "meshstack-connector" not in {each["Name"] for each in simulator.state()["control_policies"]}
    assert json.loads(run(*command, "--yes", environment=environment).stdout) == {"removed": []}


def as_worker(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Give the environment in which the SDK signs in as the role of the workers."""
    (folder / "token").write_text(make_token(), encoding="ascii")
    role = f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/MeshstackConnectorRole"
    return {**environment, "AWS_ROLE_ARN": role, "AWS_WEB_IDENTITY_TOKEN_FILE": str(folder / "token")}


@pytest.mark.thorough
def test_a_users_key_is_rotated_without_a_gap(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient
) -> None:
    secrets = tmp_path / "users" / "config.d" / "secrets"
    command = arguments(tmp_path / "users", **{"--sign-in": "user"})
    late = {"code": "AccessDenied", "status": 403, "match": {"RoleArn": organization.MANAGEMENT_ROLE_ARN}}
    simulator.inject(operation="AssumeRole", **late)  # AWS knows a new role late: the doctor looks again
    simulator.inject(operation="GetUser", code="NoSuchEntity", status=404)  # and a new user
    made = run(*command, "--apply", "--yes", "--json", environment=environment)
    assert (
        "AWS may not show everything yet: looking again for up to 90 s because of\n  management role: " in made.stderr
    )
    assert ("meshcloud", "Add", "MeshfedServiceUser") in changed(made)
    assert [each["user"] for each in json.loads(made.stdout)["keys"]] == [
        organization.SERVICE_USER,
        organization.METERING_USER,
    ]
    assert {each["level"] for each in json.loads(made.stdout)["findings"]} == {"ok"}
    assert json.loads(run(*command, "--apply", "--yes", "--json", environment=environment).stdout)["keys"] == []
    (secrets / "service-user-access-key").rename(tmp_path / "mislaid")
    lost = run(*command, "--apply", "--yes", environment=environment)
    assert lost.returncode == 1
    assert "service-user-access-key does not exist: put it there, or make new keys with --rotate-keys" in lost.stderr
    (tmp_path / "mislaid").rename(secrets / "service-user-access-key")
    service, metering = key_pair(secrets, "service-user"), key_pair(secrets, "metering-user")
    refuses_other_accounts(tmp_path / "users", environment, simulator)
    assert (secrets / "service-user-secret-key").stat().st_mode & 0o777 == 0o600
    assert signing_in(simulator, service) == "ok"

    assert moves(rotated(tmp_path / "users", environment)) == ["create", "create"]
    new_service, new_metering = key_pair(secrets, "service-user"), key_pair(secrets, "metering-user")
    assert new_service[0] != service[0]
    assert signing_in(simulator, service) == "ok"  # nobody is shut out while the workers get the new key
    waits = rotated(tmp_path / "users", environment)
    assert moves(waits) == ["wait", "wait"]
    assert waits[0]["why"].startswith("no worker has used the new key yet; the old one was last used at ")

    assert signing_in(simulator, new_service) == "ok"
    assert signing_in(simulator, new_metering) == "ok"
    simulator.operator("age_key", key=metering[0], hours=27)
    goes_on = rotated(tmp_path / "users", environment)
    assert moves(goes_on) == ["wait", "switch off"]
    assert "some worker may still have it" in goes_on[0]["why"]
    assert goes_on[1]["key"] == metering[0]
    assert signing_in(simulator, service) == "ok"
    assert signing_in(simulator, metering) == "InvalidClientTokenId"
    assert moves(rotated(tmp_path / "users", environment)) == ["wait", "wait"]  # a day, for it to be switched on again

    gone = run("bootstrap", str(tmp_path / "users"), "--remove", "--yes", environment=environment)
    assert (gone.returncode, stacks(simulator)) == (0, {}), gone.stderr  # AWS deletes no user that has keys
    assert signing_in(simulator, new_service) == "InvalidClientTokenId"
    left = sorted(file.name for file in secrets.iterdir())  # a key that is gone would keep --apply from making one
    assert left == ["automation-external-id", "management-external-id", "metering-external-id"]


def test_there_is_no_key_where_workers_run_as_a_role(tmp_path: Path, environment: dict[str, str]) -> None:
    ended = run(*arguments(tmp_path, **SANDBOX), "--rotate-keys", environment=environment)
    assert ended.returncode == 64
    assert "--rotate-keys: with --sign-in irsa there are no keys" in ended.stderr


def refuses_other_accounts(directory: Path, environment: dict[str, str], simulator: SimulatorClient) -> None:
    """See that the keys of an account that is not the directory's are left alone, whatever is in it."""
    elsewhere, command = organization.AUTOMATION_ACCOUNT_ID, ("bootstrap", str(directory), "--rotate-keys", "--yes")
    mark = simulator.mark()
    ended = run(*command, "--profile", "meshcloud=automation", environment=environment)
    assert ended.returncode == 64
    assert f"profile automation signs in to account {elsewhere}, and the meshcloud account is" in ended.stderr
    ended = run(*command, "--profile", "meshclod=automation", environment=environment)
    assert "there is no such account; known: meshcloud, management, automation" in ended.stderr
    assert simulator.writes_since(mark) == []


def rotated(directory: Path, environment: dict[str, str]) -> list[dict[str, str]]:
    ended = run("bootstrap", str(directory), "--rotate-keys", "--yes", "--json", environment=environment)
    assert ended.returncode == 0, ended.stderr
    keys: list[dict[str, str]] = json.loads(ended.stdout)["keys"]
    return keys


def moves(keys: list[dict[str, str]]) -> list[str]:
    return [each["move"] for each in keys]
