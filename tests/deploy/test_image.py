"""The image and the compose files: the same settings and servers as the chart, and whoever runs them sees who lives."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.deploy.rendered import CHART, program
from tests.deploy.tools import MISSING

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LAST_STAGE = DOCKERFILE.rpartition("\nFROM ")[2]


def read(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def test_the_image_says_what_it_is_and_of_which_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert f"ARG VERSION={project['version']}\n" in LAST_STAGE
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", LAST_STAGE))
    assert {"title", "description", "licenses", "version", "revision"} <= labels


def test_the_image_that_ships_holds_nothing_of_the_sandbox_and_is_nobodys_root() -> None:
    assert " AS " not in LAST_STAGE.splitlines()[0]
    assert re.search(r"^USER 10001$", LAST_STAGE, re.MULTILINE)
    assert "groupadd --system --gid 10001 " in LAST_STAGE, "who lets this group read the secrets"
    assert "--uid 10001 --gid 10001 " in LAST_STAGE
    assert "requirements.lock" not in LAST_STAGE
    assert "COPY --from=build " in LAST_STAGE
    assert DOCKERFILE.count("--require-hashes") == DOCKERFILE.count("pip install") - 1  # the last one is ours


def test_hadolint_finds_nothing() -> None:
    command = [program("hadolint"), "--failure-threshold", "style", str(ROOT / "Dockerfile")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)

    assert (ended.returncode, ended.stdout) == (0, "")


@pytest.mark.parametrize("name", ["docker-compose.yml", "docker-compose.sandbox.yml"])
def test_compose_takes_the_file(name: str) -> None:
    """As `docker compose config` would, which needs Docker: variables filled in, merges resolved, all that is named."""
    compose_spec = pytest.importorskip("compose_spec", reason=MISSING.format("compose-spec"))
    text = re.sub(r"(?<!\$)\$\{\w+(?::[?-][^}]*)?\}", "given", (ROOT / name).read_text())
    merged = json.loads(json.dumps(YAML(typ="safe").load(text)))

    found = compose_spec.PyCompose.from_json(json.dumps(merged))
    found.validate()

    assert set(found.service_names()) == set(merged["services"])
    merged["services"][found.service_names()[0]]["helthcheck"] = {}
    with pytest.raises(ValueError, match="helthcheck"):
        compose_spec.PyCompose.from_json(json.dumps(merged))


def test_every_service_is_asked_whether_it_lives() -> None:
    services = read(ROOT / "docker-compose.yml")["services"]
    for name, service in services.items():
        if name == "api":
            assert re.search(r"^HEALTHCHECK ", LAST_STAGE, re.MULTILINE)
            continue
        check = service["healthcheck"]
        if name == "beat":
            assert check == {"disable": True}
            continue
        assert check["test"][0] in {"CMD", "CMD-SHELL"}
        if name != "redis":
            [port] = re.findall(r"127\.0\.0\.1:(\d+)", check["test"][-1])
            told = {str(value) for value in service["environment"].values()} | set(
                " ".join(service["command"]).split("=")
            )
            assert port in told, name


def test_compose_and_chart_run_the_same_redis() -> None:
    image = read(CHART / "values.yaml")["redis"]["image"]
    service = read(ROOT / "docker-compose.yml")["services"]["redis"]
    rendered = (CHART / "templates" / "redis.yaml").read_text()

    assert service["image"] == f"{image['repository']}:{image['tag']}"
    for option in ("--appendonly yes", "--appendfsync always", "--maxmemory-policy noeviction"):
        assert option in service["command"][-1]
        assert option in rendered


def test_the_sandbox_needs_no_secret_and_is_no_production() -> None:
    text = (ROOT / "docker-compose.sandbox.yml").read_text()
    [service] = read(ROOT / "docker-compose.sandbox.yml")["services"].values()

    assert "${" not in text
    assert f" AS {service['build']['target']}\n" in DOCKERFILE
