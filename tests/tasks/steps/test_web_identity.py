"""Signing in with a web identity: the token file is read anew when AWS must see one, and its faults are named."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from config.platform import WorkloadIdentityAuth
from tasks.aws import Aws
from tasks.aws.session import TOKEN_FILE, Sessions
from tasks.errors import SignInRefused, StepError
from tests.tasks.steps.world import World
from workers.sandbox import organization
from workers.sandbox.web_identity import make_token

ENTRY = "AssumeRoleWithWebIdentity"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    return tmp_path / "token"


@pytest.fixture
def federated(world: World, token_file: Path) -> Aws:
    """AWS as a platform sees it that signs in with the token file; nothing is signed in yet."""
    world.sessions = Sessions()
    return world.aws(world.tenant(platform={"auth": auth(token_file)}))


def auth(token_file: Path | None, **fields: Any) -> WorkloadIdentityAuth:
    path = None if token_file is None else str(token_file)
    return WorkloadIdentityAuth(role_arn=organization.ENTRY_ROLE_ARN, token_file=path, **fields)


def refused(aws: Aws) -> StepError:
    with pytest.raises(StepError) as error:
        aws.organizations.root()
    return error.value


def test_the_chain_begins_with_the_token(world: World, federated: Aws, token_file: Path) -> None:
    token_file.write_text(f"{make_token()}\n", encoding="ascii")
    mark = world.simulator.mark()

    assert federated.organizations.root() == organization.ROOT_ID

    assert [call.operation for call in world.simulator.calls(mark)] == [ENTRY, "AssumeRole", "ListRoots"]


def test_the_file_may_be_named_by_the_environment(
    world: World, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_file.write_text(make_token(), encoding="ascii")
    monkeypatch.setenv(TOKEN_FILE, str(token_file))
    world.sessions = Sessions()

    aws = world.aws(world.tenant(platform={"auth": auth(None)}))

    assert aws.organizations.root() == organization.ROOT_ID


def test_a_rotated_token_is_used_when_the_credentials_end(world: World, federated: Aws, token_file: Path) -> None:
    world.simulator.set_options(longest_session_seconds=60)  # botocore renews in the last ten minutes
    token_file.write_text(make_token(), encoding="ascii")
    federated.organizations.root()
    mark = world.simulator.mark()

    token_file.write_text(make_token(subject="somebody"), encoding="ascii")
    assert refused(federated).code == "AccessDenied"  # so the new file was read
    token_file.write_text(make_token(audience=["other", organization.WEB_IDENTITY_AUDIENCE]), encoding="ascii")
    assert federated.organizations.root() == organization.ROOT_ID

    assert [call.outcome for call in world.simulator.calls(mark) if call.operation == ENTRY] == ["AccessDenied", "ok"]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (None, "WebIdentityTokenUnreadable", "cannot be read: No such file"),
        (b" \n", "WebIdentityTokenUnreadable", "is empty"),
        (b"x" * 20_001, "WebIdentityTokenUnreadable", "longer than AWS accepts"),
        ("tökén".encode(), "WebIdentityTokenUnreadable", "not ASCII"),
        (make_token(expires=1_000_000_000).encode(), "WebIdentityTokenExpired", "2001-09-09 01:46:40"),
        (make_token(audience="vault").encode(), "WrongWebIdentityAudience", "audience vault"),
        (b"opaque", "InvalidIdentityToken", "AssumeRoleWithWebIdentity"),
        (f"{make_token()}x".encode(), "InvalidIdentityToken", "verification key"),
        (make_token(issuer="https://else.where").encode(), "InvalidIdentityToken", "else.where"),
    ],
)
def test_what_is_wrong_with_a_token_is_said(
    federated: Aws, token_file: Path, content: bytes | None, code: str, words: str
) -> None:
    if content is not None:
        token_file.write_bytes(content)

    error = refused(federated)

    assert (type(error), error.code) == (SignInRefused, code)
    assert words in error.message
    assert error.remedy
    token = content.decode(errors="ignore").strip() if content else ""
    assert not token or token not in str(error.args)


def test_a_token_for_another_audience_passes_only_where_aws_takes_it(world: World, token_file: Path) -> None:
    token_file.write_text(make_token(audience="vault"), encoding="ascii")
    world.sessions = Sessions()

    error = refused(world.aws(world.tenant(platform={"auth": auth(token_file, audience="vault")})))

    assert (type(error), error.code) == (SignInRefused, "InvalidIdentityToken")
    assert "Incorrect token audience" in error.message


def test_a_token_that_ended_by_awss_clock_only(world: World, token_file: Path) -> None:
    token_file.write_text(make_token(expires=1_000_000_000), encoding="ascii")
    world.sessions = Sessions(now=lambda: datetime(2001, 1, 1, tzinfo=UTC))  # a worker whose clock is behind

    error = refused(world.aws(world.tenant(platform={"auth": auth(token_file)})))

    assert (type(error), error.code) == (SignInRefused, "ExpiredTokenException")
    assert "clock" in error.remedy


def test_no_token_file_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TOKEN_FILE, raising=False)
    world.sessions = Sessions()

    with pytest.raises(SignInRefused, match="NoWebIdentityToken") as denied:
        world.aws(world.tenant(platform={"auth": auth(None)})).organizations.root()

    assert TOKEN_FILE in denied.value.remedy
    assert denied.value.gate == "sign-in to AWS of aws.sandbox", "another platform's tenants do not wait for this one's"
