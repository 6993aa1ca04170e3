"""Chart, compose files and image fit the code: variables, commands, ports, paths of files and of probes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any

import flower.options  # type: ignore[import-untyped]  # defines tornado's options
import flower.urls  # type: ignore[import-untyped]  # it has no types
import pytest
import uvicorn
from ruamel.yaml import YAML
from tornado.options import options

from config.environment import variable
from config.settings import Settings
from tests.deploy.rendered import CHART, Object, Rendered
from tests.deploy.value_sets import VALUE_SETS
from tests.test_documents import REPOSITORY
from workers.api.app import create_app

COMPOSE = YAML(typ="safe").load(REPOSITORY / "docker-compose.yml")
DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()
OURS = {variable(name) for name in Settings.model_fields}
PORTS = {"api": 8080, "worker": 9100, "runner": 8100, "flower": 5555, "redis": 6379}


@pytest.fixture(scope="module", params=VALUE_SETS, ids=str)
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return Rendered.of(VALUE_SETS[request.param])


@cache
def sources() -> str:
    """The product and the libraries that read variables of their own."""
    files = [file for folder in ("config", "tasks", "workers") for file in (REPOSITORY / folder).rglob("*.py")]
    files.append(Path(uvicorn.__file__).with_name("config.py"))
    return "\n".join(file.read_text() for file in files)


def is_read(name: str) -> bool:
    """Tell whether somebody reads a variable: a typing mistake would be silent, but for ours at the start."""
    if name.startswith("CONNECTOR_"):
        return name in OURS
    if name.startswith("FLOWER_"):
        return name.removeprefix("FLOWER_").lower() in options.as_dict()
    sdk = {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CA_BUNDLE"}  # of boto3: its guide, "Using environment variables"
    return name in sdk | {"REDIS_PASSWORD"} or f'"{name}"' in sources()


def test_every_variable_of_the_chart_is_read_by_somebody(rendered: Rendered) -> None:
    for component, _ in rendered.pods():
        assert [each["name"] for each in rendered.container(component)["env"] if not is_read(each["name"])] == []


def test_every_variable_of_compose_is_read_by_somebody() -> None:
    for name, service in COMPOSE["services"].items():
        assert [each for each in service.get("environment", {}) if not is_read(each)] == [], name
    assert not is_read("CONNECTOR_API_TOKEN")
    assert not is_read("FLOWER_BASIC_AUTHENTICATION")
    assert not is_read("HTTPS_PROXIES")


def in_a_projection(volume: Object, below: PurePosixPath) -> bool:
    """Tell whether a projected volume has a file; one without a list of items has whatever is in its source."""
    for source in volume["projected"]["sources"]:
        (what,) = source.values()
        if str(below) in [each["path"] for each in what.get("items", [{"path": what.get("path")}])]:
            return True
    return False


def test_every_file_that_the_chart_names_is_mounted_where_the_code_looks(rendered: Rendered) -> None:
    for component, pod in rendered.pods():
        container = rendered.container(component)
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        mounts = {PurePosixPath(each["mountPath"]): each["name"] for each in container["volumeMounts"]}
        for each in container["env"]:
            path = PurePosixPath(each.get("value", ""))
            if not path.is_absolute() or path in mounts:
                continue
            (below,) = [mount for mount in mounts if mount in path.parents]
            volume = volumes[mounts[below]]
            assert "configMap" in volume or in_a_projection(volume, path.relative_to(below)), each


def test_every_path_that_compose_names_is_in_a_volume_and_data_can_be_written() -> None:
    for name, service in COMPOSE["services"].items():
        volumes = dict(
            each.split(":")[1:3] if each.count(":") == 2 else (each.split(":")[1], "rw")
            for each in service.get("volumes", [])
        )
        paths = [str(value) for value in service.get("environment", {}).values() if str(value).startswith("/")]
        for path in paths:
            (below,) = [each for each in volumes if PurePosixPath(path).is_relative_to(each)]
            assert (volumes[below] == "rw") == (below == "/data"), (name, path)
        if name != "redis":
            assert service["read_only"] is True
            assert service["tmpfs"] == ["/tmp"]


def test_every_command_is_installed() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    dependencies = {re.split(r"[^a-z0-9-]", each)[0] for each in project["dependencies"]}
    programs = {*project["scripts"], "celery"} if "celery" in dependencies else set(project["scripts"])
    said = [json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])]
    said += [service["command"] for name, service in COMPOSE["services"].items() if name != "redis"]
    said += [rendered_command(each) for each in ("api", "worker", "beat", "flower", "runner")]
    assert {command[0] for command in said} <= programs
    assert "flower" in dependencies, "celery's subcommand"


def rendered_command(component: str) -> list[str]:
    command: list[str] = Rendered.of(VALUE_SETS["IRSA, ingress, monitoring, KEDA"]).container(component)["command"]
    return command


@cache
def routes(component: str) -> set[str]:
    """The paths that a process answers to."""
    if component == "api":
        return set(create_app().openapi()["paths"])
    if component == "flower":
        return {each[0] for each in flower.urls.handlers if isinstance(each, tuple)}
    file = {"worker": "metrics_server.py", "runner": "runner/health_server.py"}[component]
    return set(re.findall(r'"(/[a-z]+)"', (REPOSITORY / "workers" / file).read_text()))


def test_probes_ask_for_what_there_is_on_the_port_that_is_listened_to(rendered: Rendered) -> None:
    for component, _ in rendered.pods():
        container = rendered.container(component)
        listened = [PORTS[component]] if component in PORTS else []
        assert [each["containerPort"] for each in container.get("ports", [])] == listened
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            if "httpGet" in container.get(probe, {}):
                assert container[probe]["httpGet"]["path"] in routes(component), (component, probe)


def test_services_monitors_and_ingress_lead_to_a_port_that_there_is(rendered: Rendered) -> None:
    services = {each["metadata"]["name"]: each for each in rendered.of_kind("Service")}
    for service in services.values():
        component = service["spec"]["selector"]["app.kubernetes.io/component"]
        ports = {each["name"] for each in rendered.container(component)["ports"]}
        assert {each["targetPort"] for each in service["spec"]["ports"]} <= ports
    for monitor in rendered.of_kind("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        (service,) = [each for each in services.values() if wanted <= each["metadata"]["labels"].items()]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {each["name"] for each in service["spec"]["ports"]}
        assert endpoint["path"] == "/metrics"
    for ingress in rendered.of_kind("Ingress"):
        (path,) = ingress["spec"]["rules"][0]["http"]["paths"]
        backend = path["backend"]["service"]
        assert backend["port"]["name"] in {each["name"] for each in services[backend["name"]]["spec"]["ports"]}


def test_the_manual_names_every_key_of_the_secret() -> None:
    values = YAML(typ="safe").load(CHART / "values.yaml")
    page = (REPOSITORY / "docs" / "kubernetes.md").read_text()
    keys = {each["key"] for name, each in values["secrets"].items() if name != "name"}
    assert {key for key in keys if f"`{key}`" not in page} == set()


@contextmanager
def answering(path: str) -> Iterator[int]:
    """Answer one path with 200 and all others with 404, on a free port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == path else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answer)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def health_check(service: str) -> list[str]:
    if service == "api":
        command: list[str] = json.loads(re.findall(r"HEALTHCHECK [^\[]*(\[.*\])", DOCKERFILE)[-1])
        return command
    check: list[str] = COMPOSE["services"][service]["healthcheck"]["test"]
    return check[1:]


