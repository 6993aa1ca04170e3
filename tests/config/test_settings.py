import hashlib
import os
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from config.api_token import ApiToken, Scope
from config.environment import SettingsError, load_settings, process_environment, variable
from config.settings import Settings
from tests.config.settings_page import SECTIONS, page

HEX = "a1" * 32


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith("CONNECTOR_") or name == "PORT":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults() -> None:
    settings = load_settings()
    assert settings.redis_url.get_secret_value() == "redis://127.0.0.1:6379/0"
    assert (settings.config_dir, settings.api_tokens) == (Path("config.d"), ())
    assert (settings.api_host, settings.api_port, settings.worker_concurrency) == ("127.0.0.1", 8080, 32)
    assert (settings.log_format, settings.log_level) == ("auto", "info")
    assert (settings.poll_interval, settings.pump_interval) == (timedelta(seconds=5), timedelta(milliseconds=200))
    assert (settings.lease, settings.lookup_grace) == (timedelta(seconds=6), timedelta(minutes=2))
    assert (settings.workspace_identifier_length, settings.project_identifier_length) == (16, 30)
    limits = (settings.account_creation_limit, settings.account_assignment_limit, settings.stack_set_operation_limit)
    assert limits == (5, 10, 1)
    assert (settings.retention, settings.event_history) == (timedelta(days=30), 1000)


def test_every_field_has_a_description_and_settings_are_frozen() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    with pytest.raises(ValidationError):
        load_settings().api_port = 1  # type: ignore[misc]  # what is tried


def test_the_page_of_settings_is_made_of_them() -> None:
    written = (Path(__file__).parents[2] / "docs" / "settings.md").read_text(encoding="utf-8")
    assert written == page(), "make it again: see settings_page.py"
    assert set(SECTIONS) <= set(Settings.model_fields)


def test_the_variable_of_a_duration_names_its_unit() -> None:
    durations = [name for name, field in Settings.model_fields.items() if field.annotation is timedelta]
    assert [name for name in durations if not variable(name).endswith("_SECONDS")] == []


