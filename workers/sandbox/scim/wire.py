"""SCIM's requests and answers as they travel: paths, bearer token, JSON, and errors by their HTTP status."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Caller
from workers.sandbox.aws.world import World

PATH = re.compile(r"(?P<endpoint>/[^/]+/scim/v2)/(?P<kind>Users|Groups)(/(?P<id>[^/]+))?")
ERROR_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:Error"
OPERATIONS = {
    ("GET", "Users", False): "ListUsers",
    ("GET", "Users", True): "GetUser",
    ("GET", "Groups", False): "ListGroups",
    ("GET", "Groups", True): "GetGroup",
    ("POST", "Groups", False): "CreateGroup",
    ("PATCH", "Groups", True): "PatchGroup",
    ("DELETE", "Groups", True): "DeleteGroup",
}
UNSUPPORTED = "Unsupported"  # any other method and path, as PUT of a group: AWS answers ValidationException
STATUSES = {
    "ValidationException": 400,
    "UnauthorizedException": 401,
    "AccessDeniedException": 403,
    "ResourceNotFoundException": 404,
    "ConflictException": 409,
    "ThrottlingException": 429,
    "InternalServerException": 500,
}
SUCCESSES = {"CreateGroup": 201, "PatchGroup": 204, "DeleteGroup": 204}
RETRY_AFTER_SECONDS = 1


def is_scim(path: str) -> bool:
    """Tell whether a request is one of SCIM's."""
    return "/scim/v2/" in path


def decode(method: str, path: str, query: str, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Read a request: the operation, and its parameters: endpoint, id, query (name -> text), body (None: no JSON)."""
    match = PATH.fullmatch(path)
    if match is None:
        return UNSUPPORTED, {"endpoint": path.partition("/scim/v2")[0] + "/scim/v2"}
    operation = OPERATIONS.get((method, match["kind"], match["id"] is not None), UNSUPPORTED)
    given = {name: values[-1] for name, values in parse_qs(query, keep_blank_values=True).items()}
    parameters = {"endpoint": match["endpoint"], "id": match["id"], "query": given, "body": _json(body)}
    return operation, parameters


def authenticate(world: World, method: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Caller:
    """Find who asks: whoever has the endpoint's token. A PATCH must name its user agent."""
    token = headers.get("authorization", "").removeprefix("Bearer ")
    known = hmac.compare_digest(token.encode(), world.options.scim_access_token.encode())
    if not known or parameters["endpoint"] != organization.SCIM_PATH:
        raise AwsError("UnauthorizedException", "Unauthorized", 401)
    if method == "PATCH" and not headers.get("user-agent"):
        raise AwsError("AccessDeniedException", "Forbidden", 403)
    return Caller(world.management_account_id, f"arn:aws:sso:::instance/{organization.INSTANCE_ID}/scim")


def encode(operation: str, answer: Mapping[str, Any], request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Write an answer: status, body, headers."""
    status = SUCCESSES.get(operation, 200)
    return status, b"" if status == 204 else json.dumps(answer).encode(), _headers(request_id)


def encode_error(error: AwsError, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Write an error: status, body, headers; the code itself is not sent."""
    status = STATUSES.get(error.code, error.status)
    body = {
        "schema": [ERROR_SCHEMA],
        "schemas": [ERROR_SCHEMA],
        "detail": error.message,
        "status": str(status),
        "exceptionRequestId": request_id,
    }
    wait = {"Retry-After": str(RETRY_AFTER_SECONDS)} if status == 429 else {}
    return status, json.dumps(body).encode(), {**_headers(request_id), **wait}


def _headers(request_id: str) -> dict[str, str]:
    """Return the headers of AWS's documented answers: JSON's own type, and no Location of what was created."""
    return {"Content-Type": "application/json", "x-amzn-RequestId": request_id}


def _json(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None
