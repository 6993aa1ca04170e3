"""One trace for each replication, from the request over the queue and its steps to each call; and none unasked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.api_token import ApiToken
from tests.security.processes import answers, free_port
from tests.support.cluster import ONE_ROLE, QUICK, Cluster, running_cluster
from tests.support.collector import Collector, Sent, collecting
from tests.support.command import run_module
from tests.support.waiting import eventually

TOKEN = "tracing-token"
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SERVER, CLIENT, CONSUMER = 2, 3, 5  # OTLP's numbers
ABSENT = ("config.otel", "opentelemetry.sdk.trace", "opentelemetry.exporter")  # redis-py looks at the SDK by itself
EVERYTHING = "import workers.api.app, workers.celery_worker, workers.runner.process\n"
PROGRAM = """
import sys
import config.tracing
config.tracing.start("worker")
with config.tracing.span("nothing", {}) as span:
    span.note({"a": 1})
    assert config.tracing.traceparent() is None
print(*sys.modules)
"""


@dataclass
class Traced:
    """A worker and an API that send their traces to a collector."""

    cluster: Cluster
    collector: Collector
    http: httpx2.Client
    metrics: str


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Traced]:
    entry, port, metrics = ApiToken.of("tracer", "write", TOKEN), free_port(), free_port()
    with collecting() as collector:
        variables: dict[str, Any] = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "CONNECTOR_API_TOKENS": entry.entry,
            "CONNECTOR_METRICS_PORT": str(metrics),
            "CONNECTOR_LOG_FORMAT": "json",
        }
        directory = tmp_path_factory.mktemp("traced")
        with (
            running_cluster(directory, 1, QUICK, **variables) as cluster,
            httpx2.Client(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {TOKEN}"},
                verify=False,
                timeout=30,
            ) as http,
        ):
            cluster.start("api", ["workers.cli", "api"], {"PORT": str(port)})
            cluster.processes.wait("the API", lambda: answers(http, "/healthz"), 30)
            yield Traced(cluster, collector, http, f"http://127.0.0.1:{metrics}/metrics")


@pytest.fixture(scope="module")
def ordered(traced: Traced) -> str:
    """Order a tenant within somebody's trace, until it has succeeded; gives the replication."""
    parent = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    answer = traced.http.put("/api/v1/tenants/likvid/seen/aws.sandbox", json=ONE_ROLE, headers=parent)
    replication = str(answer.json()["replicationId"])
    traced.cluster.succeeded(replication)
    return replication


def spans(traced: Traced, trace: str, last: str) -> list[Sent]:
    """Wait until a trace is whole: a span of this name comes last. Gives its spans."""
    eventually(lambda: any(span.name == last for span in traced.collector.of(trace)))
    eventually(lambda: {each.parent for each in traced.collector.of(trace)} <= known(traced, trace))
    return traced.collector.of(trace)


def known(traced: Traced, trace: str) -> set[str]:
    return {PARENT, "", *(each.span for each in traced.collector.of(trace))}


def test_one_trace_goes_from_the_request_through_the_queue_to_aws(traced: Traced, ordered: str) -> None:
    found = spans(traced, TRACE, "step report")

    [request] = [each for each in found if each.kind == SERVER]
    assert (request.service, request.parent) == ("aws-connector-api", PARENT)
    assert request.attributes["http.route"] == "/api/v1/tenants/{workspace}/{project}/{platform}"
    stretches = [each for each in found if each.kind == CONSUMER]
    assert {(each.service, each.parent, each.name) for each in stretches} == {
        ("aws-connector-worker", request.span, "process replication")
    }
    assert {each.attributes["connector.replication"] for each in stretches} == {ordered}
    steps = [each for each in found if each.name.startswith("step ")]
    assert {each.parent for each in steps} <= {each.span for each in stretches}
    assert {"step create_account", "step wait_for_account", "step report"} <= {each.name for each in steps}
    calls = [each for each in found if each.kind == CLIENT]
    assert {each.parent for each in calls} <= {each.span for each in steps}
    [creation] = [each for each in calls if each.name == "organizations:CreateAccount"]
    assert creation.attributes["rpc.system"] == "aws-api"
    assert (creation.attributes["rpc.service"], creation.attributes["rpc.method"]) == ("Organizations", "CreateAccount")
    assert creation.attributes["aws.request_id"]
    assert len(found) == 1 + len(stretches) + len(steps) + len(calls), "and nothing else"


