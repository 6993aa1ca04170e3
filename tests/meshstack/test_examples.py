"""The examples for meshStack: the connector reads its documents, and they fit what OpenTofu and meshObjects say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from config.catalog import load_catalog
from config.runner_document import DEFAULT_MAPPING
from tasks.meshobjects.reading import read_yaml

EXAMPLES = Path(__file__).parents[2] / "examples" / "meshstack"
MAIN = (EXAMPLES / "main.tf").read_text()
[DEFINITION] = read_yaml((EXAMPLES / "definition.yaml").read_bytes())
PLATFORM = {each["kind"]: each for each in read_yaml((EXAMPLES / "platform.yaml").read_bytes())}


def block(text: str, name: str) -> str:
    """Return what stands between the braces after a name."""
    start = text.index("{", text.index(f"{name} = {{"))
    depth = 0
    for end in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[end], 0)
        if depth == 0:
            return text[start + 1 : end]
    raise AssertionError(f"{name} has no end")


def entries(part: str) -> dict[str, dict[str, str]]:
    """Read the inputs or outputs of the definition in OpenTofu."""
    names = re.findall(r"^ {6}(\w+) = \{", block(MAIN, part), re.MULTILINE)
    return {each: dict(re.findall(r'(\w+) += "([^"]*)"', block(block(MAIN, part), each))) for each in names}


def test_the_connector_reads_its_documents() -> None:
    catalog = load_catalog([EXAMPLES / "connector"], secrets=False)

    [platform] = catalog.platforms.values()
    assert platform.identifier == "aws.production"
    assert catalog.runner.model_copy(update={"names_landing_zone": False}) == DEFAULT_MAPPING
    variables = (EXAMPLES / "variables.tf").read_text()
    zones = re.findall(r"^ {4}(\w+) += \{ display_name", variables, re.MULTILINE)
    assert sorted(catalog.landing_zones) == sorted(zones)
    assert PLATFORM["meshLandingZone"]["metadata"]["name"] in catalog.landing_zones
    theirs = PLATFORM["meshPlatform"]
    assert f"{theirs['metadata']['name']}.{theirs['spec']['locationRef']['name']}" == platform.identifier


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_the_definition_is_the_same_in_both_forms(part: str) -> None:
    written: dict[str, dict[str, Any]] = DEFINITION["versionSpec"][part]

    assert entries(part) == {
        name: {"display_name": each["displayName"], "type": each["type"], "assignment_type": each["assignmentType"]}
        for name, each in written.items()
    }


def test_inputs_and_outputs_are_those_that_the_connector_knows() -> None:
    known = DEFAULT_MAPPING.inputs.model_dump().values()
    assert set(DEFINITION["versionSpec"]["inputs"]) <= set(known)
    sent = {name for name in DEFAULT_MAPPING.outputs.model_dump().values() if name is not None}
    assert set(DEFINITION["versionSpec"]["outputs"]) == sent


def test_platform_type_and_building_block_fit() -> None:
    name = PLATFORM["meshPlatformType"]["metadata"]["name"]
    assert DEFINITION["spec"]["supportedPlatforms"] == [{"name": name}]
    assert f'metadata = {{ name = "{name}" }}' in (EXAMPLES / "platform.tf").read_text()


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.tf")), ids=lambda file: file.name)
def test_what_one_file_of_opentofu_names_another_one_has(file: Path) -> None:
    everything = "\n".join(each.read_text() for each in EXAMPLES.glob("*.tf"))
    text = file.read_text()
    for kind, name in re.findall(r"\b(meshstack_\w+|aws_iam_\w+)\.(\w+)\b", text):
        assert f'resource "{kind}" "{name}"' in everything, (kind, name)
    for name in re.findall(r"\bvar\.(\w+)", text):
        assert f'variable "{name}"' in everything, name
    assert text.count("{") == text.count("}")