@pytest.mark.parametrize(
    ("service", "path", "told"),
    [
        ("api", "/healthz", {}),
        ("worker", "/healthz", {}),
        ("runner", "/healthz", {}),
        ("flower", "/healthcheck", {"FLOWER_URL_PREFIX": ""}),
        ("flower", "/flower/healthcheck", {"FLOWER_URL_PREFIX": "/flower"}),
    ],
)
def test_health_checks_of_containers_succeed_and_fail(service: str, path: str, told: Mapping[str, str]) -> None:
    assert path.removeprefix(told.get("FLOWER_URL_PREFIX", "")) in routes(service)
    program, *rest = health_check(service)
    assert program == "python"

    def code(answered: str) -> int:
        with answering(answered) as port:
            command = [each.replace(f":{PORTS[service]}", f":{port}") for each in rest]
            return subprocess.run(
                [sys.executable, *command], env=dict(told), capture_output=True, check=False
            ).returncode

    assert code(path) == 0
    assert code("/elsewhere") == 1


def test_published_ports_are_listened_to() -> None:
    assert re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.MULTILINE) == [str(Settings.model_fields["api_port"].default)]
    published = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}
    assert published == {name: [f"127.0.0.1:{PORTS[name]}:{PORTS[name]}"] for name in ("api", "flower")}


def values_of(service: Mapping[str, Any]) -> set[str]:
    return {str(value) for value in service["environment"].values()}


def test_compose_tells_the_ports_that_its_checks_ask() -> None:
    assert str(PORTS["worker"]) in values_of(COMPOSE["services"]["worker"])
    assert str(PORTS["runner"]) in values_of(COMPOSE["services"]["runner"])
    assert f"--port={PORTS['flower']}" in COMPOSE["services"]["flower"]["command"]
