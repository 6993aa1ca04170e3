"""The SCIM endpoint of IAM Identity Center as a client of the SDK's shape, so that its calls pass the one seam.

`Calls` wants of a client what botocore's have: a method for each operation, dicts as answers, botocore's exceptions. So
SCIM's calls are limited, fenced, recorded and translated by the same lines as all others.

httpx2 and two models instead of scim2-client with scim2-models. Both are maintained (Apache-2.0), but the client wants
the whole RFC, of which AWS has six operations that fit into this file; the models are large where we read three fields
and a cursor.
Source: docs.aws.amazon.com/singlesignon/latest/developerguide/supported-apis.html
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import httpx2
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ProxyConnectionError,
)
from botocore.parsers import ResponseParserError
from pydantic import BaseModel, Field, ValidationError

from tasks import outgoing

SERVICE = "scim"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LONGEST_TEXT = 300  # characters of an answer that is no SCIM error, as a proxy's
CODES = {  # AWS documents a name for each status, and sends the status
    400: "ValidationException",
    401: "UnauthorizedException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    409: "ConflictException",
    429: "ThrottlingException",
    500: "InternalServerException",
}
WHOLE_SECONDS = 60.0  # for one exchange
TIMEOUT = httpx2.Timeout(WHOLE_SECONDS, connect=5)  # seconds, as of the SDK's clients

Answer = dict[str, Any]
Model = TypeVar("Model", bound=BaseModel)


class Resource(BaseModel):
    """What matters of a user or group; members are never shown."""

    id: str
    display_name: str | None = Field(default=None, alias="displayName")
    external_id: str | None = Field(default=None, alias="externalId")

    def fields(self) -> Answer:
        """Write it as the answers of the SDK's clients are."""
        return {"id": self.id, "name": self.display_name or "", "external_id": self.external_id}


class ResourcePage(BaseModel):
    """One page of a list."""

    resources: list[Resource] = Field(alias="Resources")
    next_cursor: str | None = Field(default=None, alias="nextCursor")


class ScimClient:
    """One SCIM endpoint with one access token; safe for threads."""

    def __init__(
        self,
        endpoint: str,
        token: str,
        user_agent: str,
        transport: httpx2.BaseTransport | None,
        patience: float = WHOLE_SECONDS,
    ) -> None:
        """Make a client; nothing is sent.

        endpoint    https://…/scim/v2, with or without a slash at its end
        user_agent  AWS refuses a PATCH without one
        transport   None: to the endpoint, by the proxies of the environment
        patience    seconds for one exchange
        """
        self._patience = patience
        self.meta = SimpleNamespace(service_model=SimpleNamespace(service_name=SERVICE, resolved_protocol=SERVICE))
        self._http = httpx2.Client(
            base_url=endpoint.rstrip("/"),
            headers={"Authorization": f"Bearer {token}", "User-Agent": user_agent, "Accept": "application/json"},
            timeout=TIMEOUT,
            transport=transport or outgoing.transport(endpoint),
        )
        weakref.finalize(self, self._http.close)  # as with the SDK's clients, nobody has to think of it

    def list_users(self, condition: str, cursor: str) -> Answer:
        """List the users that a filter names, from a cursor on."""
        return self._page("ListUsers", "/Users", condition, cursor)

    def list_groups(self, condition: str, cursor: str) -> Answer:
        """List the groups that a filter names, from a cursor on."""
        return self._page("ListGroups", "/Groups", condition, cursor)

    def get_group(self, group_id: str) -> Answer:
        """Ask for one group, without its members."""
        return _resource(self._send("GetGroup", "GET", f"/Groups/{group_id}"))

    def create_group(self, name: str, external_id: str) -> Answer:
        """Create a group without members."""
        body = {"displayName": name, "externalId": external_id}
        return _resource(self._send("CreateGroup", "POST", "/Groups", json=body))

    def delete_group(self, group_id: str) -> Answer:
        """Delete a group."""
        return _empty(self._send("DeleteGroup", "DELETE", f"/Groups/{group_id}"))

    def patch_group(
        self, group_id: str, change: str, user_ids: Sequence[str] = (), external_id: str | None = None
    ) -> Answer:
        """Add or remove members, at most 100, or replace the externalId."""
        members = {"path": "members", "value": [{"value": user_id} for user_id in user_ids]}
        operation = {"op": change, **(members if external_id is None else {"path": "externalId", "value": external_id})}
        body = {"schemas": [PATCH_SCHEMA], "Operations": [operation]}
        return _empty(self._send("PatchGroup", "PATCH", f"/Groups/{group_id}", json=body))

    def _page(self, operation: str, path: str, condition: str, cursor: str) -> Answer:
        response = self._send(operation, "GET", path, params={"filter": condition, "cursor": cursor})
        page = _read(ResourcePage, response)
        resources = [resource.fields() for resource in page.resources]
        return {**_empty(response), "resources": resources, "cursor": page.next_cursor or None}

    def _send(self, operation: str, method: str, path: str, **content: Any) -> httpx2.Response:
        """Send a request and return its answer when it has succeeded; raises botocore's exceptions otherwise."""
        url = str(self._http.base_url)
        try:
            with outgoing.within(self._patience):
                response = self._http.request(method, path, **content)
        except httpx2.ConnectTimeout as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except httpx2.ProxyError as error:
            raise ProxyConnectionError(proxy_url=url, error=error) from error
        except httpx2.ConnectError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        except httpx2.HTTPError as error:
            raise HTTPClientError(error=repr(error)) from error
        if not response.is_success:
            raise ClientError(_refusal(response), operation)
        return response


def _refusal(response: httpx2.Response) -> Any:
    """Write a refusal as botocore does, in AWS's words where there are any."""
    try:
        message = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        message = response.text[:LONGEST_TEXT]
    code = CODES.get(response.status_code, f"HTTP{response.status_code}")
    return {"Error": {"Code": code, "Message": message}, **_empty(response)}


def _resource(response: httpx2.Response) -> Answer:
    return {**_empty(response), "resource": _read(Resource, response).fields()}


def _empty(response: httpx2.Response) -> Answer:
    """Return what every answer has: AWS's request id, and the status and headers for errors."""
    metadata = {
        "RequestId": response.headers.get("x-amzn-requestid"),
        "HTTPStatusCode": response.status_code,
        "HTTPHeaders": dict(response.headers),
    }
    return {"ResponseMetadata": metadata}


def _read(model: type[Model], response: httpx2.Response) -> Model:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise ResponseParserError(f"not a SCIM answer: {error.error_count()} mistakes") from error
