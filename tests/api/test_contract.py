"""Schemathesis against our OpenAPI document: no 5xx, and no status, media type or body that it does not name."""

from __future__ import annotations

from typing import Any

import pytest
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

from tests.api.server import BODY, WRITE, Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 20  # of each operation and mode: a quarter of a minute for all
QUICKLY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,  # the same cases in every run: a red build is about the change that made it red
    suppress_health_check=list(HealthCheck),
)
KNOWN = {"workspace": "likvid", "project": "shop", "platform": "aws.sandbox", "landing_zone": "development"}
OPERATIONS = [
    "put_tenant",
    "get_tenant",
    "list_tenants",
    "replicate_tenant",
    "follow_events",
    "get_replication",
    "roll_out",
    "get_rollout",
    "cancel_replication",
]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode))
def test_every_answer_is_as_documented(api: Api, operation: str, mode: schemathesis.GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{api.url}/openapi.json")
    described = schema.find_operation_by_id(operation)
    with api.client() as http:
        replication = http.put("/api/v1/tenants/likvid/shop/aws.sandbox", json=BODY).json()["replicationId"]
        rollout = http.post("/api/v1/landing-zones/development/rollouts").json()["id"]
    known = {**KNOWN, "replication_id": replication, "rollout_id": rollout}
    headers = {"Authorization": f"Bearer {WRITE}"}

    @QUICKLY
    @given(case=described.as_strategy(generation_mode=mode), meant=st.booleans())
    def check(case: Any, meant: bool) -> None:
        if meant and operation != "follow_events":  # the events of a tenant that exists have no end
            case.path_parameters.update({name: text for name, text in known.items() if name in case.path_parameters})
        case.call_and_validate(headers=headers, checks=CHECKS, timeout=20)

    check()
