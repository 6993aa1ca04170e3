"""`bootstrap` touches nothing that does not prove to be ours, asks before it deletes, and cleans up behind itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ended
from tests.support.empty_organization import administrator, empty_organization, users
from tests.support.waiting import eventually
from tests.workers.cli.installation.test_bootstrap import ACCOUNTS, arguments
from tests.workers.cli.running import RunHere, clean_environment
from tests.workers.cli.terminal import on_terminal
from workers.cli.installation.whole_files import alone_in
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

STACK = "meshstack-connector"
MANAGEMENT, MESHCLOUD = organization.MANAGEMENT_ACCOUNT_ID, organization.MESHCLOUD_ACCOUNT_ID
WRITES = {"CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DeleteStack"}
THEIRS = {"Resources": {"Log": {"Type": "AWS::SNS::Topic"}}, "Description": "Somebody else's"}


@pytest.fixture
def simulator() -> Iterator[SimulatorClient]:
    with empty_organization(SimulatorOptions(lag_seconds=0, stack_seconds=0.05)) as client:
        yield client


@pytest.fixture
def environment(tmp_path: Path, simulator: SimulatorClient) -> dict[str, str]:
    return clean_environment(**organization.administration(simulator.url, tmp_path))


def deployed(directory: Path, environment: dict[str, str], run_here: RunHere, *more: str, **options: str) -> Ended:
    given = {"--sign-in": "user", **options}
    return run_here(*arguments(directory, **given), "--apply", "--yes", "--json", *more, environment=environment)


def status(simulator: SimulatorClient, account: str) -> str | None:
    """The status of the stack of our name in an account; None: there is none."""
    found = [each for each in simulator.state()["cloudformation"] if each["name"] == STACK]
    living = [each["status"] for each in found if each["account"] == account and each["status"] != "DELETE_COMPLETE"]
    return living[0] if living else None


def put(simulator: SimulatorClient, account: str, into: str) -> None:
    simulator.operator("set_stack_status", account=account, region=organization.REGION, name=STACK, status=into)


def nothing_is_left(simulator: SimulatorClient) -> bool:
    return {status(simulator, account) for account in ACCOUNTS.values()} == {None}


def writes(simulator: SimulatorClient, since: int) -> set[str]:
    return {each.operation for each in simulator.calls(since)} & WRITES


def formation(simulator: SimulatorClient, account: str) -> Any:
    return administrator(simulator, account, "cloudformation")


@pytest.mark.parametrize(
    "into",
    [
        "ROLLBACK_COMPLETE",
        *(pytest.param(each, marks=pytest.mark.thorough) for each in ("CREATE_COMPLETE", "UPDATE_IN_PROGRESS")),
    ],
)
def test_somebody_elses_stack_of_our_name_is_left_alone(
    into: str, tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    formation(simulator, MANAGEMENT).create_stack(StackName=STACK, TemplateBody=json.dumps(THEIRS))
    put(simulator, MANAGEMENT, into)
    mark = simulator.mark()

    for ended in (
        deployed(tmp_path / "new", environment, run_here),
        run_here("bootstrap", str(tmp_path / "new"), "--remove", "--yes", environment=environment),
    ):
        assert ended.returncode == 3
        assert f"the management account {MANAGEMENT} has a stack {STACK} that is not ours" in ended.stderr
        assert "Somebody else's" in ended.stderr
    assert writes(simulator, mark) == set()
    assert status(simulator, MANAGEMENT) == into


def test_another_platforms_stacks_are_left_alone(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    """Of one that the same people have: its external ids would be replaced, and its workers shut out."""
    assert deployed(tmp_path / "first", environment, run_here, **{"--platform": "aws.first"}).returncode == 0
    mark = simulator.mark()

    second = deployed(tmp_path / "second", environment, run_here, **{"--platform": "aws.second"})
    assert second.returncode == 3
    assert "in the meshcloud account for the platform aws.first', not 'What" in second.stderr
    for what in ("--remove", "--rotate-keys"):
        ended = run_here("bootstrap", str(tmp_path / "second"), what, "--yes", environment=environment)
        assert ended.returncode != 0
        assert "aws.first" in ended.stderr

    assert writes(simulator, mark) == set()
    assert len(users(simulator).list_access_keys(UserName=organization.SERVICE_USER)["AccessKeyMetadata"]) == 1


@pytest.mark.thorough
def test_a_change_set_that_somebody_else_prepares_is_left_alone(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    theirs = {"StackName": STACK, "ChangeSetName": "theirs", "ChangeSetType": "CREATE"}
    formation(simulator, MESHCLOUD).create_change_set(**theirs, TemplateBody=json.dumps(THEIRS))

    ended = deployed(tmp_path / "new", environment, run_here)
    assert "somebody else prepares it by the change set theirs" in ended.stderr
    assert status(simulator, MESHCLOUD) == "REVIEW_IN_PROGRESS"

    formation(simulator, MESHCLOUD).delete_change_set(StackName=STACK, ChangeSetName="theirs")
    asked = run_here("bootstrap", str(tmp_path / "new"), "--apply", environment=environment)
    assert "Nobody can be asked here" in asked.stderr
    assert status(simulator, MESHCLOUD) == "REVIEW_IN_PROGRESS"  # it was there before
    assert deployed(tmp_path / "new", environment, run_here).returncode == 0


@pytest.mark.parametrize("what", [pytest.param("--rotate-keys", marks=pytest.mark.thorough), "--remove"])
def test_the_keys_of_a_user_who_only_has_our_name_stay(
    what: str, tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    assert deployed(tmp_path / "new", environment, run_here).returncode == 0
    theirs = users(simulator)
    theirs.untag_user(UserName=organization.SERVICE_USER, TagKeys=["meshstack:platform"])
    (key,) = theirs.list_access_keys(UserName=organization.SERVICE_USER)["AccessKeyMetadata"]

    ended = run_here("bootstrap", str(tmp_path / "new"), what, "--yes", environment=environment)

    assert ended.returncode != 0
    assert (
        f"aws iam tag-user --user-name {organization.SERVICE_USER}" in ended.stderr
        or f"Cannot delete entity, must delete access keys first. (User {organization.SERVICE_USER})" in ended.stderr
    )
    (left,) = theirs.list_access_keys(UserName=organization.SERVICE_USER)["AccessKeyMetadata"]
    assert left == key


@pytest.mark.thorough
def test_what_was_never_built_is_deleted_when_a_person_says_so(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    into = "ROLLBACK_FAILED"
    assert deployed(tmp_path / "new", environment, run_here).returncode == 0
    put(simulator, MANAGEMENT, into)
    mark = simulator.mark()

    asked = run_here("bootstrap", str(tmp_path / "new"), "--apply", environment=environment)
    assert f"management account {MANAGEMENT}: {STACK} was never built ({into}) and must be deleted" in asked.stderr
    assert "Delete it? Nobody can be asked here" in asked.stderr
    assert writes(simulator, mark) == set()

    assert deployed(tmp_path / "new", environment, run_here).returncode == 0
    assert status(simulator, MANAGEMENT) == "CREATE_COMPLETE"


@pytest.mark.parametrize(
    ("into", "remedy"),
    [
        pytest.param("DELETE_FAILED", "finish that with --remove", marks=pytest.mark.thorough),
        ("UPDATE_ROLLBACK_FAILED", f"run `aws cloudformation continue-update-rollback --stack-name {STACK}"),
    ],
)
def test_a_stack_that_needs_a_person_says_so_and_stays(
    into: str, remedy: str, tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    assert deployed(tmp_path / "new", environment, run_here).returncode == 0
    put(simulator, MANAGEMENT, into)
    mark = simulator.mark()

    ended = deployed(tmp_path / "new", environment, run_here)
    assert ended.returncode == 3
    assert f"the stack of the management account is in {into}" in ended.stderr
    assert remedy in ended.stderr
    assert writes(simulator, mark) == set()

    taken_back = run_here("bootstrap", str(tmp_path / "new"), "--remove", "--yes", environment=environment)
    assert (taken_back.returncode, status(simulator, MANAGEMENT)) == (0, None), taken_back.stderr


@pytest.mark.thorough
def test_a_run_that_was_stopped_while_cloudformation_worked_is_waited_for(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    """As after kill -9: the next run finds the stack on its way."""
    simulator.set_options(stack_seconds=3)
    simulator.inject(operation="ExecuteChangeSet", kind="lost_response")
    assert deployed(tmp_path / "new", environment, run_here).returncode == 4
    assert status(simulator, MESHCLOUD) == "CREATE_IN_PROGRESS"
    simulator.set_options(stack_seconds=0.05)

    again = deployed(tmp_path / "new", environment, run_here)

    assert again.returncode == 0, again.stderr
    assert "meshcloud account: waiting until CloudFormation has ended what it does" in again.stderr
    assert {each["account"] for each in json.loads(again.stdout)["changes"]} == {"management", "automation"}


@pytest.mark.parametrize("answer", ["n\n", "\x03"], ids=["no", "Ctrl-C"])
def test_no_leaves_nothing_behind(
    answer: str, tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient
) -> None:
    command = [*arguments(tmp_path / "new", **{"--sign-in": "user"}), "--apply"]
    code, seen = on_terminal(
        *command, environment=environment, columns=120, directory=tmp_path, answer=answer, asked="[y/N] "
    )

    assert code != 0
    assert not any("Traceback" in line for line in seen), seen
    eventually(lambda: nothing_is_left(simulator))


def test_preparing_that_fails_leaves_nothing_behind(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    simulator.inject(operation="CreateChangeSet", skip=2, code="AccessDenied", status=403)  # in the third account
    assert deployed(tmp_path / "new", environment, run_here).returncode == 3
    eventually(lambda: nothing_is_left(simulator))


def test_an_account_that_does_not_manage_the_organization_is_refused(
    tmp_path: Path, environment: dict[str, str], simulator: SimulatorClient, run_here: RunHere
) -> None:
    swapped = {"--management-account": MESHCLOUD, "--meshcloud-account": MANAGEMENT}
    profiles = ("--profile", "management=meshcloud", "--profile", "meshcloud=management")
    mark = simulator.mark()

    ended = deployed(tmp_path / "new", environment, run_here, *profiles, **swapped)
    assert ended.returncode == 64
    assert f"{MESHCLOUD} is a member of an organization that account {MANAGEMENT} manages" in ended.stderr
    simulator.inject(operation="DescribeOrganization", code="AWSOrganizationsNotInUseException", status=400)
    alone = deployed(tmp_path / "alone", environment, run_here)
    assert "belongs to no organization: create one there first" in alone.stderr
    same = run_here(*arguments(tmp_path / "same", **{"--meshcloud-account": MANAGEMENT}), environment=environment)
    assert "--meshcloud-account must not be the management account" in same.stderr

    assert writes(simulator, mark) == set()


@pytest.mark.thorough
def test_an_ou_that_is_not_there_is_said_in_awss_words(
    tmp_path: Path, environment: dict[str, str], run_here: RunHere
) -> None:
    wrong = deployed(tmp_path / "new", environment, run_here, "--protect", "ou-sbox-nonsense")
    assert wrong.returncode == 3
    assert "the management account was not prepared: ControlPolicy: You specified a target that" in wrong.stderr

    right = deployed(tmp_path / "new", environment, run_here)
    assert right.returncode == 0, right.stderr


def test_who_is_not_signed_in_any_more_reads_how_to(
    tmp_path: Path, environment: dict[str, str], run_here: RunHere
) -> None:
    config = Path(environment["AWS_CONFIG_FILE"])
    sso = "sso_start_url = https://d-1.awsapps.com/start\nsso_region = eu-central-1\nsso_role_name = Admin\n"
    config.write_text(f"{config.read_text()}\n[profile late]\n{sso}sso_account_id = {MANAGEMENT}\n")

    ended = deployed(tmp_path, {**environment, "HOME": str(tmp_path)}, run_here, "--profile", "management=late")

    assert ended.returncode == 64
    assert "you are not signed in to the management account (SSOTokenLoadError)" in ended.stderr
    assert "aws sso login --profile late" in ended.stderr


def test_one_thing_at_a_time(tmp_path: Path, environment: dict[str, str], run_here: RunHere) -> None:
    ended = run_here("bootstrap", str(tmp_path), "--apply", "--remove", "--yes", environment=environment)
    assert ended.returncode == 64
    assert "--apply and --remove: choose one" in ended.stderr


def test_one_command_at_a_time(tmp_path: Path, environment: dict[str, str], run_here: RunHere) -> None:
    assert deployed(tmp_path / "new", environment, run_here).returncode == 0
    with alone_in(tmp_path / "new"):
        for what in ("--apply", "--rotate-keys", "--remove"):
            ended = run_here("bootstrap", str(tmp_path / "new"), what, "--yes", environment=environment)
            assert ended.returncode == 1
            assert f"another bootstrap works in {tmp_path / 'new'}" in ended.stderr


def test_what_says_so_already_is_not_written_again(tmp_path: Path, run_here: RunHere) -> None:
    """Running workers read these files: what is replaced is read anew."""
    command = arguments(tmp_path / "new", **{"--sign-in": "user"})
    assert run_here(*command).returncode == 0
    before = {file: file.stat().st_ino for file in (tmp_path / "new").rglob("*")}

    assert run_here(*command).returncode == 0

    assert {file: file.stat().st_ino for file in (tmp_path / "new").rglob("*")} == before
    secrets = tmp_path / "new" / "config.d" / "secrets"
    assert {file.stat().st_mode & 0o777 for file in secrets.iterdir()} == {0o600}
    assert secrets.stat().st_mode & 0o777 == 0o700
