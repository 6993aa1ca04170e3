"""In production nothing starts that is open to everybody."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.api_token import ApiToken
from config.environment import SettingsError
from config.known_secrets import KNOWN_SECRETS
from config.production import check_production, check_production_api
from config.settings import Settings
from tests.support.cluster import CONFIG_DIR
from tests.support.command import run_module, run_python
from workers.sandbox import organization

PASSWORD = "a-long-random-password"
SAFE = f"redis://:{PASSWORD}@redis:6379/0"
ROOT = Path(__file__).parents[2]


def settings(url: str = SAFE, mode: str = "production", **more: Any) -> Settings:
    return Settings.model_validate({"mode": mode, "redis_url": url, **more})


def mistakes(made: Settings, *secrets: str, **environment: str) -> str:
    try:
        check_production(made, secrets, environment)
    except SettingsError as error:
        return str(error)
    return ""


def test_what_is_right_starts() -> None:
    assert mistakes(settings(), "AKIAIOSFODNN7EXAMPLE", "sandbox", PATH="/bin", AWS_ENDPOINT_URL="") == ""
    assert mistakes(settings(f"rediss://user:{PASSWORD}@redis:6379/0?ssl_ca_certs={__file__}")) == ""
    assert mistakes(settings(), AWS_ENDPOINT_URL="https://vpce-1.sts.eu-central-1.vpce.amazonaws.com") == ""
    check_production_api(settings(api_tokens=(ApiToken.of("a", "read", "x"),)))


def test_the_sandboxes_keys_are_refused_where_the_sdk_looks_for_its_own() -> None:
    said = mistakes(settings(), AWS_SECRET_ACCESS_KEY=organization.SERVICE_USER_SECRET_KEY)
    assert said.startswith("AWS_SECRET_ACCESS_KEY is the sandbox's")
    assert organization.SERVICE_USER_SECRET_KEY not in said
    assert mistakes(settings(), AWS_ACCESS_KEY_ID="AKIAIOSFODNN7EXAMPLE") == ""


def test_a_port_for_metrics_needs_somebody_who_may_read_them() -> None:
    assert mistakes(settings(metrics_port=9100)).startswith("CONNECTOR_METRICS_PORT = 9100 needs CONNECTOR_API_TOKENS")
    assert mistakes(settings(metrics_port=9100, api_tokens=(ApiToken.of("a", "read", "x"),))) == ""


@pytest.mark.parametrize("url", ["http://hooks.example.com/t0ken", "https://127.0.0.1/t0ken"])
def test_notifications_go_encrypted_to_another_machine(url: str) -> None:
    said = mistakes(settings(notification_url=url))
    assert said.startswith("CONNECTOR_NOTIFICATION_URL must be an https:// address of another machine")
    assert "t0ken" not in said
    assert mistakes(settings(notification_url="https://hooks.example.com/t0ken")) == ""


def test_development_checks_nothing() -> None:
    made = settings("redis://127.0.0.1", "development")
    assert mistakes(made, *KNOWN_SECRETS, AWS_ENDPOINT_URL="http://127.0.0.1:1") == ""
    check_production_api(made)
    assert Settings(_env_file=None).mode == "development"


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis:6379/0",
        "redis://user@redis:6379/0",
        "redis://user:@redis:6379/0",
        "redis://:short@redis:6379/0",
        f"rediss://:{PASSWORD}@redis/0?ssl_cert_reqs=none",
        f"rediss://:{PASSWORD}@redis/0?ssl_check_hostname=false",
    ],
)
def test_an_open_redis_is_refused(url: str) -> None:
    said = mistakes(settings(url))
    assert said.startswith("CONNECTOR_REDIS_URL")
    assert "short" not in said.replace("shorter", "")
    assert PASSWORD not in said


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_ORGANIZATIONS"])
@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000",
        "https://127.0.0.1",
        "https://127.8.9.1:1",
        "https://localhost:5000",
        "https://LOCALHOST.",
        "https://aws.localhost",
        "https://[::1]:1",
        "https://[::ffff:127.0.0.1]",
        "https://0.0.0.0",
        "http://aws.example.com",
        "nonsense",
        "https://[",
    ],
)
def test_an_aws_that_is_not_aws_is_refused(name: str, url: str) -> None:
    assert mistakes(settings(), **{name: url}).startswith(f"{name} must be an https:// address")


def test_every_secret_of_the_sandbox_is_known_and_refused() -> None:
    held = {
        value
        for name, value in vars(organization).items()
        if isinstance(value, str) and name.endswith(("_ACCESS_KEY", "_SECRET_KEY", "_ACCESS_TOKEN", "EXTERNAL_ID"))
    }
    assert held == KNOWN_SECRETS
    for secret in held:
        said = mistakes(settings(), "something", secret)
        assert "of the sandbox" in said
        assert secret not in said


def test_all_reasons_are_told_at_once() -> None:
    said = mistakes(settings("redis://x"), organization.EXTERNAL_ID, AWS_ENDPOINT_URL="http://127.0.0.1:1")
    assert len(said.splitlines()) == 3


def refusal(directory: Path, command: list[str], variables: dict[str, str]) -> str:
    """Start a process that must end at once; answers what it says."""
    production = {"CONNECTOR_MODE": "production", "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    environment = {**variables, **production}
    if "flower" in command:  # the app asks when it is imported whether it is Flower's
        ended = run_python(["-m", *command], environment, directory)
    else:
        ended = run_module(command, environment, directory=directory)
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stderr


CELERY = ["celery", "-A", "workers.app"]


@pytest.mark.parametrize(
    "command", [["workers.cli", "api"], *([*CELERY, each] for each in ("worker", "beat", "flower"))]
)
def test_a_process_ends_with_sentences_instead_of_starting(tmp_path: Path, command: list[str]) -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "CONNECTOR_REDIS_URL": "redis://127.0.0.1:1/0",
        "CONNECTOR_CONFIG_DIR": str(CONFIG_DIR),
        "CONNECTOR_API_TOKENS": f"a:read:{'0' * 64}",
    }
    said = refusal(tmp_path, command, variables)
    assert "CONNECTOR_REDIS_URL needs a password" in said
    assert "AWS_ENDPOINT_URL must be" in said


def test_a_worker_refuses_the_secrets_of_the_sandbox(tmp_path: Path) -> None:
    variables = organization.environment("", SAFE)
    said = refusal(tmp_path, [*CELERY, "worker"], {**variables, "CONNECTOR_CONFIG_DIR": str(CONFIG_DIR)})
    assert "of the sandbox" in said


def test_the_api_ends_without_tokens(tmp_path: Path) -> None:
    assert "CONNECTOR_API_TOKENS is needed" in refusal(tmp_path, ["workers.cli", "api"], {})


def test_compose_runs_in_production_mode_and_read_only() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    assert "CONNECTOR_MODE: production" in text
    assert "read_only: true" in text
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_compose_gives_secrets_of_aws_to_workers_only_and_documents_to_whoever_reads_them() -> None:
    services = YAML(typ="safe").load(ROOT / "docker-compose.yml")["services"]
    assert {name for name, service in services.items() if "env_file" in service} == {"worker"}
    documents = {name for name, service in services.items() if "./config.d:/config:ro" in service.get("volumes", [])}
    assert documents == {"api", "runner", "worker"}
    told = {name for name, service in services.items() if "CONNECTOR_CONFIG_DIR" in service["environment"]}
    assert told == documents
