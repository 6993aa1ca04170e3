from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import httpx2

from tests.support.waiting import eventually
from tests.workers.sandbox.conftest import Connect
from workers.sandbox.client import SimulatorClient


def test_it_dies_with_the_process_that_started_it() -> None:
    code = "import time; from workers.sandbox.client import running_simulator\n"
    code += "with running_simulator() as client: print(client.url, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert httpx2.get(f"{url}/_simulator/health", trust_env=False).json() == {"status": "ok"}
        os.kill(parent.pid, signal.SIGKILL)
        eventually(lambda: not _answers(url))


def test_connections_are_kept_open(simulator: SimulatorClient) -> None:
    with httpx2.Client(base_url=simulator.url, trust_env=False) as client:
        ports = {_local_port(client.get("/_simulator/health")) for _ in range(3)}
    assert len(ports) == 1


def test_an_operation_that_is_not_simulated_says_so(connect: Connect) -> None:
    client = connect("organizations")
    answer = httpx2.post(
        client.meta.endpoint_url, headers={"X-Amz-Target": "AWSOrganizationsV20161128.Nonsense"}, trust_env=False
    )
    assert answer.status_code == 400


def test_control_mistakes_are_named(simulator: SimulatorClient) -> None:
    with httpx2.Client(base_url=f"{simulator.url}/_simulator", trust_env=False) as client:
        assert client.get("/nothing").status_code == 404
        assert client.patch("/options", json={"unheard_of": 1}).status_code == 400
        assert client.post("/operator", json={"action": "unheard_of"}).status_code == 404
        assert client.post("/operator", json={"action": "suspend_account", "account": "1"}).status_code == 404


def _local_port(answer: httpx2.Response) -> Any:
    return answer.extensions["network_stream"].get_extra_info("client_addr")[1]


def _answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/_simulator/health", trust_env=False).is_success
    except httpx2.TransportError:
        return False
