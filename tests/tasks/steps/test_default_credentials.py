"""Signing in as the environment says (auth.type: default): nothing is stored, and the SDK finds who we are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from config.platform import DefaultAuth
from tasks.aws import Aws
from tasks.aws.session import Sessions
from tasks.errors import SignInRefused, TransientError
from tests.tasks.steps.world import World
from workers.sandbox import organization
from workers.sandbox.web_identity import make_token

SDK = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


@pytest.fixture(autouse=True)
def bare(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the SDK find the simulator, and nothing of this machine."""
    for name in SDK:
        monkeypatch.delenv(name, raising=False)
    for name, value in organization.environment(world.simulator.url, "redis://unused").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def signed_in(world: World, **fields: str) -> Aws:
    world.sessions = Sessions()
    return world.aws(world.tenant(platform={"auth": DefaultAuth(**fields)}))


def test_keys_of_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", organization.SERVICE_USER_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", organization.SERVICE_USER_SECRET_KEY)

    aws = signed_in(world)

    assert aws.organizations.root() == organization.ROOT_ID
    assert aws.user_identity.whoami().arn == organization.SERVICE_USER_ARN


def test_a_role_of_the_cluster(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """IRSA: EKS sets both variables, and writes the token."""
    (tmp_path / "token").write_text(make_token(), encoding="ascii")
    monkeypatch.setenv("AWS_ROLE_ARN", organization.ENTRY_ROLE_ARN)
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))

    aws = signed_in(world)
    mark = world.simulator.mark()

    assert aws.organizations.root() == organization.ROOT_ID
    assert [call.operation for call in world.simulator.calls(mark)] == [
        "AssumeRoleWithWebIdentity",
        "AssumeRole",
        "ListRoots",
    ]


def test_a_container_asks_its_agent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """EKS Pod Identity, and an ECS task role: the SDK asks an address on the machine."""
    keys = {
        "AccessKeyId": organization.SERVICE_USER_ACCESS_KEY,
        "SecretAccessKey": organization.SERVICE_USER_SECRET_KEY,
        "Token": None,
        "Expiration": f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    }
    with agent(keys) as address:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)

        assert signed_in(world).organizations.root() == organization.ROOT_ID


def test_a_profile_of_the_configuration_files(world: World, tmp_path: Path) -> None:
    keys = (
        f"aws_access_key_id = {organization.SERVICE_USER_ACCESS_KEY}\n"
        f"aws_secret_access_key = {organization.SERVICE_USER_SECRET_KEY}\n"
    )
    (tmp_path / "config").write_text(f"[profile connector]\n{keys}", encoding="utf-8")

    assert signed_in(world, profile="connector").organizations.root() == organization.ROOT_ID
    with pytest.raises(SignInRefused, match="ProfileNotFound"):
        signed_in(world, profile="else").organizations.root()


def test_an_identity_that_comes_later_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = signed_in(world)
    with pytest.raises(TransientError, match="NoCredentials") as none:
        aws.organizations.root()
    assert "Pod Identity" in none.value.remedy

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", organization.SERVICE_USER_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", organization.SERVICE_USER_SECRET_KEY)
    assert aws.organizations.root() == organization.ROOT_ID


@contextmanager
def agent(keys: Mapping[str, str | None]) -> Iterator[str]:
    """Answer as the agent does that Kubernetes or ECS runs beside a container."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(keys).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
