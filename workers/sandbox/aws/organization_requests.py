"""What all operations of Organizations share: AWS's names for a bad request, pages of 20, the rules of tags."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from workers.sandbox.aws import shapes
from workers.sandbox.aws.call import AwsError, Call, Handler, operations
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.world import World

PAGE_SIZE = 20
TAG_LIMIT = 50
REASONS = {
    "less than or equal": "MAX_LENGTH_EXCEEDED",
    "greater than or equal": "MIN_LENGTH_EXCEEDED",
    "enum value set": "INVALID_ENUM",
    "must not be null": "INPUT_REQUIRED",
    "regular expression": "INVALID_PATTERN",
}
NOT_FOUND = {
    "AccountNotFoundException": "You specified an account that doesn't exist.",
    "ChildNotFoundException": "You specified a child that doesn't exist.",
    "ParentNotFoundException": "You specified parent that doesn't exist.",
    "SourceParentNotFoundException": "You specified a source parent that doesn't exist.",
    "DestinationParentNotFoundException": "You specified a destination parent that doesn't exist.",
    "TargetNotFoundException": "You specified a target that doesn't exist.",
    "OrganizationalUnitNotFoundException": "You specified an organizational unit that doesn't exist.",
    "CreateAccountStatusNotFoundException": "We can't find a create account request with the id that you specified.",
}
Item = TypeVar("Item")


def answer(operation: str) -> Callable[[Handler], Handler]:
    """Register an operation of Organizations whose request is checked against the model first."""

    def register(handler: Handler) -> Handler:
        def checked(call: Call, world: World) -> Mapping[str, Any]:
            check(call)
            return handler(call, world)

        operations.answer("organizations", operation)(checked)
        return handler

    return register


def check(call: Call) -> None:
    """Refuse a request that does not fit the model: InvalidInputException with its reason."""
    try:
        shapes.check("organizations", call.operation, call.parameters)
    except AwsError as error:
        reason = next((reason for words, reason in REASONS.items() if words in error.message), "INVALID_PATTERN")
        raise invalid(error.message, reason) from error


def invalid(message: str, reason: str) -> AwsError:
    """Give an InvalidInputException."""
    return AwsError("InvalidInputException", message, fields={"Reason": reason})


def constraint(message: str, reason: str) -> AwsError:
    """Give a ConstraintViolationException."""
    return AwsError("ConstraintViolationException", message, fields={"Reason": reason})


def not_found(code: str) -> AwsError:
    """Give one of the many errors for what is not there."""
    return AwsError(code, NOT_FOUND[code])


def listed(
    name: str,
    items: Iterable[Item],
    key: Callable[[Item], str],
    view: Callable[[Item], Any],
    call: Call,
    world: World,
    *,
    largest: int = PAGE_SIZE,
) -> dict[str, Any]:
    """Answer one page; now and then it is short or empty, and only NextToken tells whether there is more."""
    found, more = page(
        items,
        key,
        call.parameters,
        largest=largest,
        error_code="InvalidInputException",
        shorten=world.visibility.page_size,
    )
    return {name: [view(item) for item in found], **more}


def read_tags(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Read and check the tags of a request."""
    tags: Sequence[Mapping[str, str]] = parameters.get("Tags") or ()
    keys = [tag["Key"] for tag in tags]
    if len(set(keys)) < len(keys):
        raise invalid("Duplicate tag keys found. Please provide unique keys.", "DUPLICATE_TAG_KEY")
    for tag in tags:
        _check_characters(tag["Key"], tag["Value"])
    limit_tags(keys)
    return {tag["Key"]: tag["Value"] for tag in tags}


def limit_tags(keys: Iterable[str]) -> None:
    """Refuse more tags than a resource may have."""
    if len(set(keys)) > TAG_LIMIT:
        raise constraint("You have exceeded the number of tags allowed on this resource.", "MAX_TAG_LIMIT_EXCEEDED")


def _check_characters(key: str, value: str) -> None:
    if key.lower().startswith("aws:"):
        raise invalid("Tag keys that begin with aws: are reserved.", "INVALID_SYSTEM_TAGS_PARAMETER")
    for text in (key, value):
        if not all(letter in "_.:/=+-@" or unicodedata.category(letter)[0] in "LZN" for letter in text):
            raise invalid(f"You provided a value that does not match the required pattern: {text!r}", "INVALID_PATTERN")
