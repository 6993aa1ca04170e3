"""A worker that is killed while it collects costs: another one goes on, and nothing is missing or there twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tasks.metering.desk import Desk, hint
from tasks.metering.months import Month
from tasks.metering.reading import Wanted
from tasks.state.counts import COST_PAGES
from tests.support.cluster import QUICK, Cluster, running_cluster
from tests.support.waiting import eventually

PLATFORM = "aws.sandbox"
CLOSED = Month.of(datetime.now(UTC).date()).before.before


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("costs")
    data = str(directory / "data")
    options = QUICK.model_copy(update={"cost_page_rows": 100})
    lease = "0.2"  # a collection is held for 12 of them
    with running_cluster(directory, options=options, CONNECTOR_LEASE_SECONDS=lease, CONNECTOR_DATA_DIR=data) as running:
        yield running


def test_a_killed_collection_is_taken_up_again(cluster: Cluster) -> None:
    desk = Desk(cluster.connector)
    cluster.simulator.inject(service="ce", operation="GetCostAndUsage", kind="delay", seconds=60, skip=4)
    desk.collect(PLATFORM, str(CLOSED), asked_by="test")
    eventually(lambda: cluster.simulator.faults()[0]["struck"])  # it waits for its fifth page
    cluster.kill(cluster.workers[0])
    cluster.start_worker()

    def done() -> bool:
        hint(cluster.connector.settings)  # as beat does
        states = {each.state for each in desk.collections(PLATFORM, 50).collections}
        return states == {"DONE"}  # also those of the months that are due anyway

    eventually(done, every=0.5)

    answered = sum(each.pages for each in desk.collections(PLATFORM, 50).collections)
    reports, count = desk.reports(Wanted(CLOSED), 0, 50)
    kinds = {item.kind for report in reports for item in report.line_items}
    assert (count, kinds) == (3, {"USAGE", "FEE"} & kinds)  # nothing is missing from AWS's totals, or there twice
    paid = answered + 1  # the one that nobody heard
    assert cluster.simulator.state()["cost_explorer"]["pages"] == paid
    log = cluster.connector.store.audit.page(1000, since=None, after=None, tenant=None)
    spent = [each.model_dump()["arguments"]["pages"] for each in log.entries if each.call == "ce:pages"]
    assert sum(spent) == paid
    assert cluster.connector.store.counts.all()[f"{COST_PAGES}{PLATFORM}"] == paid
