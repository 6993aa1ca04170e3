"""`bootstrap --rotate-keys`, stopped at every change in AWS and at every file: the next runs end it, with one key."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.empty_organization import empty_organization, key_pair, off_for_a_day, signing_in, users
from tests.workers.cli.installation.test_bootstrap import arguments
from tests.workers.cli.running import RunHere, clean_environment
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

USER = organization.SERVICE_USER
CHANGES = ("CreateAccessKey", "TagUser", "UpdateAccessKey", "DeleteAccessKey")
MARKS = dict.fromkeys(("TagUser", "UpdateAccessKey"), pytest.mark.thorough)


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorClient]:
    with empty_organization(SimulatorOptions(lag_seconds=0)) as client:
        yield client


class House:
    """The directory of a platform whose workers sign in as one user."""

    def __init__(self, simulator: SimulatorClient, folder: Path, run_here: RunHere) -> None:
        self.simulator, self.run_here, self.directory = simulator, run_here, folder / "aws-main"
        self.environment = clean_environment(**organization.administration(simulator.url, folder))
        self.secrets = self.directory / "config.d" / "secrets"
        self.iam = iam = users(simulator)
        if USER not in [each["UserName"] for each in iam.list_users()["Users"]]:
            iam.create_user(UserName=USER, Tags=[{"Key": "meshstack:platform", "Value": "aws.main"}])
        for key in self.keys():
            iam.delete_access_key(UserName=USER, AccessKeyId=key)
        self.run("--no-metering", **{"--sign-in": "user"})
        assert self.rotate() == "create"

    def run(self, *more: str, **options: str) -> tuple[int, str, str]:
        ended = self.run_here(*arguments(self.directory, **options), *more, environment=self.environment)
        return ended.returncode, ended.stdout, ended.stderr

    def rotate(self) -> str | None:
        """Take a step; answers which one, None: the command failed."""
        code, out, _ = self.run("--rotate-keys", "--yes", "--json")
        return json.loads(out)["keys"][0]["move"] if code == 0 else None

    def keys(self) -> list[str]:
        return [each["AccessKeyId"] for each in self.listed()]

    def listed(self) -> list[dict[str, str]]:
        return list(self.iam.list_access_keys(UserName=USER)["AccessKeyMetadata"])

    def worker_signs_in(self) -> str:
        return signing_in(self.simulator, key_pair(self.secrets, "service-user"))

    def a_day_passes(self) -> None:
        """Workers sign in, and the other keys are quiet for long enough."""
        assert self.worker_signs_in() == "ok"
        mine, _ = key_pair(self.secrets, "service-user")
        for key in self.listed():
            if key["AccessKeyId"] != mine:
                self.simulator.operator("age_key", key=key["AccessKeyId"], hours=27)
                if key["Status"] == "Inactive":
                    off_for_a_day(self.simulator, USER, key["AccessKeyId"])


@pytest.fixture
def house(simulator: SimulatorClient, tmp_path: Path, run_here: RunHere) -> House:
    return House(simulator, tmp_path, run_here)


@pytest.mark.parametrize("kind", [pytest.param("reset", marks=pytest.mark.thorough), "lost_response"])
@pytest.mark.parametrize("operation", [pytest.param(each, marks=MARKS.get(each, ())) for each in CHANGES])
def test_it_goes_on_after_every_change(operation: str, kind: str, house: House) -> None:
    first, _ = key_pair(house.secrets, "service-user")
    house.simulator.inject(operation=operation, kind=kind)

    moves: list[str | None] = []
    while "delete" not in moves:
        assert len(moves) < 20, moves
        moves.append(house.rotate())
        house.a_day_passes()  # and whatever has happened, the workers can sign in

    house.simulator.clear_faults()
    assert None in moves, "nothing was stopped"
    while len(house.keys()) > 1 or house.keys() == [first]:  # a key whose secret was lost went first
        assert len(moves) < 20, moves
        moves.append(house.rotate())
        house.a_day_passes()
    assert house.keys() == [key_pair(house.secrets, "service-user")[0]]


@pytest.mark.parametrize(
    "written", ["secret", *(pytest.param(each, marks=pytest.mark.thorough) for each in ("both", "secret replaced"))]
)
def test_it_goes_on_after_every_file(written: str, house: House) -> None:
    made = users(house.simulator).create_access_key(UserName=USER)["AccessKey"]
    access, secret = (house.secrets / f"service-user-{part}" for part in ("access-key", "secret-key"))
    Path(f"{secret}.new").write_text(made["SecretAccessKey"] if written != "secret" else "hal")
    if written != "secret":
        Path(f"{access}.new").write_text(made["AccessKeyId"])
    if written == "secret replaced":
        Path(f"{secret}.new").replace(secret)

    if written == "secret":
        assert house.rotate() == "wait"  # for the lost one
    else:
        assert house.rotate() == "create"
        assert key_pair(house.secrets, "service-user") == (made["AccessKeyId"], made["SecretAccessKey"])

    assert house.worker_signs_in() == "ok"
    assert [file.name for file in house.secrets.iterdir() if file.name.endswith(".new")] == []


@pytest.mark.parametrize(
    "written", [pytest.param("service-user-access-key", marks=pytest.mark.thorough), "service-user-access-key.new"]
)
def test_a_key_that_aws_does_not_show_yet_is_waited_for(written: str, house: House) -> None:
    """The list of keys may be older than the key: what is half written is kept, and no other key is made."""
    before, file = house.keys(), house.secrets / written
    file.write_text("AKIAMADEAMOMENTAGO00")

    assert house.rotate() == "wait"
    assert file.read_text() == "AKIAMADEAMOMENTAGO00"
    assert house.keys() == before

    os.utime(file, (0, 0))
    assert house.rotate() == "create"
    assert len(house.keys()) == 2


def test_a_key_that_cannot_be_written_down_is_not_kept(house: House) -> None:
    before, secret = house.keys(), house.secrets / "service-user-secret-key"
    secret.rename(house.secrets / "aside")
    (secret / "in the way").mkdir(parents=True)

    code, _, said = house.run("--rotate-keys", "--yes")

    assert code == 3
    assert "cannot be written (Is a directory); the new key was deleted again" in said
    assert house.keys() == before


@pytest.mark.thorough
def test_one_key_works_whoever_rotates(house: House) -> None:
    """Two people have a copy of the directory; the older copy knows a key that is switched off."""
    access = house.secrets / "service-user-access-key"
    old = access.read_text()
    assert house.rotate() == "create"
    house.a_day_passes()
    assert house.rotate() == "switch off"
    new, _ = key_pair(house.secrets, "service-user")

    access.write_text(old)
    house.simulator.operator("age_key", key=new, hours=50)
    code, _, said = house.run("--rotate-keys", "--yes")

    assert code == 1
    assert f"the key in the file, {old.strip()}, is switched off" in said
    assert f"{new} is on" in said


@pytest.mark.parametrize(("folder", "file"), [(0o2750, 0o640), (0o755, 0o600)], ids=oct)
def test_a_group_for_which_the_folder_was_made_may_read_the_new_key(folder: int, file: int, house: House) -> None:
    """As the group of a container's user, which has no other way to the next key."""
    assert {each.stat().st_mode & 0o777 for each in house.secrets.iterdir()} == {0o600}
    house.secrets.chmod(folder)

    assert house.rotate() == "create"

    assert (house.secrets / "service-user-access-key").stat().st_mode & 0o777 == file
    assert (house.secrets / "service-user-secret-key").stat().st_mode & 0o777 == file