@pytest.mark.parametrize("seconds", ["0.5", "7", " 3 ", "1e2"])
def test_durations_are_plain_seconds(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("CONNECTOR_POLL_SECONDS", seconds)
    assert load_settings().poll_interval == timedelta(seconds=float(seconds))


def test_durations_may_be_given_as_timedelta() -> None:
    assert Settings(poll_interval=timedelta(milliseconds=10)).poll_interval == timedelta(milliseconds=10)


def test_port_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_API_PORT", "1")
    monkeypatch.setenv("PORT", "5000")
    assert load_settings().api_port == 5000
    monkeypatch.setenv("PORT", "http")
    with pytest.raises(SettingsError, match="PORT = 'http': must be a valid integer"):
        load_settings()


def test_environment_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "CONNECTOR_API_PORT=9000\nCONNECTOR_LOG_LEVEL=DEBUG\nACCESS_KEY=pa$$word#1\n"
    Path(".env").write_text(text, encoding="utf-8")
    monkeypatch.setenv("CONNECTOR_API_PORT", "9001")
    settings = load_settings()
    assert (settings.api_port, settings.log_level) == (9001, "debug")
    assert process_environment()["ACCESS_KEY"] == "pa$$word#1"


def test_the_environment_file_counts_for_the_sdk_and_proxies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a sandbox's file is no use: processes that know its Redis and not its AWS would call the real one."""
    for name in ("AWS_ENDPOINT_URL", "HTTPS_PROXY", "AWS_REGION"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    Path(".env").write_text(
        "AWS_ENDPOINT_URL=http://127.0.0.1:9\nHTTPS_PROXY=http://proxy:8080\nAWS_REGION=us-east-1\n", encoding="utf-8"
    )
    load_settings()
    assert os.environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert os.environ["HTTPS_PROXY"] == "http://proxy:8080"
    assert os.environ["AWS_REGION"] == "eu-west-1"


def test_tokens_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_API_TOKENS", f"mesh:order+approve:{HEX}, ops.team:read:{HEX.upper()},old:write:{HEX}")
    mesh, ops, old = load_settings().api_tokens
    assert (mesh.name, mesh.scopes, mesh.sha256) == ("mesh", frozenset({Scope.ORDER, Scope.APPROVE}), HEX)
    assert (ops.name, ops.scopes, ops.sha256) == ("ops.team", frozenset({Scope.READ}), HEX)
    assert old.scopes == {Scope.ADMIN}  # what a token of this older name could do, it still can
    assert mesh.entry == f"mesh:approve+order:{HEX}"


def test_a_token_may_do_what_its_scopes_say() -> None:
    may = {
        scopes: {scope.value for scope in Scope if ApiToken.of("a", scopes, "x").may(scope)}
        for scopes in ("read", "order", "approve+operate", "admin")
    }
    assert may == {
        "read": {"read"},
        "order": {"read", "order"},
        "approve+operate": {"read", "operate", "approve"},
        "admin": {"read", "order", "operate", "approve", "admin"},
    }


def test_token_entry_can_be_made_from_a_token() -> None:
    token = ApiToken.of("mesh", "read", "raw-token")
    assert token.sha256 == hashlib.sha256(b"raw-token").hexdigest()
    assert token.sha256 not in repr(token)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("hunter2", "entry 1 is wrong; each entry must be name:scope:<sha256"),
        (f"mesh:write:{HEX},hunter2:read", "entry 2 is wrong"),
        ("mesh:write:hunter2", "entry 1 ('mesh') does not end in 64 hex digits"),
        (f"mesh:order+root:{HEX}", "entry 1 ('mesh') has an unknown scope"),
        (f"mesh::{HEX}", "entry 1 ('mesh') has an unknown scope"),
        (f"mesh:hunter2:{HEX}", "entry 1 ('mesh') has an unknown scope"),
        (f"mesh:read:{HEX}:hunter2", "entry 1 is wrong"),
        (f"me sh:read:{HEX}", "entry 1 is wrong"),
        (f"mesh:read:{HEX},mesh:write:{HEX}", "names mesh more than once"),
    ],
)
def test_wrong_tokens_are_named_but_not_shown(monkeypatch: pytest.MonkeyPatch, tokens: str, expected: str) -> None:
    monkeypatch.setenv("CONNECTOR_API_TOKENS", tokens)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert f"CONNECTOR_API_TOKENS = ***: {expected}" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert HEX not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("API_PORT", "0", "CONNECTOR_API_PORT = '0': must be at least 1."),
        ("WORKER_CONCURRENCY", "many", "CONNECTOR_WORKER_CONCURRENCY = 'many': must be a valid integer"),
        ("POLL_SECONDS", "0", "CONNECTOR_POLL_SECONDS = '0': must be a number of seconds greater than 0"),
        ("POLL_SECONDS", "-1", "greater than 0"),
        ("POLL_SECONDS", "nan", "greater than 0"),
        ("POLL_SECONDS", "inf", "greater than 0"),
        ("POLL_SECONDS", "5s", "greater than 0"),
        ("LOG_FORMAT", "xml", "CONNECTOR_LOG_FORMAT = 'xml': must be 'auto', 'json' or 'text'"),
        ("LOG_LEVEL", "loud", "must be 'debug', 'info', 'warning' or 'error'"),
        ("EVENT_HISTORY", "0", "must be at least 1"),
        ("POL_SECONDS", "1", "CONNECTOR_POL_SECONDS is not a known setting; did you mean CONNECTOR_POLL_SECONDS?"),
    ],
)
def test_mistake_names_variable_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(f"CONNECTOR_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert expected in str(caught.value)
    assert len(caught.value.mistakes) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://:hunter2@host",
        "hunter2",
        "redis://",
        "redis://:hunter2@",
        "redis://:hunter2@host:port/0",
        "redis://:hun/ter2@host",
        "unix://:hunter2@/run/redis.sock",
    ],
)
def test_wrong_redis_url_is_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CONNECTOR_REDIS_URL", url)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith("CONNECTOR_REDIS_URL = ***: must")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("redis://127.0.0.1:6379/0", ()),
        ("rediss://user:p%40ss@host:6380/1", ("p%40ss", "p@ss")),
        ("redis://:plain@host", ("plain",)),
        ("redis://[::1]:6379/0", ()),
    ],
)
def test_redis_password_is_known_as_secret(monkeypatch: pytest.MonkeyPatch, url: str, secrets: tuple[str, ...]) -> None:
    monkeypatch.setenv("CONNECTOR_REDIS_URL", url)
    settings = load_settings()
    assert settings.secret_texts == secrets
    assert not any(secret in repr(settings) for secret in secrets)


@pytest.mark.parametrize(
    "url", ["hooks.example.com/t0ken", "ftp://hooks.example.com/t0ken", "https:///t0ken", "https://a:x/t0ken"]
)
def test_wrong_notification_settings_are_not_shown(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("CONNECTOR_NOTIFICATION_URL", url)
    monkeypatch.setenv("CONNECTOR_NOTIFICATION_SECRET", "t0ken")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "CONNECTOR_NOTIFICATION_URL" in str(error.value)
    assert "must be a URL such as https://hooks.example.com/aws-connector" in str(error.value)
    assert "CONNECTOR_NOTIFICATION_SECRET" in str(error.value)
    assert "t0ken" not in str(error.value)


def test_the_address_and_key_of_notifications_are_known_as_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_NOTIFICATION_URL", "https://hooks.example.com/t0ken")
    monkeypatch.setenv("CONNECTOR_NOTIFICATION_SECRET", "sixteen-or-longer")
    assert load_settings().secret_texts == ("https://hooks.example.com/t0ken", "sixteen-or-longer")


def test_all_mistakes_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_PORT", "POLL_SECONDS", "POL_SECONDS"):
        monkeypatch.setenv(f"CONNECTOR_{name}", "x")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(caught.value.mistakes) == 3


def test_misspelled_variable_in_the_file_is_found_too() -> None:
    Path(".env").write_text("CONNECTOR_REDIS_ULR=redis://x\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="did you mean CONNECTOR_REDIS_URL"):
        load_settings()


def test_names_of_other_tools_under_the_prefix_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNECTOR_URL", "http://127.0.0.1:8080")
    monkeypatch.setenv("CONNECTOR_TOKEN", "for the command line")
    load_settings()
