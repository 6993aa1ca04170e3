"""The document connectorRunner: every field may be left out, and every mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.catalog import Catalog, CatalogError, load_catalog
from config.runner_document import DEFAULT_MAPPING
from workers.examples import EXAMPLES

EXAMPLE = Path(__file__).parents[2] / "examples" / "meshstack" / "connector" / "runner.yaml"


def load(*texts: str, directory: Path) -> Catalog:
    for number, text in enumerate(texts):
        (directory / f"{number}.yaml").write_text(text)
    return load_catalog([EXAMPLES / "config", directory] if texts else [EXAMPLES / "config"], secrets=False)


def test_without_a_document_the_defaults_hold(tmp_path: Path) -> None:
    assert load(directory=tmp_path).runner == DEFAULT_MAPPING
    assert load("kind: connectorRunner", directory=tmp_path).runner == DEFAULT_MAPPING


def test_the_example_writes_the_defaults_down(tmp_path: Path) -> None:
    found = load(EXAMPLE.read_text(), directory=tmp_path).runner
    assert found.model_copy(update={"names_landing_zone": False}) == DEFAULT_MAPPING


def test_only_the_outputs_that_are_named_are_sent(tmp_path: Path) -> None:
    text = (
        "kind: ConnectorRunner\nspec: {inputs: {users: people}, outputs: {accountId: accountId, accessRoleArn: role}}"
    )
    found = load(text, directory=tmp_path).runner
    assert (found.inputs.users, found.inputs.project) == ("people", "project")
    outputs = found.outputs
    assert (outputs.account_id, outputs.access_role_arn) == ("accountId", "role")
    assert (outputs.sign_in_url, outputs.summary) == (None, None)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{inputs: {user: users}}", "spec.inputs.user is not a known field; did you mean 'users'?"),
        ("{inputs: {users: project}}", "'project' is the key of two inputs"),
        ("{outputs: {accountId: a, summary: a}}", "'a' is the name of two outputs"),
        ("{defaults: {landingZone: developmnt}}", "is not the name of a meshLandingZone; did you mean 'development'?"),
        ("{inputs: {users: 7}}", "spec.inputs.users = 7 must be a text"),
        ("[]", "spec"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, spec: str, said: str) -> None:
    with pytest.raises(CatalogError) as refused:
        load(f"kind: connectorRunner\nspec: {spec}\n", directory=tmp_path)
    assert said in str(refused.value)


def test_there_is_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="there is one already in"):
        load("kind: connectorRunner", "kind: connectorRunner", directory=tmp_path)
