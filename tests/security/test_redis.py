"""Redis over TLS, as a user who may do no more than docs/security.md says; no home, and files can only be read."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx2
import pytest
import redis

from config.api_token import ApiToken
from config.celery import celery_settings
from config.settings import Settings
from tasks.connector import redis_client
from tests.security.processes import answers, free_port
from tests.security.read_only import read_only
from tests.security.tls import make_certificates, tls_proxy
from tests.support.cluster import Cluster, desired, running_cluster
from tests.support.waiting import eventually

USER, PASSWORD = "connector", "p@ss/w:rd+%"
FLOWER = {"FLOWER_BASIC_AUTH": "operator:password"}
TOKEN = ApiToken.of("producer", "order", "a-token")
DOCUMENT = Path(__file__).parents[2] / "docs" / "security.md"


def documented_rules() -> list[str]:
    """Read the ACL rules from the documentation, which is what people copy."""
    [line] = re.findall(r"^    ACL SETUSER connector on '>…' (.+)$", DOCUMENT.read_text(), re.MULTILINE)
    return shlex.split(line)


@dataclass(frozen=True)
class Encrypted:
    """A cluster whose Redis is reached over TLS by the restricted user, and whose processes cannot write."""

    cluster: Cluster
    url: str
    port: int
    ca: Path


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    folder = tmp_path_factory.mktemp("encrypted")
    ca, certificate = make_certificates(folder)
    with running_cluster(folder, workers=0) as cluster:
        admin = cluster.redis.client
        admin.execute_command("ACL", "SETUSER", USER, "on", f">{PASSWORD}", *documented_rules())
        with tls_proxy(certificate, urlsplit(cluster.redis.url).port or 0) as port:
            url = f"rediss://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/0?ssl_ca_certs={ca}"
            cluster.processes.environment = {
                **cluster.processes.environment,
                **read_only(folder),
                "CONNECTOR_REDIS_URL": url,
                "CONNECTOR_API_TOKENS": TOKEN.entry,
            }
            yield Encrypted(cluster, url, port, ca)
            cluster.processes.stop()


def test_every_process_works_like_this(encrypted: Encrypted) -> None:
    cluster, ports = encrypted.cluster, (free_port(), free_port())
    celery = [sys.executable, "-m", "celery", "-A", "workers.app"]
    cluster.processes.start("api", [sys.executable, "-m", "workers.cli", "api"], {"PORT": str(ports[0])})
    cluster.processes.start("flower", [*celery, "flower", "--address=127.0.0.1", f"--port={ports[1]}"], FLOWER)
    cluster.processes.start("beat", [*celery, "beat"])
    cluster.start_worker()
    headers = {"Authorization": "Bearer a-token"}
    path = "/api/v1/tenants/likvid/safe/aws.sandbox"
    with (
        httpx2.Client(base_url=f"http://127.0.0.1:{ports[0]}", headers=headers, verify=False, timeout=30) as api,
        httpx2.Client(
            base_url=f"http://127.0.0.1:{ports[1]}", auth=("operator", "password"), verify=False, timeout=30
        ) as flower,
    ):
        cluster.processes.wait("the API", lambda: answers(api, "/healthz"), 30)
        cluster.processes.wait("Flower", lambda: answers(flower, "/healthcheck"), 30)
        assert api.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
        replication = api.put(path, json=desired()).json()["replicationId"]
        with api.sse(f"{path}/events") as source:
            assert next(iter(source)).event == "replication"
        cluster.succeeded(replication)
        assert api.get("/readyz").status_code == 200
        assert eventually(lambda: flower.get("/api/workers", params={"refresh": "true"}).json())
        assert "replication" in flower.get("/broker").text
    eventually(lambda: "beat: Starting" in cluster.directory.joinpath("beat.log").read_text())
    cluster.processes.check()
    refused = [(entry["reason"], entry["object"]) for entry in cluster.redis.client.acl_log()]
    assert refused == []


def test_the_file_system_of_these_processes_can_only_be_read(encrypted: Encrypted) -> None:
    environment = encrypted.cluster.processes.environment
    assert "HOME" not in environment
    program = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('')"
    for place, code in ((encrypted.cluster.directory / "x", 1), (encrypted.cluster.directory / "tmp" / "x", 0)):
        command = [sys.executable, "-c", program, str(place)]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr
        assert ("this file system can only be read" in ended.stderr) == bool(code)


@pytest.mark.parametrize(
    "command",
    [
        "KEYS *",
        "CONFIG GET *",
        "FLUSHALL",
        "ACL LIST",
        "GET other",
        "SET other 1",
        "MONITOR",
        "SHUTDOWN",
    ],
)
def test_the_documented_user_may_do_nothing_else(encrypted: Encrypted, command: str) -> None:
    with redis.Redis.from_url(encrypted.url) as client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())
    encrypted.cluster.redis.client.acl_log_reset()


def test_the_documented_user_may_wait_for_replicas(encrypted: Encrypted) -> None:
    with redis.Redis.from_url(encrypted.url) as client:
        assert client.wait(0, 1) == 0


def test_a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to(encrypted: Encrypted, tmp_path: Path) -> None:
    stranger, _ = make_certificates(tmp_path)
    for url in (encrypted.url.replace(str(encrypted.ca), str(stranger)), encrypted.url.partition("?")[0]):
        settings = Settings(_env_file=None, redis_url=url)
        with redis_client(settings) as client, pytest.raises(redis.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            client.ping()
        assert celery_settings(settings)["broker_use_ssl"]


def test_a_certificate_for_another_address_is_not_enough(encrypted: Encrypted, tmp_path: Path) -> None:
    ca, certificate = make_certificates(tmp_path, "192.0.2.1")
    with tls_proxy(certificate, urlsplit(encrypted.cluster.redis.url).port or 0) as port:
        url = encrypted.url.replace(f":{encrypted.port}/", f":{port}/").replace(str(encrypted.ca), str(ca))
        client = redis_client(Settings(_env_file=None, redis_url=url))
        with client, pytest.raises(redis.ConnectionError, match="IP address mismatch"):
            client.ping()
