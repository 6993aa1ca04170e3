"""Secrets are planted everywhere, everything is run, and no secret is found anywhere that people or files see."""

from __future__ import annotations

import secrets
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.api_token import ApiToken
from config.log import MASKER
from tasks.model.replication import State
from tests.security.processes import answers, free_port
from tests.support.cluster import QUICK, Cluster, desired, running_cluster
from tests.support.collector import Collector, collecting
from tests.support.waiting import eventually

FLOWER = "operator"
ACCESS_KEY = "AKIASANDBOXREPLICATOR"


@dataclass(frozen=True)
class Canaries:
    """What must not be seen; drawn for each run."""

    secret_key: str
    external_id: str
    automation_external_id: str
    token: str
    flower_password: str

    @classmethod
    def drawn(cls) -> Canaries:
        # with characters that JSON, URLs and Python's repr write differently
        return cls(*(f"canary+/{kind}={secrets.token_hex(12)}" for kind in ("key", "ext", "auto", "token", "flower")))


@dataclass(frozen=True)
class System:
    """A cluster with API and Flower, and what must not be seen of it."""

    cluster: Cluster
    canaries: Canaries
    api: httpx2.Client
    flower: httpx2.Client
    worker: str  # where the worker serves its metrics
    collector: Collector  # takes the traces

    def forms(self) -> list[str]:
        """List every secret in every form in which it may stand somewhere."""
        known = vars(self.canaries).values()
        password = self.cluster.connector.settings.redis.password
        plain = [*known, password, ACCESS_KEY, sha256(self.canaries.token.encode()).hexdigest()]
        coded = [b64encode(text.encode()).decode().rstrip("=") for text in plain]
        return [*plain, *(quote(text, safe="") for text in plain), *coded]

    def found_in(self, text: str) -> list[str]:
        return [form for form in self.forms() if form in text]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    canaries = Canaries.drawn()
    options = QUICK.model_copy(
        update={
            "service_user_secret": canaries.secret_key,
            "external_id": canaries.external_id,
            "automation_external_id": canaries.automation_external_id,
        }
    )
    entry = ApiToken.of("producer", "order+operate+approve", canaries.token)
    variables: dict[str, Any] = {
        "SANDBOX_SECRET_KEY": canaries.secret_key,
        "SANDBOX_EXTERNAL_ID": canaries.external_id,
        "SANDBOX_AUTOMATION_EXTERNAL_ID": canaries.automation_external_id,
        "CONNECTOR_API_TOKENS": entry.entry,
        "CONNECTOR_LOG_FORMAT": "json",
        "CONNECTOR_LOG_LEVEL": "debug",
    }
    ports = free_port(), free_port()
    variables["CONNECTOR_METRICS_PORT"] = str(free_port())
    with (
        collecting() as collector,
        running_cluster(
            tmp_path_factory.mktemp("house"),
            workers=1,
            options=options,
            **variables,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as cluster,
    ):
        flower = [sys.executable, "-m", "celery", "-A", "workers.app", "flower", "--address=127.0.0.1"]
        credentials = {"FLOWER_BASIC_AUTH": f"{FLOWER}:{canaries.flower_password}"}
        cluster.start("api", ["workers.cli", "api"], {"PORT": str(ports[0])})
        cluster.processes.start("flower", [*flower, f"--port={ports[1]}"], credentials)
        headers = {"Authorization": f"Bearer {canaries.token}"}
        with (
            httpx2.Client(base_url=f"http://127.0.0.1:{ports[0]}", headers=headers, verify=False, timeout=30) as api,
            httpx2.Client(
                base_url=f"http://127.0.0.1:{ports[1]}",
                auth=(FLOWER, canaries.flower_password),
                verify=False,
                timeout=30,
                follow_redirects=True,
            ) as operator,
        ):
            cluster.processes.wait("the API", lambda: answers(api, "/healthz"), 30)
            cluster.processes.wait("Flower", lambda: answers(operator, "/healthcheck"), 30)
            eventually(lambda: operator.get("/api/workers", params={"refresh": "true"}).json())
            eventually(lambda: "Events of group {task} enabled by remote" in cluster.workers[0].log.read_text())
            yield System(
                cluster, canaries, api, operator, f"http://127.0.0.1:{variables['CONNECTOR_METRICS_PORT']}", collector
            )
    MASKER.forget()


def order(system: System, project: str) -> str:
    answer = system.api.put(f"/api/v1/tenants/likvid/{project}/aws.sandbox", json=desired())
    assert answer.status_code == 202, answer.text
    return str(answer.json()["replicationId"])


@pytest.fixture(scope="module")
def failed(system: System) -> str:
    """Run a whole replication, then one in which AWS repeats our secrets in its refusals; gives the latter's id."""
    system.cluster.succeeded(order(system, "fine"))
    canaries, simulator = system.canaries, system.cluster.simulator
    said = f"not authorized with ExternalId {canaries.external_id}, {canaries.automation_external_id} and "
    simulator.inject(
        {"service": "organizations", "operation": "CreateAccount", "kind": "throttle"},
        {
            "service": "organizations",
            "operation": "TagResource",
            "code": "ServiceException",
            "status": 500,
            "message": f"we failed with {canaries.secret_key}",
        },
        {
            "service": "organizations",
            "operation": "MoveAccount",
            "code": "AccessDeniedException",
            "status": 400,
            "message": said + canaries.secret_key,
        },
    )
    replication = order(system, "broken")
    assert system.cluster.ended(replication).state is State.FAILED
    with httpx2.Client(base_url=system.api.base_url, verify=False) as stranger:
        path = f"/api/v1/tenants?token={canaries.token}&password={quote(canaries.secret_key)}"
        assert stranger.get(path, headers={"Authorization": f"Bearer x{canaries.token}"}).status_code == 401
    return replication


def test_a_failure_names_everything_but_the_secrets(system: System, failed: str) -> None:
    error = system.api.get(f"/api/v1/replications/{failed}").json()["lastError"]
    assert error["code"] == "AccessDeniedException"
    assert "not authorized with ExternalId ***, *** and ***" in error["message"]


def test_no_answer_of_the_api_holds_a_secret(system: System, failed: str) -> None:
    tenant = "/api/v1/tenants/likvid/broken/aws.sandbox"
    paths = [tenant, "/api/v1/tenants", f"/api/v1/replications/{failed}", "/readyz", "/healthz", "/openapi.json", "/x"]
    answered = [system.api.get(path) for path in paths]
    answered.append(system.api.put(tenant, json={**desired(), "secretKey": system.canaries.secret_key}))
    assert system.found_in("".join(f"{answer.headers}{answer.text}" for answer in answered)) == []
    assert "AccessDeniedException" in answered[0].text


def test_no_value_in_redis_holds_a_secret(system: System, failed: str) -> None:
    dump = "\n".join(everything_in(system.cluster.redis.client))
    assert failed in dump
    assert "AccessDeniedException" in dump
    assert system.found_in(dump) == []


def test_no_page_of_flower_holds_a_secret(system: System, failed: str) -> None:
    """Flower shows tasks with arguments, results and tracebacks, and the workers with their whole configuration."""
    tasks = eventually(
        lambda: [name for name, task in system.flower.get("/api/tasks").json().items() if task["state"] == "FAILURE"]
    )
    [worker] = eventually(lambda: list(system.flower.get("/api/workers?refresh=true").json()))
    pages = ["/", "/workers", f"/worker/{worker}", "/tasks", "/broker", "/api/workers?refresh=true", "/api/tasks"]
    pages += ["/api/task/types", "/api/queues/length", "/metrics", f"/task/{tasks[0]}", f"/api/task/info/{tasks[0]}"]
    shown = {page: system.flower.get(page) for page in pages}
    assert {page: answer.status_code for page, answer in shown.items() if answer.status_code != 200} == {}
    assert "AccessDeniedException" in shown[f"/task/{tasks[0]}"].text
    assert {page: found for page, answer in shown.items() if (found := system.found_in(answer.text))} == {}
    with httpx2.Client(base_url=system.flower.base_url, verify=False) as stranger:
        assert [stranger.get(page).status_code for page in ("/", "/tasks", "/api/tasks", f"/worker/{worker}")] == [
            401
        ] * 4


def test_metrics_count_everything_and_hold_no_secret(system: System, failed: str) -> None:
    stranger = httpx2.get(system.worker)
    mine = httpx2.get(system.worker, auth=("prometheus", system.canaries.token)).text
    assert httpx2.get(f"{system.worker}/healthz").text == "OK\n"
    shared = httpx2.get(f"{system.api.base_url}/metrics", auth=("prometheus", system.canaries.token)).text
    counted = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(mine)
        for sample in family.samples
    }

    assert (stranger.status_code, stranger.headers["www-authenticate"]) == (401, 'Basic realm="connector"')
    assert counted["connector_aws_call_seconds_count", "move_account", "ok", "organizations"] == 1
    assert counted["connector_aws_call_seconds_count", "AccessDeniedException", "move_account", "organizations"] == 1
    assert counted["connector_step_seconds_count", "FAILED", "move_to_ou"] == 1
    assert counted["connector_replication_seconds_count", "FAILED", "aws.sandbox", "order", "replication"] == 1
    assert counted["connector_replication_seconds_count", "SUCCEEDED", "aws.sandbox", "order", "replication"] == 1
    assert 'connector_tenants{platform="aws.sandbox",state="FAILED"} 1.0' in shared
    assert system.found_in(mine + shared) == []


