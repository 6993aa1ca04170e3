from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.workers.api.server import Api
from tests.workers.api.test_contract import OPERATIONS


@pytest.fixture
def document(api: Api) -> dict[str, Any]:
    return dict(httpx2.get(f"{api.url}/openapi.json").json())


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["operationId"]: each for path in document["paths"].values() for each in path.values()}


def test_docs_are_open(api: Api) -> None:
    assert "swagger" in httpx2.get(f"{api.url}/docs").text


def test_operations_have_readable_names(document: dict[str, Any]) -> None:
    assert operations(document).keys() == OPERATIONS.keys(), "test_contract.py has to try every operation"


def test_every_error_is_a_problem_document(document: dict[str, Any]) -> None:
    for name, operation in operations(document).items():
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert errors or name == "get_health"
        for answer in errors.values():
            schema = answer["content"]["application/problem+json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/Problem"}
    assert {"Problem", "FieldProblem"} <= document["components"]["schemas"].keys()
    assert not {"HTTPValidationError", "ValidationError"} & document["components"]["schemas"].keys()


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                found.append(part["$ref"])
            part = list(part.values())
        if isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(document)
    assert found
    schemas = document["components"]["schemas"]
    assert [ref for ref in found if ref.removeprefix("#/components/schemas/") not in schemas] == []


def test_the_api_needs_a_bearer_token_and_the_body_has_an_example(document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            assert ("security" in operation) == path.startswith("/api/")
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"
    body = operations(document)["put_tenant"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["examples"][0]["landingZone"]
    assert operations(document)["put_tenant"]["responses"]["202"]["headers"]["Location"]
