"""meshTagDefinition documents: which tags are replicated to accounts, under which keys."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.samples import PLATFORM, REMOVE, REPLICATION, bent, load, mistakes


def definition(kind: str, key: str, replication_key: str | None, **spec: Any) -> dict[str, Any]:
    """Write a document as meshStack does."""
    return {
        "kind": "meshTagDefinition",
        "apiVersion": "v1",
        "metadata": {"name": f"{kind}.{key}"},
        "spec": {
            "targetKind": kind,
            "key": key,
            "valueType": {"string": {"defaultValue": "1001", "validationRegex": None}, "email": None},
            "description": "A tag.",
            "displayName": key,
            "sortOrder": 9999,
            "mandatory": True,
            "immutable": False,
            "restricted": False,
            "replicationKey": replication_key,
            **spec,
        },
    }


def replicated(folder: Path, *documents: dict[str, Any]) -> list[tuple[str, str, str]]:
    tags = load(folder, PLATFORM, *documents).platforms["aws.dev"].tenant_tags
    assert tags is not None
    return [(each.source, each.tag, each.key) for each in tags.replicated]


def test_definitions_with_a_key_are_replicated_by_precedence(tmp_path: Path) -> None:
    documents = [
        definition("meshWorkspace", "costCenter", "cost"),
        definition("meshPaymentMethod", "costCenter", "cost"),
        definition("meshProject", "stage", "stage"),
        definition("MESHPROJECT", "costCenter", "cost"),
        definition("meshProject", "secret", None),
        definition("meshProject", "off", ""),
        definition("meshUser", "phone", "phone"),
        definition("meshLandingZone", "level", "level"),
    ]
    assert replicated(tmp_path, *documents) == [
        ("project", "costCenter", "cost"),
        ("project", "stage", "stage"),
        ("paymentMethod", "costCenter", "cost"),
        ("workspace", "costCenter", "cost"),
    ]


def test_a_platform_without_tenant_tags_replicates_none(tmp_path: Path) -> None:
    untagged = bent(PLATFORM, f"{REPLICATION}.tenantTags", REMOVE)
    catalog = load(tmp_path, untagged, definition("meshProject", "stage", "stage"))
    assert catalog.platforms["aws.dev"].tenant_tags is None


def test_one_account_tag_of_one_source_must_have_one_definition(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, PLATFORM, definition("meshProject", "a", "x#1"), definition("meshProject", "b", "x_1"))
    assert "(document 3): spec.replicationKey = 'x_1' writes the same account tag as a of the project" in line


def test_a_tag_mapper_with_the_same_key_is_noted(tmp_path: Path) -> None:
    catalog = load(tmp_path, PLATFORM, definition("meshProject", "stage", "project"))
    assert any(
        note.endswith("has a tag mapper for project, which takes precedence over this tag") for note in catalog.notes
    )


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("apiVersion", "v2", "apiVersion = 'v2' must be 'v1'"),
        ("spec.targetKind", REMOVE, "spec.targetKind is required"),
        ("spec.key", 5, "spec.key = 5 must be a text"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, path: str, value: Any, expected: str) -> None:
    found = mistakes(tmp_path, PLATFORM, bent(definition("meshProject", "a", "b"), path, value))
    assert [expected in line for line in found] == [True], found


def test_a_name_stands_once(tmp_path: Path) -> None:
    one = definition("meshProject", "a", "b")
    (line,) = mistakes(tmp_path, PLATFORM, one, one)
    assert "metadata.name = 'meshProject.a' already exists" in line
