"""docs/sandbox.md tells every option and every kind of thing, with what is true of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from workers.sandbox.aws.errors import is_declared
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.aws.visibility_rules import Kind

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_option_is_documented() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert set(SimulatorOptions.model_fields) <= named


def test_every_kind_is_documented() -> None:
    assert all(f"`{kind}`" in PAGE for kind in Kind)


@pytest.mark.parametrize(
    ("service", "operation", "code", "declared"),
    [
        ("organizations", "ListParents", "ChildNotFoundException", True),
        ("organizations", "ListParents", "AccountNotFoundException", False),
        ("organizations", "ListParents", "AccessDeniedException", True),
        ("iam", "GetRole", "NoSuchEntity", True),
        ("iam", "GetRole", "EntityAlreadyExists", False),
        ("servicecatalog", "TerminateProvisionedProduct", "InvalidParametersException", False),
        ("cloudformation", "CreateStackSet", "InsufficientCapabilitiesException", True),
        ("cloudformation", "DescribeStacks", "ValidationError", True),
        ("scim", "PatchGroup", "ConflictException", True),
    ],
)
def test_which_errors_an_operation_has(service: str, operation: str, code: str, declared: bool) -> None:
    assert is_declared(service, operation, code) is declared
