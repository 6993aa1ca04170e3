"""`aws-connector doctor`: exit code and output for people and for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tasks.worker import Worker, own_in_force
from tests.support.cluster import PLATFORM
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.operations.doctor import show_health
from workers.sandbox.client import SimulatorClient


@pytest.fixture(autouse=True)
def anew(worker: Worker, patient: object) -> Iterator[None]:
    """Let the command make its connector of this test's environment."""
    own_in_force.cache_clear()
    yield
    own_in_force.cache_clear()


def test_a_healthy_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert show_health(PLATFORM, as_json=False) is ExitCode.DONE

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == PLATFORM
    assert "  ok      management role: signed in as arn:aws:sts::111111111111:assumed-role/" in "\n".join(lines)
    assert "  warning workers: no worker is online: orders are accepted and wait" in lines
    assert "          Start a worker." in lines


def test_errors_are_exit_code_1_and_hide_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], simulator: SimulatorClient
) -> None:
    monkeypatch.setenv("CONNECTOR_REDIS_URL", "redis://127.0.0.1:1/0")
    simulator.deny("organizations:ListAccounts")

    assert show_health(None, as_json=True) is ExitCode.MISTAKES

    found = json.loads(capsys.readouterr().out)
    assert found.keys() == {PLATFORM, "aws-scim.sandbox"}
    levels = {each["check"]: each["level"] for each in found[PLATFORM]}
    assert (levels["Redis"], levels["workers"], levels["StackSets"]) == ("error", "warning", "ok")
    [error] = [each for each in found[PLATFORM] if each["check"] == "accounts"]
    assert "organizations:ListAccounts" in error["message"]
    assert "aws-connector policies" in error["remedy"]


def test_an_unknown_platform_is_wrong_usage() -> None:
    with pytest.raises(CommandFailed, match="known: aws-scim"):
        show_health("azure.north", as_json=False)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("AWS_PROFILE", "nope", r"The config profile \(nope\) could not be found"),
        ("HTTPS_PROXY", "socks5://proxy:1080", "HTTPS_PROXY names a SOCKS proxy"),
    ],
)
def test_an_environment_that_no_client_can_use_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, sentence: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(CommandFailed, match=sentence) as caught:
        show_health(PLATFORM, as_json=False)
    assert caught.value.code is ExitCode.MISTAKES
