"""Requests as botocore sends them -> service, operation and parameters, by botocore's own models.

JSON 1.1 and the query protocol are decoded in full. Of the REST protocols the operation's name, its path and a
JSON body of members are read: most such requests are answered by moto, which decodes them itself.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.utils import parse_timestamp

from workers.sandbox import organization
from workers.sandbox.aws.models import is_document, operation_model, service_model, service_of
from workers.sandbox.scim import SERVICE as SCIM
from workers.sandbox.scim.wire import decode as decode_scim
from workers.sandbox.scim.wire import is_scim

SCOPE = re.compile(r"Credential=(?P<key>[^/,\s]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


class UndecodableError(Exception):
    """The request is not one of AWS's protocols."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, read completely."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Decoded:
    """What a request asks for. access_key is None for unsigned requests."""

    service: str
    operation: str
    region: str
    access_key: str | None
    protocol: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


def decode(request: Request) -> Decoded:
    """Find service, operation, signer and parameters of a request."""
    if is_scim(request.path):
        operation, parameters = decode_scim(request.method, request.path, request.query, request.body)
        return Decoded(SCIM, operation, organization.REGION, None, SCIM, parameters)
    scope = SCOPE.search(request.headers.get("authorization", ""))
    service = service_of(scope["service"]) if scope else "sts"  # only STS has unsigned operations that we know
    protocol = str(service_model(service).resolved_protocol)  # a service may speak several: the one of our SDK
    region = scope["region"] if scope else "us-east-1"
    operation, parameters = _read(service, protocol, request)
    return Decoded(service, operation, region, scope["key"] if scope else None, protocol, parameters)


def _read(service: str, protocol: str, request: Request) -> tuple[str, Mapping[str, Any]]:
    if protocol == "json":
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        return operation, _shape(service, operation, json.loads(request.body or b"{}"), _from_json)
    if protocol == "query":
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True) + parse_qsl(request.query))
        operation = form.pop("Action", "")
        return operation, _shape(service, operation, form, lambda shape, value: _from_query(shape, value, "") or {})
    if protocol == "smithy-rpc-v2-cbor":
        return request.path.rpartition("/")[2], {}
    operation, parameters = _rest_operation(service, request)
    beside = _members_beside_the_body(service, operation, request) if protocol == "rest-json" else {}
    return operation, {**_body_members(service, operation, protocol, request.body), **beside, **parameters}


def _body_members(service: str, operation: str, protocol: str, body: bytes) -> Mapping[str, Any]:
    """Read the members that stand in a JSON body, or the one blob that is the body; another payload is not read."""
    shape = operation_model(service, operation).input_shape
    if protocol != "rest-json" or shape is None or not body:
        return {}
    payload = shape.serialization.get("payload")
    if payload is None:
        return dict(_from_json(shape, json.loads(body)))
    return {payload: body} if shape.members[payload].type_name == "blob" else {}


def _members_beside_the_body(service: str, operation: str, request: Request) -> Mapping[str, Any]:
    """Read the members that stand in headers and in the query string."""
    shape = operation_model(service, operation).input_shape
    query, found = dict(parse_qsl(request.query)), {}
    for name, member in {} if shape is None else shape.members.items():
        place, written = member.serialization.get("location"), member.serialization.get("name", name)
        value = {"header": request.headers.get(written.lower()), "querystring": query.get(written)}.get(place)
        if value is not None and not isinstance(member, (StructureShape, ListShape, MapShape)):
            found[name] = _scalar(member, value)
    return found


def _shape(service: str, operation: str, raw: Any, read: Any) -> Mapping[str, Any]:
    if operation not in service_model(service).operation_names:
        raise UndecodableError(f"{service} has no operation {operation!r}")
    shape = operation_model(service, operation).input_shape
    return {} if shape is None else dict(read(shape, raw))


def _from_json(shape: Shape, value: Any) -> Any:
    if value is None or is_document(shape):
        return value
    if isinstance(shape, StructureShape):
        members = shape.members.items()
        return {name: _from_json(member, value[name]) for name, member in members if value.get(name) is not None}
    if isinstance(shape, ListShape):
        return [_from_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _from_json(shape.value, item) for key, item in value.items()}
    return _scalar(shape, value)


def _from_query(shape: Shape, form: Mapping[str, str], prefix: str) -> Any:
    """Read what stands under a prefix of the form; None if nothing does."""
    if isinstance(shape, StructureShape):
        return _structure_from_query(shape, form, prefix)
    if isinstance(shape, ListShape):
        return _list_from_query(shape, form, prefix)
    if isinstance(shape, MapShape):
        entries = f"{prefix}.entry"
        pairs = {number: f"{entries}.{number}" for number in _numbers(form, entries)}
        return {form[f"{at}.key"]: _from_query(shape.value, form, f"{at}.value") for at in pairs.values()} or None
    return _scalar(shape, form[prefix]) if prefix in form else None


def _structure_from_query(shape: StructureShape, form: Mapping[str, str], prefix: str) -> dict[str, Any] | None:
    if prefix and not any(name.startswith(f"{prefix}.") for name in form):
        return None
    found = {}
    for name, member in shape.members.items():
        written = member.serialization.get("name", name)
        value = _from_query(member, form, f"{prefix}.{written}" if prefix else written)
        if value is not None:
            found[name] = value
    return found


def _list_from_query(shape: ListShape, form: Mapping[str, str], prefix: str) -> list[Any] | None:
    if form.get(prefix) == "":
        return []  # botocore writes an empty list as an empty value
    written = shape.member.serialization.get("name", "member")
    items = prefix if shape.serialization.get("flattened") else f"{prefix}.{written}"
    numbers = _numbers(form, items)
    return [_from_query(shape.member, form, f"{items}.{number}") for number in numbers] or None


def _numbers(form: Mapping[str, str], prefix: str) -> list[int]:
    start = f"{prefix}."
    heads = {name[len(start) :].split(".")[0] for name in form if name.startswith(start)}
    return sorted(int(head) for head in heads if head.isdigit())


def _scalar(shape: Shape, value: Any) -> Any:
    kind = shape.type_name
    if kind == "boolean":
        return value if isinstance(value, bool) else value == "true"
    if kind in ("integer", "long"):
        return int(value)
    if kind in ("float", "double"):
        return float(value)
    if kind == "timestamp":
        return parse_timestamp(value).timestamp()
    return base64.b64decode(value) if kind == "blob" else value


def _rest_operation(service: str, request: Request) -> tuple[str, Mapping[str, Any]]:
    for method, pattern, operation in _routes(service):
        match = pattern.fullmatch(request.path)
        if method == request.method and match:
            return operation, {name: unquote(value) for name, value in match.groupdict().items()}
    raise UndecodableError(f"{service} has no operation {request.method} {request.path}")


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    routes = []
    for name in service_model(service).operation_names:
        http = operation_model(service, name).http
        path = http["requestUri"].partition("?")[0]
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda m: f"(?P<{m[1]}>{'.+' if m[2] else '[^/]+'})", re.escape(path))
        routes.append((http["method"], re.compile(pattern), name))
    return sorted(routes, key=lambda route: route[1].pattern.count("(?P<"))  # the most literal path first
