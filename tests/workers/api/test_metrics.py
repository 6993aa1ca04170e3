"""GET /metrics: what stands in Redis, in Prometheus's format, for whoever has a token."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML

from tasks.chain import AWAIT_APPROVAL
from tasks.daily import drift
from tasks.daily.round import replicate_oldest
from tasks.documents import DriftChange
from tasks.metrics.counters import Metering
from tasks.model.desired import Desired, TenantId
from tasks.model.replication import LastError, State, StepState
from tasks.state.counts import COST_PAGES, Rejection
from tasks.state.orders import Order
from tasks.state.outcome import StepRecord
from tasks.worker import Worker
from tests.support.promtool import needs_promtool, promtool
from tests.workers.api.server import BODY, READ, TENANT, WRITE, Api, is_problem
from workers.examples import EXAMPLES
from workers.runner.metrics import RunMetrics

REPOSITORY = Path(__file__).parents[3]
NOW = datetime.now(UTC)
SHOP = TenantId("likvid", "shop", "aws.sandbox")
Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Read an exposition: (name, sorted labels) -> value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def get(api: Api, path: str, **how: Any) -> httpx2.Response:
    with api.client(None) as http:
        return http.get(path, **how)


def look(api: Api) -> Samples:
    response = get(api, "/metrics", auth=("prometheus", READ))
    assert response.status_code == 200, response.text
    return samples(response.text)


@pytest.mark.parametrize(
    "auth",
    [None, ("prometheus", "wrong"), ("prometheus", ""), ("", WRITE + "x")],
    ids=["none", "wrong", "empty", "longer"],
)
def test_strangers_see_nothing(api: Api, auth: tuple[str, str] | None) -> None:
    response = get(api, "/metrics", auth=auth)

    is_problem(response, 401)
    assert response.headers["www-authenticate"] == 'Basic realm="connector"'


def test_a_token_is_taken_as_a_password_here_and_nowhere_else(api: Api) -> None:
    assert get(api, "/metrics", auth=("anybody", READ)).status_code == 200
    assert get(api, "/metrics", headers={"Authorization": f"Bearer {READ}"}).status_code == 200
    is_problem(get(api, "/api/v1/tenants", auth=("anybody", READ)), 401)


def test_who_guesses_passwords_is_slowed(api: Api) -> None:
    limit = api.connector.settings.api_failure_limit
    guesses = [get(api, "/metrics", auth=("x", f"guess{number}")) for number in range(limit + 1)]

    assert guesses[-1].status_code == 429


def test_open_orders_and_their_age_show(api: Api, http: httpx2.Client) -> None:
    before = look(api)
    http.put(TENANT, json=BODY).raise_for_status()
    replication = http.get(TENANT).json()["replicationId"]
    api.begin(replication)
    long_ago = datetime.fromisoformat("2026-01-01T00:00:00+00:00").timestamp() * 1e6
    api.redis.client.zadd("connector:under_way:aws.sandbox\tRUNNING", {replication: long_ago}, xx=True)

    now = look(api)

    running = (("platform", "aws.sandbox"), ("state", "RUNNING"))
    assert before[("connector_open_replications", running)] == before[("connector_oldest_open_seconds", running)] == 0
    assert now[("connector_open_replications", running)] == 1
    assert now[("connector_oldest_open_seconds", running)] > 3600
    assert now[("connector_dispatches_total", ())] == 1
    assert now[("connector_tenants", (("platform", "aws.sandbox"), ("state", "RUNNING")))] == 1
    assert now[("connector_workers", ())] == 1


def test_lanes_pauses_drift_and_rejected_messages_show(api: Api, http: httpx2.Client) -> None:
    replications = []
    for number in range(3):
        path = TENANT.replace("shop", f"shop{number}")
        replications.append(http.put(path, json=BODY).json()["replicationId"])
        api.store.limits.enter("account creation in 111111111111", f"tenant{number}", replications[-1], 2)
    api.redis.client.zadd("connector:holders:account creation in 111111111111", {"over": 1})
    api.store.pauses.pause("aws.sandbox", by="test")
    drift.repaired(api.store, SHOP, "r1", DriftChange(step="move_to_ou", note="", calls=()), datetime.now(UTC))
    api.store.counts.reject(Rejection.UNKNOWN_REPLICATION)
    api.store.counts.add(f"{COST_PAGES}aws.sandbox", 112)

    now = look(api)

    lane = (("lane", "account creation"),)
    assert api.redis.client.zcard("connector:holders:account creation in 111111111111") == 3
    paused = (("platform", "aws.sandbox"), ("state", "PAUSED"))
    assert now[("connector_open_replications", paused)] == 3
    assert now[("connector_lane_places", lane)] == 2
    assert now[("connector_lane_taken", lane)] == 2
    assert now[("connector_lane_waiting", lane)] == 1
    assert now[("connector_lane_longest_wait_seconds", lane)] >= 0
    assert now[("connector_paused", (("kind", "platform"),))] == 1
    assert now[("connector_paused", (("kind", "tenant"),))] == 0
    assert now[("connector_drifted_tenants", (("found", "repaired"), ("platform", "aws.sandbox")))] == 1
    assert now[("connector_drifted_tenants", (("found", "differs"), ("platform", "aws.sandbox")))] == 0
    assert now[("connector_drift_repairs_total", (("platform", "aws.sandbox"),))] == 1
    assert now[("connector_metering_dollars_total", (("platform", "aws.sandbox"),))] == 1.12
    assert now[("connector_rejected_messages_total", (("reason", "unknown replication"),))] == 1


def test_threads_are_wanted_by_what_is_due_or_runs_and_by_nothing_that_waits(api: Api, http: httpx2.Client) -> None:
    wanted = ("connector_threads_wanted", ())
    assert look(api)[wanted] == 0

    ordered = [
        http.put(TENANT.replace("shop", f"shop{number}"), json=BODY).json()["replicationId"] for number in range(3)
    ]
    assert look(api)[wanted] == 3

    [taken] = api.store.work.pump("celery", 1, timedelta(seconds=60), timedelta(hours=1), "w1")
    assert look(api)[wanted] == 3

    waiting = dict.fromkeys({*ordered} - {taken.replication}, float("inf"))  # for a place in a limit of AWS
    api.redis.client.zadd("connector:due", waiting, xx=True)
    assert look(api)[wanted] == 1


def test_the_last_tick_of_beat_shows(api: Api) -> None:
    name = ("connector_beat_last_tick_timestamp_seconds", ())
    before = datetime.now(UTC).timestamp()
    assert look(api)[name] == 0

    api.store.ticks.take({"something": timedelta(hours=1)})

    assert look(api)[name] == pytest.approx(before, abs=60)


def test_a_failed_tenant_is_counted_by_its_cause_until_it_is_well(api: Api, http: httpx2.Client) -> None:
    replication = http.put(TENANT, json=BODY).json()["replicationId"]
    api.begin(replication)
    name = api.store.replications.find(replication).steps[0].name  # type: ignore[union-attr]  # it is known
    error = LastError(code="AccessDeniedException", message="no", remedy="see")
    document = StepState(name=name, state=State.FAILED, last_error=error)
    failed = StepRecord(0, document, State.FAILED, failed=(name,), error=error)
    assert api.store.work.record(replication, "holder", failed)
    platform = ("platform", "aws.sandbox")
    group = ("connector_failed_tenants", (("code", "AccessDeniedException"), platform))

    assert look(api)[group] == 1
    assert look(api)[("connector_tenants", (platform, ("state", "FAILED")))] == 1

    http.post(f"{TENANT}/replications").raise_for_status()
    after = look(api)
    assert group not in after
    assert after[("connector_tenants", (platform, ("state", "FAILED")))] == 0
    assert after[("connector_tenants", (platform, ("state", "QUEUED")))] == 1


def test_what_waits_for_a_persons_word_is_counted_apart(api: Api, http: httpx2.Client) -> None:
    replication = http.put(TENANT, json=BODY).json()["replicationId"]
    api.begin(replication)
    waits = StepRecord(0, StepState(name=AWAIT_APPROVAL, state=State.WAITING), State.WAITING)
    assert api.store.work.record(replication, "holder", waits)
    platform = ("platform", "aws.sandbox")

    now = look(api)

    assert now[("connector_open_replications", (platform, ("state", "APPROVAL")))] == 1
    assert now[("connector_open_replications", (platform, ("state", "WAITING")))] == 0


def test_a_limit_that_aws_refuses_shows_how_much_of_it_is_used(api: Api) -> None:
    whole = look(api)
    api.store.limits.slow(["Organizations calls in 111111111111", "account closure in 111111111111"])
    now = look(api)

    assert whole[("connector_limit_used_ratio", (("limit", "account closure"),))] == 1
    assert 0.5 <= now[("connector_limit_used_ratio", (("limit", "account closure"),))] < 1
    assert 0.5 <= now[("connector_limit_used_ratio", (("limit", "Organizations calls"),))] < 1


def test_runners_and_the_last_daily_round_show(api: Api) -> None:
    before = look(api)
    api.store.runs.hold([], 0, "runner-1", timedelta(seconds=9))
    replicate_oldest(api.connector, NOW)
    now = look(api)

    assert (before[("connector_runners", ())], now[("connector_runners", ())]) == (0, 1)
    name = ("connector_daily_round_last_end_timestamp_seconds", ())
    assert before[name] == 0
    assert now[name] == pytest.approx(NOW.timestamp(), abs=1)


def test_many_tenants_cost_no_more_commands_than_few(api: Api) -> None:
    def commands() -> int:
        before = sum(each["calls"] for each in api.redis.client.info("commandstats").values())
        look(api)
        return int(sum(each["calls"] for each in api.redis.client.info("commandstats").values()) - before)

    def order(numbers: range) -> None:
        for number in numbers:
            api.store.orders.submit(Order(TenantId("likvid", f"p{number}", "aws.sandbox"), Desired(landing_zone="x")))

    order(range(3))
    few = commands()
    order(range(3, 300))

    assert commands() <= few + 1  # the clock is written down now and then
    assert look(api)[("connector_tenants", (("platform", "aws.sandbox"), ("state", "QUEUED")))] == 300


def test_neither_tenants_nor_people_stand_in_it(api: Api, http: httpx2.Client) -> None:
    http.put(TENANT, json=BODY).raise_for_status()

    text = get(api, "/metrics", auth=("prometheus", READ)).text

    assert "likvid" not in text
    assert "ada" not in text.replace("readable", "")


@needs_promtool
def test_names_and_types_are_as_prometheus_wants_them(api: Api) -> None:
    runner = RunMetrics("1b4e28ba-2fa1-11d2-883f-0016d3cca427")
    for registry in (worker_of(api).counters.registry, runner.registry):
        promtool("check", "metrics", stdin=generate_latest(registry).decode())
    promtool("check", "metrics", stdin=get(api, "/metrics", auth=("prometheus", READ)).text)


def test_what_alerts_take_an_increase_of_is_there_before_the_first_event(api: Api) -> None:
    """A series that is born at 1 has no increase, and the first message that is not ours must not go unnoticed."""
    rules = YAML(typ="safe").load(EXAMPLES / "prometheus-alerts.yml")["groups"][0]["rules"]
    increased = [found for rule in rules for found in re.findall(r"increase\((\w+)(?:\{(.*?)\})?\[", rule["expr"])]
    registries = worker_of(api).counters.registry, RunMetrics("1b4e28ba-2fa1-11d2-883f-0016d3cca427").registry
    shown = {**look(api), **samples("".join(generate_latest(each).decode() for each in registries))}

    assert len(increased) >= 2
    for name, labels in increased:
        wanted = set(re.findall(r'(\w+)="(.*?)"', labels))
        fitting = {found: value for found, value in shown.items() if found[0] == name and wanted <= set(found[1])}
        assert fitting, name
        assert set(fitting.values()) == {0}


def test_every_platform_chain_cause_and_end_is_shown_from_the_beginning(api: Api) -> None:
    counters = worker_of(api).counters
    before = samples(generate_latest(counters.registry).decode())
    counters.ended(SHOP, "replication", State.FAILED, timedelta(seconds=1), daily=False)
    for state in (State.WAITING, State.SUCCEEDED):
        counters.executed(StepState(name="move_to_ou", state=state, started_at=NOW, ended_at=NOW), timedelta())
    counters.withdrawn(SHOP, timedelta())
    counters.waited("account creation in 111111111111", timedelta())
    counters.metered("aws.sandbox", Metering.CAPPED)
    after = samples(generate_latest(counters.registry).decode())

    assert before.keys() == after.keys()
    assert {value for (name, _), value in before.items() if name.endswith(("_count", "_sum", "_bucket"))} == {0}
    assert {dict(labels)["platform"] for name, labels in before if name == "connector_replication_seconds_count"} == {
        *api.connector.catalog.platforms
    }
    repaired = {labels: value for (name, labels), value in look(api).items() if name == "connector_drift_repairs_total"}
    assert set(repaired.values()) == {0}
    assert len(repaired) == len(api.connector.catalog.platforms)


def worker_of(api: Api) -> Worker:
    """Make what a worker has that runs on the API's documents."""
    return Worker.of(api.connector)


def test_the_example_scrapes_what_compose_runs_and_every_alert_says_what_it_is_about() -> None:
    read = YAML(typ="safe").load
    compose = read(REPOSITORY / "docker-compose.yml")["services"]
    prometheus = read(EXAMPLES / "prometheus.yml")
    jobs = {job["job_name"]: job for job in prometheus["scrape_configs"]}
    [workers] = jobs["connector-worker"]["dns_sd_configs"]

    assert workers["names"] == ["worker"]
    assert workers["port"] == compose["worker"]["environment"]["CONNECTOR_METRICS_PORT"]
    [rules] = prometheus["rule_files"]
    for rule in read(EXAMPLES / rules)["groups"][0]["rules"]:
        assert rule["expr"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
