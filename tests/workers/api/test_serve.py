"""`serve` as a process of its own: logs, signals, mistakes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import httpx2
import pytest

from config.catalog import CatalogError
from config.settings import Settings
from tests.support.examples import CONFIG
from tests.support.nursery import Nursling, nursery
from tests.support.waiting import eventually
from tests.workers.api.server import BODY, TENANT, WRITE, Api, digest
from workers.api.serve import serve
from workers.sandbox.organization import environment

HEADERS = {"Authorization": f"Bearer {WRITE}"}


@contextmanager
def process(api: Api, log: Path, **settings: str) -> Iterator[tuple[Nursling, str]]:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        **environment("http://127.0.0.1:1", api.redis.url),
        "PATH": os.environ["PATH"],
        "CONNECTOR_API_PORT": str(port),
        "CONNECTOR_CONFIG_DIR": str(CONFIG),
        "CONNECTOR_API_TOKENS": f"producer:write:{digest(WRITE)}",
        **settings,
    }
    root = Path(__file__).parents[3]
    child = nursery().start(["tests.workers.api.served"], variables, root, log=Path("/dev/null"), errors=log)
    try:
        yield child, f"http://127.0.0.1:{port}"
    finally:
        child.kill()
        child.wait()


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/healthz").status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_it_while_a_stream_is_open(api: Api, tmp_path: Path, number: signal.Signals) -> None:
    log = tmp_path / "log"
    with process(api, log) as (child, url), httpx2.Client(base_url=url, headers=HEADERS, timeout=30) as http:
        eventually(lambda: answers(url) or child.poll() is not None)
        assert http.put(TENANT, json=BODY).status_code == 202, log.read_text()
        assert http.get(f"{TENANT}?password=hunter2-hunter2").status_code == 422
        http.get("/x%0Aforged%1b[31m")
        with http.sse(f"{TENANT}/events") as source:
            stream = iter(source)
            next(stream)
            child.send_signal(number)
            assert list(stream) == []
        child.wait(60)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    [line] = [line for line in lines if line.get("method") == "PUT"]
    assert (line["event"], line["path"], line["status"], line["token"]) == ("request", TENANT, 202, "producer")
    assert not any("healthz" in json.dumps(line) for line in lines)
    assert any(line.get("path") == "/x%0Aforged%1B%5B31m" for line in lines)
    text = log.read_text()
    assert "Traceback" not in text
    secrets = [WRITE, "hunter2", *api.connector.secrets]
    assert [secret for secret in secrets if secret in text] == []


def test_a_missing_configuration_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError):
        serve(Settings(_env_file=None, config_dir=tmp_path / "nothing"))