def test_the_answer_of_the_api_and_the_log_lines_name_the_trace(traced: Traced, ordered: str) -> None:
    assert traced.http.get(f"/api/v1/replications/{ordered}").json()["traceId"] == TRACE
    lines = [
        json.loads(line) for line in traced.cluster.workers[0].log.read_text().splitlines() if line.startswith("{")
    ]
    of_steps = [line for line in lines if line.get("replication") == ordered]
    assert of_steps
    assert {line.get("trace_id") for line in of_steps} == {TRACE}, of_steps


def test_the_daily_replication_has_a_trace_of_its_own(traced: Traced, ordered: str) -> None:
    store = traced.cluster.connector.store
    tenant = traced.cluster.tenant_id("seen")
    traced.cluster.redis.client.zadd("connector:replicated", {str(tenant): 0})
    app = ["celery", "-A", "workers.app", "call", "tenants.replicate_daily"]
    assert run_module(app, traced.cluster.environment).returncode == 0

    record = eventually(lambda: next((r for r in [store.tenants.find(tenant)] if r and r.replication != ordered), None))
    assert record is not None
    ended = traced.cluster.succeeded(record.replication)

    assert ended.trace_id not in (None, TRACE)
    found = spans(traced, str(ended.trace_id), "step report")
    [first] = [each for each in found if not each.parent]
    assert (first.name, first.attributes["connector.tenant"]) == ("replicate a tenant", str(tenant))


def test_neither_polling_nor_who_watches_is_traced(traced: Traced, ordered: str) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert traced.http.get(path).status_code == 200

    traced.http.get("/api/v1/tenants").raise_for_status()

    eventually(lambda: any(each.attributes.get("url.path") == "/api/v1/tenants" for each in traced.collector.spans))
    asked = {each.attributes.get("url.path") for each in traced.collector.spans if each.kind == SERVER}
    assert asked & {"/healthz", "/readyz", "/metrics"} == set()
    assert {each.name.split(" ")[0].split(":")[0] for each in traced.collector.spans if each.kind != SERVER} <= {
        *("process", "step", "replicate"),
        *("organizations", "sts", "iam", "identitystore", "sso-admin", "cloudformation", "account", "servicecatalog"),
    }


def test_a_worker_counts_how_long_lines_steps_and_withdrawals_took(traced: Traced, ordered: str) -> None:
    answer = traced.http.put("/api/v1/tenants/likvid/seen/aws.sandbox", json={**ONE_ROLE, "access": []})
    traced.cluster.succeeded(answer.json()["replicationId"])

    shown = {
        sample.name: sample.value
        for family in text_string_to_metric_families(traced.http.get(traced.metrics).text)
        for sample in family.samples
        if {"account creation", "create_account", "aws.sandbox"} & set(sample.labels.values()) and sample.value
    }
    assert shown["connector_lane_wait_seconds_count"] >= 1
    assert shown["connector_step_elapsed_seconds_count"] >= 1
    assert shown["connector_withdrawal_seconds_count"] == 1
    assert 0 < shown["connector_withdrawal_seconds_sum"] < 60


@pytest.mark.thorough
def test_unasked_for_nothing_that_makes_or_sends_spans_is_loaded() -> None:
    command = [sys.executable, "-c", EVERYTHING + PROGRAM]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONPATH": "."}).stdout

    assert [name for name in loaded.split() if name.startswith(ABSENT)] == []


def test_where_it_is_not_installed_one_line_says_what_to_do() -> None:
    program = "import sys; sys.modules['opentelemetry.sdk'] = None\n" + PROGRAM
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ".", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
    )

    assert "pip install 'meshstack-aws-connector[otel]'" in run.stdout + run.stderr
