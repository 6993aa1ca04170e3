"""However many tenants ask at once, through however many workers, an organization's accounts are listed once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.daily import OPTIONS, SETTINGS
from tests.bench.listings import fill, order_all
from tests.support.cluster import running_cluster

STRANGERS = 200


@pytest.mark.thorough
def test_new_tenants_and_those_whose_records_were_lost_share_one_list(tmp_path: Path) -> None:
    with running_cluster(tmp_path, 2, OPTIONS, forked=True, **SETTINGS) as cluster:
        fill(cluster, STRANGERS)

        new = order_all(cluster, STRANGERS)
        assert new.accounts < 1.5
        assert new.tags < 1.5

        cluster.redis.client.flushall()
        lost = order_all(cluster, STRANGERS)
        assert lost.accounts < 1.5
        assert lost.tags < 1.5
