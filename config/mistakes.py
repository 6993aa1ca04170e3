"""A mistake in what people wrote: where it stands, what it says, what is allowed. One run collects them all."""

import difflib
import re
import types
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from config.printable import printable

LONGEST_LINE = 1000
"""Characters of a mistake; of a longer one the middle is left out, for what is allowed stands at the end."""

LONGEST_VALUE = 80
"""Characters of a wrong value that a message shows."""

MASK = "***"

SECRET_FIELDS = frozenset(
    {"auth", "credential", "serviceUserConfig", "accessKey", "secretKey", "ssoAccessToken", "plaintext"}
    | {"organizationRootAccountExternalId", "automationAccountExternalId"}
)
"""Fields of which nothing is shown, nor of what is below: a secret in the wrong place is still a secret."""

# pydantic's words where ours say more, by error type.
_WORDS = {
    "missing": "is required",
    "string_type": "must be a text (put quotes around numbers and dates)",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping of fields",
    "dict_type": "must be a mapping of fields",
    "model_attributes_type": "must be a mapping of fields",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "int_type": "must be a whole number",
}


@dataclass(frozen=True)
class Mistake:
    """One mistake. `document` counts from 1 (0: the file as a whole); `path` is dotted, empty for a whole document."""

    file: Path
    document: int
    path: str
    value: str | None
    message: str

    def __str__(self) -> str:
        """Say it in one line."""
        where = f"{self.file} (document {self.document})" if self.document else str(self.file)
        what = "" if self.value is None else f" = {self.value}"
        at = f" {self.path}{what}" if self.path else ""
        line = " ".join(f"{where}:{at} {self.message}".split())
        return printable(line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE // 2]} … {line[-400:]}")


def shown(value: object, secret: bool = False) -> str:
    """Return a wrong value as a message may show it: masked, cut, and never the inside of a mapping or a list."""
    if secret:
        return MASK
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = str(value).lower() if isinstance(value, bool) else "nothing" if value is None else repr(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def nearest(name: str, allowed: Iterable[str]) -> str:
    """Return a hint such as "did you mean 'region'? ", or an empty text when nothing is near.

    >>> nearest("regoin", ["region", "name"])
    "did you mean 'region'? "
    """
    by_lower = {word.lower(): word for word in allowed}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean '{by_lower[found[0]]}'? " if found else ""


def mistakes_in(error: ValidationError, model: type[BaseModel], file: Path, document: int) -> Iterable[Mistake]:
    """Translate pydantic's errors for a document that was read as `model`."""
    for detail in error.errors(include_url=False):
        secret = bool(SECRET_FIELDS.intersection(map(str, detail["loc"])))
        hidden = detail["type"] in ("missing", "extra_forbidden") or isinstance(detail["input"], dict)
        value = None if hidden else shown(detail["input"], secret)
        yield Mistake(file, document, _path(detail["loc"]), value, _message(detail, model))


def plain_words(message: str) -> str:
    """Return pydantic's message in our words.

    >>> plain_words("List should have at least 1 item after validation, not 0")
    'must have at least 1 item, not 0'
    """
    words = message.removeprefix("Value error, ").replace(" after validation", "")
    words = re.sub(r"^(Input|String|List|Tuple|Dictionary|Value) should", "must", words)
    return words.replace("greater than or equal to", "at least").replace("less than or equal to", "at most")


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    if detail["type"] == "extra_forbidden":
        allowed = _fields_at(model, detail["loc"][:-1])
        return f"is not a known field; {nearest(str(detail['loc'][-1]), allowed)}allowed: {', '.join(sorted(allowed))}"
    return _WORDS.get(detail["type"]) or plain_words(detail["msg"])


def _path(location: tuple[int | str, ...]) -> str:
    """Write a location as people do.

    >>> _path(("spec", "roles", 0, "name"))
    'spec.roles[0].name'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """List the fields, as written, that the model allows at a location."""
    here: type[BaseModel] | None = model
    for part in location:
        if here is None or isinstance(part, int):
            continue
        named = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
        if part in named:
            here = _model_in(named[part])
    return [] if here is None else [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the document model inside `X | None`, `tuple[X, ...]`, `dict[str, X]` or `Annotated[X, …]`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (tuple, list, dict, Union, types.UnionType, Annotated):
        return next(filter(None, map(_model_in, get_args(annotation))), None)
    return None
