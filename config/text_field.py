"""Make a class of ours a pydantic field that is written as a text."""

from collections.abc import Callable
from typing import TypeVar

from pydantic_core import CoreSchema, PydanticKnownError, core_schema

Value = TypeVar("Value")


def text_schema(kind: type[Value], parse: Callable[[str], Value]) -> CoreSchema:
    """Return a schema that keeps an instance of `kind`, parses a text, refuses the rest, and writes `str(value)`."""

    def read(value: object) -> Value:
        if isinstance(value, kind):
            return value
        if not isinstance(value, str):
            raise PydanticKnownError("string_type")
        return parse(value)

    return core_schema.no_info_plain_validator_function(read, serialization=core_schema.to_string_ser_schema())
