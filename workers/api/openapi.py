"""The OpenAPI document tells of errors what is true here: problem documents, and no other shape."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from workers.api.problems import MEDIA_TYPE
from workers.api.schemas import Problem

THEIRS = ("HTTPValidationError", "ValidationError")  # FastAPI's own shapes of a 422, which we never answer with
_METHODS = frozenset({"get", "put", "post", "delete", "patch"})

Responses = dict[int | str, dict[str, Any]]

LOCATION = {"description": "path of the replication", "schema": {"type": "string"}}
ACCEPTED: Responses = {202: {"description": "Accepted; it will be carried out", "headers": {"Location": LOCATION}}}


def describe_problems(app: FastAPI) -> None:
    """Make the application's OpenAPI document name the problem document instead of FastAPI's own errors."""
    make = app.openapi

    def openapi() -> dict[str, Any]:
        document = make()
        _, ours = models_json_schema([(Problem, "serialization")], ref_template="#/components/schemas/{model}")
        schemas = document["components"]["schemas"]
        schemas |= ours["$defs"]
        for name in THEIRS:
            schemas.pop(name, None)
        for path in document["paths"].values():
            for method in _METHODS & path.keys():
                _drop_theirs(path[method]["responses"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to change the document


def _drop_theirs(answers: dict[str, Any]) -> None:
    schema = answers.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if schema.get("$ref", "").endswith(THEIRS):
        del answers["422"]


def responses(*statuses: int) -> Responses:
    """Describe the problems that a route may answer with, for OpenAPI.

    Where a wrong token is a 401, too many wrong ones are a 429, and an unknown parameter of the query is a 422.
    """
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in (*statuses, *((422, 429) if 401 in statuses else ()))
    }
