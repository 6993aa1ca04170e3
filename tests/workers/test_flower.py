"""Flower, a real one, behind a prefix: who may look, which columns it has, and what its rows say of tenants."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from ruamel.yaml import YAML

from tests.security.processes import answers, free_port
from tests.support.cluster import ONE_ROLE, QUICK, Cluster, running_cluster
from tests.support.procfile import command_of
from tests.support.waiting import eventually
from workers.demo.processes import commands

REPOSITORY = Path(__file__).parents[2]
PAGE = "https://connector.example.com/ops"
PREFIX, WHO = "/ops/flower", ("operator", "a-password")
FLOWER = [sys.executable, "-m", "celery", "-A", "workers.app", "flower", "--address=127.0.0.1"]


@dataclass
class Watched:
    """A worker that Flower watches."""

    cluster: Cluster
    http: httpx2.Client

    def rows(self, replication: str) -> dict[str, dict[str, Any]]:
        """Ask for the table as the page does; gives what it shows of a replication, by the task's id."""
        query: dict[str, str | int] = {
            "draw": 1,
            "start": 0,
            "length": 500,
            "order[0][column]": 0,
            "columns[0][data]": "uuid",
        }
        found = self.http.get(f"{PREFIX}/tasks/datatable", params=query).json()["data"]
        return {row["uuid"]: row for row in found if f"/{replication[:8]}/" in row["uuid"]}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    port = free_port()
    told = {"FLOWER_BASIC_AUTH": ":".join(WHO), "FLOWER_URL_PREFIX": PREFIX, "CONNECTOR_PAGE_URL": PAGE}
    with (
        running_cluster(tmp_path_factory.mktemp("watched"), 1, QUICK) as cluster,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", auth=WHO, verify=False, timeout=30) as http,
    ):
        cluster.processes.start("flower", [*FLOWER, f"--port={port}"], told)
        cluster.processes.wait("Flower", lambda: answers(http, f"{PREFIX}/healthcheck"), 60)
        eventually(lambda: http.get(f"{PREFIX}/api/workers", params={"refresh": "true"}).json())
        eventually(lambda: "enabled by remote" in cluster.workers[0].log.read_text())
        yield Watched(cluster, http)


def test_who_does_not_sign_in_sees_nothing(watched: Watched) -> None:
    with httpx2.Client(base_url=watched.http.base_url, verify=False) as stranger:
        for path in ("/tasks", "/api/tasks", "/tasks/datatable", "/workers"):
            assert stranger.get(f"{PREFIX}{path}").status_code == 401


def test_a_row_names_tenant_and_step_and_says_that_a_step_waits(watched: Watched) -> None:
    watched.cluster.simulator.set_options(creation_seconds=600)
    replication = watched.cluster.order("waits", ONE_ROLE)
    watched.cluster.until_waiting(replication, "wait_for_account")

    rows = eventually(lambda: [row for row in watched.rows(replication).values() if "WAITING" in str(row["result"])])

    row = rows[0]
    tenant = watched.cluster.tenant_id("waits")
    assert re.fullmatch(rf"{re.escape(str(tenant))}/{replication[:8]}/wait_for_account/\d+", row["uuid"])
    assert (row["state"], row["name"]) == ("SUCCESS", "replication.wait_for_account")
    assert "WAITING: " in row["result"]
    task = watched.http.get(f"{PREFIX}/task/{row['uuid']}").text
    assert f'<a href="{PAGE}/tenants/likvid/waits/aws.sandbox">{tenant}</a>' in task
    assert f'href="{PAGE}/">AWS Connector</a>' in watched.http.get(f"{PREFIX}/tasks").text


def test_a_failure_is_a_sentence_with_what_to_do(watched: Watched) -> None:
    watched.cluster.simulator.set_options(creation_seconds=0.4)
    watched.cluster.simulator.inject(
        {"service": "organizations", "operation": "CreateAccount", "code": "AccessDeniedException", "times": 9}
    )
    replication = watched.cluster.order("denied", ONE_ROLE)
    watched.cluster.ended(replication)

    failed = eventually(lambda: [row for row in watched.rows(replication).values() if row["state"] == "FAILURE"])

    assert failed[0]["exception"].startswith("AccessDeniedException: ")
    assert "PermanentError(" not in failed[0]["exception"]


def test_the_page_has_our_columns_under_the_prefix_and_natural_times(watched: Watched) -> None:
    page = watched.http.get(f"{PREFIX}/tasks").text

    columns = re.findall(r'data-column="(\w+)"', page)
    assert columns == ["uuid", "state", "result", "exception", "name", "received", "runtime", "worker"]
    assert 'value="natural-time' in page
    links = re.findall(r'(?:href|src)="(/[^"]*)"', page)
    assert links
    assert all(link.startswith(f"{PREFIX}/") for link in links)


def test_nobody_stops_a_worker_there(watched: Watched) -> None:
    [name] = watched.http.get(f"{PREFIX}/api/workers").json()
    assert watched.http.post(f"{PREFIX}/api/worker/shutdown/{name}").status_code == 403


def test_it_ends_with_a_sentence_where_anybody_could_look(watched: Watched, tmp_path: Path) -> None:
    environment = {**watched.cluster.environment, "PYTHONPATH": str(REPOSITORY)}
    run = subprocess.run(
        [*FLOWER, f"--port={free_port()}"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 1
    assert run.stderr.strip().splitlines()[-1].startswith("FLOWER_BASIC_AUTH is needed: name:password")


def test_a_port_that_is_taken_is_a_sentence(watched: Watched, tmp_path: Path) -> None:
    environment = {**watched.cluster.environment, "FLOWER_BASIC_AUTH": "a:b"}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = subprocess.run(
            [*FLOWER, f"--port={taken.getsockname()[1]}"],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
    assert run.returncode == 1
    assert "Flower cannot listen there, the port is taken" in run.stderr
    assert "Traceback" not in run.stderr


def test_every_way_in_which_we_start_it_asks_who_one_is(tmp_path: Path) -> None:
    compose = YAML(typ="safe").load(REPOSITORY / "docker-compose.yml")["services"]["flower"]["environment"]
    assert compose["FLOWER_BASIC_AUTH"].startswith("${FLOWER_BASIC_AUTH:?")
    for command in (command_of("flower"), commands(5555)["flower"]):
        assert "workers.app" in " ".join(command), "which refuses to start it without"