def test_no_log_of_any_process_holds_a_secret(system: System, failed: str) -> None:
    logs = {child.name: child.log.read_text() for child in system.cluster.processes.children}
    assert logs.keys() == {"w1", "api", "flower"}
    assert all(logs.values())
    assert failed in logs["w1"]
    assert {name: found for name, text in logs.items() if (found := system.found_in(text))} == {}


def everything_in(redis: Any) -> Iterator[str]:
    """Yield every key with its whole value, and what is coded in it."""
    readers: dict[str, Callable[[str], Any]] = {
        "string": redis.get,
        "hash": redis.hgetall,
        "zset": lambda key: redis.zrange(key, 0, -1, withscores=True),
        "set": redis.smembers,
        "list": lambda key: redis.lrange(key, 0, -1),
        "stream": redis.xrange,
    }
    for key in redis.keys("*"):
        value = repr(readers[redis.type(key)](key))
        yield f"{key} {value}"
        for word in value.replace("'", '"').split('"'):
            if len(word) > 100:  # a message's body
                try:
                    yield b64decode(word, validate=True).decode(errors="replace")
                except ValueError:
                    continue


def test_no_trace_holds_a_secret(system: System, failed: str) -> None:
    eventually(lambda: any(span.failed for span in system.collector.spans))
    for body in system.collector.bodies:
        assert system.found_in(body.decode("latin-1")) == []
