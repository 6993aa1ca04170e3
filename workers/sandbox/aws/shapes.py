"""Check requests against botocore's service models, as AWS does before it looks at anything else.

botocore itself checks only types, required members and minimum lengths; patterns, enumerations and
maximum lengths are checked by AWS alone, so a client learns of them late unless its simulator is as strict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from workers.sandbox.aws.call import AwsError, Call, Handler, operations
from workers.sandbox.aws.models import operation_model

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

VALIDATION_CODES = {"cloudformation": "ValidationError", "iam": "ValidationError"}
"""The query protocol's name of the error; JSON services say ValidationException."""


def answer(service: str, operation: str) -> Callable[[Handler], Handler]:
    """Register a handler whose requests are checked first."""

    def register(handler: Handler) -> Handler:
        def checked(call: Call, world: World) -> Mapping[str, Any]:
            check(service, operation, call.parameters)
            return handler(call, world)

        operations.answer(service, operation)(checked)
        return handler

    return register


def check(service: str, operation: str, parameters: Mapping[str, Any]) -> None:
    """Raise AWS's validation error when a parameter does not fit the model."""
    shape = operation_model(service, operation).input_shape
    violations = list(_violations(shape, parameters, "")) if shape is not None else []
    if violations:
        plural = "errors" if len(violations) > 1 else "error"
        message = f"{len(violations)} validation {plural} detected: {'; '.join(violations)}"
        raise AwsError(VALIDATION_CODES.get(service, "ValidationException"), message)


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape):
        yield from _structure_violations(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size_violations(shape, len(value), value, path)
        for number, item in enumerate(value, start=1):
            yield from _violations(shape.member, item, f"{path}.{number}.member")
    elif isinstance(shape, MapShape):
        yield from _size_violations(shape, len(value), value, path)
    elif isinstance(shape, StringShape):
        yield from _string_violations(shape, value, path)
    elif shape.type_name in ("integer", "long"):
        yield from _size_violations(shape, int(value), value, path, measure="value")


def _structure_violations(shape: StructureShape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    if shape.metadata.get("document"):
        return
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        if value.get(name) is not None:
            yield from _violations(member, value[name], _join(path, name))


def _string_violations(shape: StringShape, value: Any, path: str) -> Iterator[str]:
    yield from _size_violations(shape, len(str(value)), value, path)
    if shape.enum and value not in shape.enum:
        yield f"{_fault(shape, value, path)}Member must satisfy enum value set: [{', '.join(shape.enum)}]"
    pattern = shape.metadata.get("pattern")
    # Python's re has no Unicode properties (\p{L}): those patterns exclude little and are left to AWS.
    if pattern and r"\p{" not in pattern and not re.fullmatch(pattern, str(value)):
        yield f"{_fault(shape, value, path)}Member must satisfy regular expression pattern: {pattern}"


def _size_violations(shape: Shape, size: int, value: Any, path: str, measure: str = "length") -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield f"{_fault(shape, value, path)}Member must have {measure} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"{_fault(shape, value, path)}Member must have {measure} less than or equal to {most}"


def _fault(shape: Shape, value: Any, path: str) -> str:
    shown = "******" if shape.metadata.get("sensitive") else str(value)[:200]
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: "


def _join(path: str, name: str) -> str:
    member = name[0].lower() + name[1:]
    return f"{path}.{member}" if path else member
