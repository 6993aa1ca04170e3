from __future__ import annotations

import httpx2
import pytest

from tests.workers.api.meshobjects.objects import WHOLE, Document, binding, put, put_well, tenant, user
from tests.workers.api.server import TENANT


def test_an_import_does_not_take_a_deletion_back(http: httpx2.Client) -> None:
    put_well(http, *WHOLE)
    http.delete(TENANT)

    rows = put(http, *WHOLE, user("bob"), binding("bob"))

    assert [row["meshObject"] for row in rows if row["status"] == "FAILED"] == ["meshTenant[likvid.shop.aws.sandbox]"]
    assert http.get(TENANT).json()["deletion"] is not None


@pytest.mark.parametrize(
    "marked",
    [
        {**tenant(), "metadata": {**tenant()["metadata"], "deletedOn": "2026-05-01T10:00:00Z"}},
        {**tenant(), "status": {"lifecycle": {"state": "MARKED_FOR_DELETION"}}},
    ],
)
def test_a_tenant_that_is_marked_for_deletion_is_deleted(http: httpx2.Client, marked: Document) -> None:
    put_well(http, *WHOLE)

    put_well(http, marked)
    put_well(http, user("bob"), binding("bob"))

    assert http.get(TENANT).json()["deletion"] is not None
