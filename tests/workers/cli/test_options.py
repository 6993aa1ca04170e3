"""Where the API is and with which token: options before or after the command's name, the environment, `.env`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workers.cli.fake_api import FakeApi
from tests.workers.cli.running import RunHere, clean_environment

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def api(fake_api: FakeApi) -> FakeApi:
    fake_api.script["GET", "/api/v1/pauses"] = [(200, {"pauses": []})]
    return fake_api


@pytest.mark.parametrize(
    "arguments",
    [
        ("pause", "--url", "{url}", "--token", "t"),
        ("--url", "{url}", "--token", "t", "pause"),
        ("--url", "{url}", "pause", "--token", "t"),
        ("--url", NOWHERE, "pause", "--url", "{url}", "--token", "t"),
        ("--url", "{url}", "--token", "other", "pause", "--token", "t"),
        ("--url", "{url}", "--token", "other", "pause", "--token-file", "token"),
    ],
)
def test_options_stand_before_or_after_the_name_and_after_wins(
    run_here: RunHere, api: FakeApi, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "token").write_text("t\n")
    environment = clean_environment(CONNECTOR_URL=NOWHERE, CONNECTOR_TOKEN="of-the-environment")

    done = run_here(*(each.format(url=api.url) for each in arguments), environment=environment)

    assert (done.returncode, done.stderr, api.tokens) == (0, "", {"Bearer t"})


def test_an_env_file_is_read_and_the_environment_wins(run_here: RunHere, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"CONNECTOR_URL={api.url}\nCONNECTOR_TOKEN=of-the-file\n")

    assert run_here("pause", environment=clean_environment()).returncode == 0
    assert run_here("pause", environment=clean_environment(CONNECTOR_TOKEN="of-the-environment")).returncode == 0
    assert api.tokens == {"Bearer of-the-file", "Bearer of-the-environment"}

    (tmp_path / ".env").write_bytes(b"\xff")
    broken = run_here("pause", environment=clean_environment())
    assert (broken.returncode, broken.stderr) == (1, "aws-connector: .env cannot be read as UTF-8 text\n")


def test_a_token_may_stand_in_a_file(run_here: RunHere, api: FakeApi, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-a-file\n")
    done = run_here("pause", "--token-file", "token", environment=clean_environment(CONNECTOR_URL=api.url))
    assert (done.returncode, api.tokens) == (0, {"Bearer from-a-file"})


@pytest.mark.parametrize(
    ("arguments", "extra", "said"),
    [
        ((), {}, "the API needs a token: set CONNECTOR_TOKEN"),
        ((), {"CONNECTOR_TOKEN": "two words"}, "the API token holds spaces"),
        (("--url", "nonsense"), {"CONNECTOR_TOKEN": "x"}, "'nonsense' is not an address of the API"),
        ((), {"CONNECTOR_TOKEN": "x", "CONNECTOR_URL": "http://h:99999999"}, "is not an address of the API"),
        (("--token-file", "nothing"), {}, "--token-file nothing cannot be read: No such file or directory"),
        (("--token-file", "empty"), {}, "--token-file empty is empty"),
        (("--token", "a", "--token-file", "empty"), {}, "--token and --token-file are both given"),
    ],
)
def test_a_wrong_token_or_address_is_wrong_usage(
    run_here: RunHere, tmp_path: Path, arguments: tuple[str, ...], extra: dict[str, str], said: str
) -> None:
    (tmp_path / "empty").touch()

    done = run_here("status", *arguments, environment=clean_environment(**extra))

    assert (done.returncode, done.stdout) == (64, "")
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr
    assert "two words" not in done.stderr


def test_what_is_not_the_api_is_named_and_its_page_is_not_repeated(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    fake_api.pages["/api/v1/pauses"] = (404, "text/html", "<html><h1>Some wiki</h1></html>")

    done = run_here("pause", environment=environment)

    assert done.returncode == 4
    why = "HTTP 404 Not Found, an answer of type text/html"
    assert f"what answers at {fake_api.url} is not the connector's API of this version ({why})" in done.stderr
    assert "wiki" not in done.stderr
    fake_api.pages["/api/v1/pauses"] = (200, "text/html", "<html></html>")
    assert "is not the connector's API" in run_here("pause", environment=environment).stderr
