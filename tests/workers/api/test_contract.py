"""Schemathesis against our OpenAPI document: no 5xx, and no status, media type or body that it does not name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.workers.api.server import BODY, TENANT, WRITE, Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
BODY_CASES, MANY, FEW = 20, 8, 4  # of each mode: of an order, of bodies and queries, of names in the path
OPERATIONS = {  # all of them, as tests/workers/api/test_openapi.py sees to
    "import_mesh_objects": MANY,
    "list_mesh_tenants": MANY,
    "get_mesh_tenant": FEW,
    "put_tenant": BODY_CASES,
    "get_tenant": FEW,
    "list_tenants": MANY,
    "replicate_tenant": MANY,
    "follow_events": FEW,
    "get_replication": FEW,
    "cancel_replication": FEW,
    "list_replications": MANY,
    "delete_tenant": FEW,
    "approve_deletion": FEW,
    "decline_deletion": FEW,
    "plan_tenant": MANY,
    "get_plan": FEW,
    "pause_tenant": MANY,
    "resume_tenant": FEW,
    "pause_platform": MANY,
    "resume_platform": FEW,
    "list_pauses": FEW,
    "examine_platform": FEW,
    "get_platform_health": FEW,
    "roll_out": FEW,
    "get_rollout": FEW,
    "list_drift": FEW,
    "list_unmanaged": FEW,
    "get_audit_log": MANY,
    "collect_costs": MANY,
    "list_collections": FEW,
    "get_collection": FEW,
    "list_usage_reports": MANY,
    "export_usage_reports": FEW,
    "get_usage_report": FEW,
    "list_statements": FEW,
    "list_idle_tenants": FEW,
    "list_budgets": FEW,
    "view_costs": MANY,
    "get_health": FEW,
    "get_overview": FEW,
    "get_readiness": FEW,
}
NOTHING_CAN_BE_WRONG = ("list_pauses", "get_health", "get_overview", "get_readiness")
CASES = [
    (operation, mode)
    for operation in OPERATIONS
    for mode in schemathesis.GenerationMode
    if mode is schemathesis.GenerationMode.POSITIVE or operation not in NOTHING_CAN_BE_WRONG
]


@pytest.fixture(scope="module")
def schema(running_api: Api) -> Any:
    return schemathesis.openapi.from_url(f"{running_api.url}/openapi.json")


@pytest.fixture(scope="module")
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


@pytest.fixture
def known(api: Api) -> dict[str, str]:
    """Make one of everything that a path can name."""
    with api.client() as client:
        replication = client.put(TENANT, json=BODY).json()["replicationId"]
        rollout = client.post("/api/v1/landing-zones/development/rollouts").json()["id"]
        plan = client.post(f"{TENANT}/plan").json()["id"]
        client.post("/api/v1/platforms/aws.sandbox/health")
    api.store.work.pump("celery", 10, timedelta(seconds=60), timedelta(hours=1), "w1")  # a worker lives
    named = {"workspace": "likvid", "project": "shop", "platform": "aws.sandbox", "landing_zone": "development"}
    return {**named, "replication_id": replication, "rollout_id": rollout, "plan_id": plan}


@pytest.mark.parametrize("part", [0.2, pytest.param(1.0, marks=pytest.mark.thorough)])  # of the cases
@pytest.mark.parametrize(("operation", "mode"), CASES)
def test_every_answer_is_as_documented(
    http: requests.Session,
    schema: Any,
    known: dict[str, str],
    operation: str,
    mode: schemathesis.GenerationMode,
    part: float,
) -> None:
    described = schema.find_operation_by_id(operation)
    headers = {"Authorization": f"Bearer {WRITE}"}

    @settings(
        max_examples=ceil(OPERATIONS[operation] * part),
        deadline=None,
        derandomize=True,  # the same cases in every run: a red build is about the change that made it red
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described.as_strategy(generation_mode=mode), meant=st.booleans())
    def check(case: Any, meant: bool) -> None:
        if meant and operation != "follow_events":  # the events of a tenant that exists have no end
            case.path_parameters.update({name: text for name, text in known.items() if name in case.path_parameters})
        case.call_and_validate(session=http, headers=headers, checks=CHECKS, timeout=20)

    check()
