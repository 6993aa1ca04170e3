"""Answers and errors -> bytes as AWS sends them, by botocore's output shapes.

An answer that does not fit the shape (unknown members, wrong types, missing required members) is the simulator's own
mistake: it is refused with `UnfitAnswerError` instead of being sent.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from workers.sandbox import scim
from workers.sandbox.aws.call import AwsError
from workers.sandbox.aws.models import is_document, operation_model, service_model
from workers.sandbox.scim import wire

SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, datetime),
    "blob": (bytes,),
}


JSON = ("json", "rest-json")


class UnfitAnswerError(Exception):
    """A handler answered something that botocore's model does not know."""


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def encode(service: str, operation: str, answer: Mapping[str, Any], request_id: str) -> Response:
    """Write an operation's answer in the protocol of its service."""
    if service == scim.SERVICE:
        return Response(*wire.encode(operation, answer, request_id))
    shape = operation_model(service, operation).output_shape
    misfits = list(_misfits(shape, answer, operation)) if shape is not None else [f"{operation}: {k}" for k in answer]
    if misfits:
        raise UnfitAnswerError("; ".join(misfits))
    if shape is not None and "payload" in shape.serialization:
        return _payload_response(shape, answer, request_id)
    if _protocol(service) in JSON:
        return _json_response(200, {} if shape is None else _to_json(shape, answer), request_id)
    inner = "" if shape is None else "".join(_members_to_xml(shape, answer))
    wrapper = None if shape is None else shape.serialization.get("resultWrapper", f"{operation}Result")
    result = "" if wrapper is None else f"<{wrapper}>{inner}</{wrapper}>"
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    return _xml_response(200, service, f"{operation}Response", result + metadata, request_id)


def encode_error(service: str, error: AwsError, request_id: str) -> Response:
    """Write an error in the protocol of its service; the model's status and wire code win over the handler's."""
    if service == scim.SERVICE:
        return Response(*wire.encode_error(error, request_id))
    shape = _error_shape(service, error.code)
    model = dict(shape.metadata.get("error") or {}) if shape is not None else {}
    status = int(model.get("httpStatusCode", error.status)) if error.status == 400 else error.status
    code = str(model.get("code", error.code))
    if _protocol(service) == "query":
        kind = "Receiver" if status >= 500 else "Sender"
        members = {"Type": kind, "Code": code, "Message": error.message, **error.fields}
        inner = "".join(f"<{name}>{escape(str(value))}</{name}>" for name, value in members.items())
        content = f"<Error>{inner}</Error><RequestId>{request_id}</RequestId>"
        return _xml_response(status, service, "ErrorResponse", content, request_id)
    named = "message" if shape is not None and "message" in shape.members else "Message"
    body = {"__type": code, named: error.message, **error.fields}
    response = _json_response(status, body, request_id)
    return Response(status, response.body, {**response.headers, "x-amzn-ErrorType": code})


def _payload_response(shape: StructureShape, answer: Mapping[str, Any], request_id: str) -> Response:
    """Write an answer whose body is one member, a blob, and whose other members are status and headers."""
    headers = {"Content-Type": "application/json", "x-amzn-RequestId": request_id}
    status = 200
    for name, value in answer.items():
        member = shape.members[name].serialization
        if member.get("location") == "statusCode":
            status = int(value)
        elif member.get("location") == "header":
            headers[member["name"]] = str(value)
    return Response(status, answer.get(shape.serialization["payload"]) or b"", headers)


def _json_response(status: int, body: Any, request_id: str) -> Response:
    headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": request_id}
    return Response(status, json.dumps(body).encode(), headers)


def _xml_response(status: int, service: str, root: str, content: str, request_id: str) -> Response:
    namespace = service_model(service).metadata.get("xmlNamespace", "")
    if not namespace:
        version = service_model(service).api_version
        namespace = f"https://{service_model(service).endpoint_prefix}.amazonaws.com/doc/{version}/"
    text = f'<{root} xmlns="{namespace}">{content}</{root}>'
    return Response(status, text.encode(), {"Content-Type": "text/xml", "x-amzn-RequestId": request_id})


def _protocol(service: str) -> str:
    return str(service_model(service).resolved_protocol)


@cache
def _error_shape(service: str, code: str) -> StructureShape | None:
    model = service_model(service)
    for name in model.shape_names:
        shape = model.shape_for(name)
        if isinstance(shape, StructureShape) and shape.metadata.get("exception"):
            wire_code = (shape.metadata.get("error") or {}).get("code")
            if code in (name, wire_code):
                return shape
    return None


def _to_json(shape: Shape, value: Any) -> Any:
    if is_document(shape):
        return value
    if isinstance(shape, StructureShape):
        return {name: _to_json(shape.members[name], item) for name, item in value.items() if item is not None}
    if isinstance(shape, ListShape):
        return [_to_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: _to_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "timestamp":
        return value.timestamp() if isinstance(value, datetime) else value
    return base64.b64encode(value).decode() if shape.type_name == "blob" else value


def _members_to_xml(shape: StructureShape, value: Mapping[str, Any]) -> Iterator[str]:
    for name, item in value.items():
        if item is not None:
            member = shape.members[name]
            yield from _to_xml(member, item, member.serialization.get("name", name))


def _to_xml(shape: Shape, value: Any, tag: str) -> Iterator[str]:
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        for item in value:
            yield from _to_xml(shape.member, item, tag)
        return
    yield f"<{tag}>"
    if isinstance(shape, StructureShape):
        yield from _members_to_xml(shape, value)
    elif isinstance(shape, ListShape):
        for item in value:
            yield from _to_xml(shape.member, item, shape.member.serialization.get("name", "member"))
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield f"<entry><key>{escape(key)}</key>{''.join(_to_xml(shape.value, item, 'value'))}</entry>"
    else:
        yield escape(_scalar_text(shape, value))
    yield f"</{tag}>"


def _scalar_text(shape: Shape, value: Any) -> str:
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "blob":
        return base64.b64encode(value).decode()
    if shape.type_name == "timestamp":
        moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return str(value)


def _misfits(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if is_document(shape):
        return
    if isinstance(shape, StructureShape):
        yield from _structure_misfits(shape, value, path)
    elif isinstance(shape, ListShape):
        if not isinstance(value, (list, tuple)):
            yield f"{path}: not a list"
            return
        for number, item in enumerate(value):
            yield from _misfits(shape.member, item, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        for key, item in value.items():
            yield from _misfits(shape.value, item, f"{path}[{key}]")
    elif not isinstance(value, SCALARS[shape.type_name]):
        yield f"{path}: {value!r} is no {shape.type_name}"
    elif isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield f"{path}: {value!r} is none of {', '.join(shape.enum)}"


def _structure_misfits(shape: StructureShape, value: Any, path: str) -> Iterator[str]:
    if not isinstance(value, Mapping):
        yield f"{path}: not a structure"
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"{path}.{name}: required, missing"
    for name, item in value.items():
        if name not in shape.members:
            yield f"{path}.{name}: unknown member"
        elif item is not None:
            yield from _misfits(shape.members[name], item, f"{path}.{name}")
