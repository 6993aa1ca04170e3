"""aws-connector runner, keygen, register and status, as processes and against the fake meshStack over HTTP."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.meshstack.sealed import PrivateKey
from tests.meshstack.fake import CLIENT_ID, CLIENT_SECRET, FakeMeshStack
from tests.meshstack.fake_run import RUNNER_UUID
from tests.meshstack.inputs import inputs
from tests.meshstack.scene import Scene
from tests.meshstack.transport import over_http
from tests.support.redis import CheckedRedis
from tests.workers.cli.running import clean_environment, run
from workers.examples import EXAMPLES


@pytest.fixture
def served() -> Iterator[tuple[FakeMeshStack, dict[str, str]]]:
    fake = FakeMeshStack()
    with over_http(fake) as url:
        yield (
            fake,
            clean_environment(
                CONNECTOR_MESHSTACK_URL=url,
                CONNECTOR_MESHSTACK_CLIENT_ID=CLIENT_ID,
                CONNECTOR_MESHSTACK_CLIENT_SECRET=CLIENT_SECRET,
            ),
        )
    assert fake.violations == []


@pytest.fixture
def key_file(tmp_path: Path, key: PrivateKey) -> Path:
    file = tmp_path / "runner.pem"
    file.write_bytes(key.pem())
    return file


def test_a_key_is_made_once_and_only_we_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "new.pem"
    environment = clean_environment(CONNECTOR_RUNNER_PRIVATE_KEY_FILE=str(file))

    done = run("runner", "keygen", "--json", environment=environment)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"file": str(file), "publicKey": PrivateKey.read(file).public_pem()}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = run("runner", "keygen", str(file), environment=environment)
    assert (again.returncode, again.stderr) == (1, f"aws-connector: {file} already exists; nothing was changed\n")
    assert file.read_bytes() == before


def test_a_runner_is_created_and_later_given_another_key(
    served: tuple[FakeMeshStack, dict[str, str]], tmp_path: Path, key_file: Path, key: PrivateKey
) -> None:
    fake, environment = served
    environment |= {"CONNECTOR_RUNNER_PRIVATE_KEY_FILE": str(key_file)}

    created = run("runner", "register", "--name", "Ours", environment=environment)
    assert (created.returncode, created.stdout) == (0, f"CONNECTOR_RUNNER_UUID={RUNNER_UUID}\n"), created.stderr
    assert fake.runner is not None
    assert fake.runner["spec"]["displayName"] == "Ours"
    assert fake.runner["spec"]["publicKey"] == key.public_pem()

    other = PrivateKey.new()
    key_file.write_bytes(other.pem())
    environment |= {"CONNECTOR_RUNNER_UUID": RUNNER_UUID}
    identity = ("--issuer", "https://oidc.example.com", "--subject", "system:serviceaccount:aws:runner")
    changed = run("runner", "register", *identity, environment=environment)
    assert changed.returncode == 0, changed.stderr
    assert fake.runner["spec"]["workloadIdentityFederation"] == {
        "issuer": "https://oidc.example.com",
        "subject": "system:serviceaccount:aws:runner",
        "aws": {"audience": "sts.amazonaws.com", "tokenPath": "/var/run/secrets/workload-identity/aws/token"},
    }
    assert run("runner", "register", *identity[:2], environment=environment).returncode == 64
    assert fake.runner["spec"] == {**fake.runner["spec"], "displayName": "Ours", "publicKey": other.public_pem()}


def test_status_shows_the_runs_and_whether_the_key_fits(
    served: tuple[FakeMeshStack, dict[str, str]], played: Scene, server: CheckedRedis, key_file: Path
) -> None:
    fake, environment = served
    fake.runner = {"metadata": {"uuid": RUNNER_UUID}, "spec": {"displayName": "Ours", "publicKey": "none"}}
    environment |= {
        "CONNECTOR_RUNNER_UUID": RUNNER_UUID,
        "CONNECTOR_RUNNER_PRIVATE_KEY_FILE": str(key_file),
        "CONNECTOR_REDIS_URL": server.url,
    }
    played.puppet.held.add("set_alias")
    queued = played.fake.queue(inputs("shop", "alice"))
    runner = played.start_runner()
    played.heard(queued, "set_alias")

    found = json.loads(run("runner", "status", "--json", environment=environment).stdout)
    shown = run("runner", "status", environment=environment).stdout

    assert found["runners"] == [runner.holder]
    [row] = found["runs"]
    assert (row["run"], row["tenant"], row["stage"]) == (queued.uuid, "likvid.shop.aws.sandbox", "WORKING")
    assert row["runner"] == runner.holder
    assert found["meshStack"]["keyFits"] is False
    assert "does not fit: run 'aws-connector runner register'" in shown
    assert queued.uuid in shown
    played.puppet.held.clear()
    played.ended(queued)
    assert "No runs in flight." in run("runner", "status", environment=environment).stdout


@pytest.mark.parametrize(
    ("extra", "code", "said"),
    [
        ({"CONNECTOR_MESHSTACK_CLIENT_SECRET": "wrong"}, 4, "does not accept the API key (401)"),
        ({"CONNECTOR_RUNNER_UUID": "5f2f5d8e-0000-4000-8000-000000000000"}, 4, "meshStack does not know this runner"),
        ({"CONNECTOR_MESHSTACK_URL": "http://127.0.0.1:1"}, 4, "cannot be reached"),
        ({"CONNECTOR_RUNNER_PRIVATE_KEY_FILE": "/nowhere"}, 1, "/nowhere cannot be read: No such file or directory"),
        ({"CONNECTOR_RUNNER_PRIVATE_KEY_FILE": ""}, 1, "there is no key"),
        ({"CONNECTOR_MESHSTACK_URL": "mesh"}, 1, "CONNECTOR_MESHSTACK_URL = ***: must be a URL such as"),
        ({"CONNECTOR_MESHSTACK_CLIENT_ID": ""}, 1, "CONNECTOR_MESHSTACK_CLIENT_ID is needed"),
        ({"CONNECTOR_MESHSTACK_CLIENT_SECRET_FILE": "/x"}, 1, "are both set: use one of them"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    served: tuple[FakeMeshStack, dict[str, str]], key_file: Path, extra: dict[str, str], code: int, said: str
) -> None:
    _, environment = served
    environment |= {"CONNECTOR_RUNNER_PRIVATE_KEY_FILE": str(key_file), "CONNECTOR_RUNNER_UUID": RUNNER_UUID, **extra}
    done = run("runner", "register", environment=environment)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_the_runner_names_everything_that_it_lacks(tmp_path: Path) -> None:
    done = run("runner", environment=clean_environment(), directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    for name in ("URL", "CLIENT_ID", "CLIENT_SECRET"):
        assert f"CONNECTOR_MESHSTACK_{name}" in done.stderr


def test_a_secret_may_stand_in_a_file_and_a_port_that_is_taken_is_named(
    served: tuple[FakeMeshStack, dict[str, str]], server: CheckedRedis, tmp_path: Path
) -> None:
    _, environment = served
    file = tmp_path / "secret"
    file.write_text(f"{environment.pop('CONNECTOR_MESHSTACK_CLIENT_SECRET')}\n")
    port = server.url.rpartition(":")[2].partition("/")[0]
    environment |= {
        "CONNECTOR_MESHSTACK_CLIENT_SECRET_FILE": str(file),
        "CONNECTOR_RUNNER_UUID": RUNNER_UUID,
        "CONNECTOR_REDIS_URL": server.url,
        "CONNECTOR_CONFIG_DIR": str(EXAMPLES / "config"),
        "MANAGEMENT_PORT": port,
    }
    done = run("runner", environment=environment, directory=tmp_path)
    assert done.returncode == 1
    assert f"CONNECTOR_RUNNER_PORT = {port}: the runner cannot listen" in done.stderr
