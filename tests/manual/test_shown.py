"""What pages show is right: each document and each part of one is read by what reads it in production."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from config.catalog import KINDS, CatalogError, load_catalog
from config.environment import load_settings
from tasks.meshobjects.kinds import MODELS as MESH_OBJECTS
from tasks.meshobjects.kinds import read_object, single
from tasks.model.replication import LastError
from tasks.notifications.outbox import Notification
from tests.deploy.rendered import Rendered, program
from tests.manual.shown import Kind, Shown, shown
from tests.support.cluster import CONFIG_DIR
from tests.support.saml import saml_metadata
from tests.support.simulator import running_simulator
from tests.test_documents import PAGES
from workers.cli.orders import read_orders
from workers.sandbox.client import SimulatorClient

Document = dict[str, Any]
BLOCKS = [block for page in PAGES for block in shown(page)]
GUARD_RAIL = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}],
}
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"}],
}
BESIDE = {  # files that documents name
    "saml-metadata.xml": saml_metadata(),
    "access-stack-policy.json": json.dumps(POLICY),
    "guard-rail.json": json.dumps(GUARD_RAIL),
}
SAID_IN = {"README.md", "api.md", "architecture.md", "configuration.md", "import.md", "notifications.md", "security.md"}
"""Pages with blocks of what a program says, or of code: nobody can check these."""
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "worker"}}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorClient]:
    with running_simulator() as client:
        yield client


def ids(blocks: list[Shown]) -> list[str]:
    return [str(each) for each in blocks]


def of(kind: Kind) -> list[Shown]:
    return [each for each in BLOCKS if each.kind is kind]


@pytest.mark.parametrize("block", of(Kind.DOCUMENTS), ids=ids(of(Kind.DOCUMENTS)))
def test_documents_are_valid(block: Shown, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for document in block.documents:
        reader = reader_of(document)
        if reader is acted:
            acted(document, request.getfixturevalue("simulator"))
        else:
            try:
                reader(document, tmp_path)
            except Exception as error:
                error.add_note(str(document))
                raise


def reader_of(document: Document) -> Callable[..., None]:
    (reader,) = [each for keys, each in READERS if keys(document)] or [nobody]
    return reader


def nobody(document: Document, _: Path) -> None:
    raise AssertionError(f"nothing in READERS knows what {list(document)} is a part of")


def whole(document: Document, folder: Path) -> None:
    """Read a document of the configuration directory without the others."""
    YAML(typ="safe").dump(document, folder / "document.yaml")
    load_catalog([folder / "document.yaml"], secrets=False, complete=False)


def part_of(kind: str, *path: str) -> Callable[[Document, Path], None]:
    """Return what reads a part of the example of a kind."""

    def read(part: Document, folder: Path) -> None:
        def put(documents: list[Document]) -> None:
            place = next(each for each in documents if each.get("kind") == kind)
            for name in path:
                place = place[name]
            merge(place, part)

        configure(folder, put)

    return read


def merge(place: Any, part: Mapping[str, Any]) -> None:
    for name, value in part.items():
        if isinstance(value, dict) and isinstance(place.get(name), dict) and name not in REPLACED:
            merge(place[name], value)
        else:
            place[name] = deepcopy(value)


REPLACED = frozenset(
    {"auth", "organizationRootAccountExternalId", "secretKey", "accessStack"}
)  # not merged: one of many


def configure(folder: Path, put: Callable[[list[Document]], None]) -> None:
    """Read the examples' directory with a change, as a process does that calls no AWS. Raises CatalogError."""
    place = folder / "config"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(CONFIG_DIR, place)
    for name, text in BESIDE.items():
        (place / name).write_text(text)
    yaml, files = YAML(typ="safe"), sorted(place.glob("*.yaml"))
    documents = [each for file in files if file.name != "access-stack.yaml" for each in yaml.load_all(file)]
    put(documents)
    for file in files:
        if file.name != "access-stack.yaml":
            file.unlink()
    yaml.dump_all(documents, place / "all.yaml")
    load_catalog([place], secrets=False)


def avm(part: Document, folder: Path) -> None:
    part_of("meshPlatform", *REPLICATION)({"waitForExternalAvm": True, **part}, folder)


def ordered(document: Document, folder: Path) -> None:
    file = folder / "tenants.yaml"
    YAML(typ="safe").dump(document, file)
    assert read_orders(file)


def mesh_object(document: Document, _: Path) -> None:
    for each in single(document):
        read_object(each)


def result(document: Document, _: Path) -> None:
    """Compare the fields of a failure with what is recorded of one."""
    known = {field.alias or name for name, field in LastError.model_fields.items()} | {"step"}
    assert all(failure.keys() <= known for failure in document["failures"])


def values(document: Document, _: Path) -> None:
    assert Rendered.of(document).objects


def pod(document: Document, folder: Path) -> None:
    mounts = [{"name": each["name"], "mountPath": f"/{each['name']}"} for each in document["volumes"]]
    container = {"name": "worker", "image": "worker", "volumeMounts": mounts}
    YAML(typ="safe").dump({**POD, "spec": {"containers": [container], **document}}, folder / "pod.yaml")
    command = [program("kubernetes-validate"), "--strict", str(folder / "pod.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout


def acted(document: Document, simulator: SimulatorClient) -> None:
    with suppress(KeyError):
        simulator.operator(**document)


REPLICATION = ("spec", "config", "aws", "replication")
ZONE = ("spec", "platformProperties", "aws")
READERS: tuple[tuple[Callable[[Document], bool], Callable[..., None]], ...] = (
    (lambda it: it.get("kind") in KINDS and "apiVersion" in it, whole),
    (lambda it: it.get("kind") in MESH_OBJECTS.keys() - set(KINDS) and "apiVersion" in it, mesh_object),
    (lambda it: "tenant" in it and "landingZone" in it, ordered),
    (lambda it: "tenant" in it and "failures" in it, result),
    (lambda it: "action" in it, acted),
    (lambda it: it.keys() == {"externalAvm"}, avm),
    (
        lambda it: it.keys() <= {"identityFederation", "enrollmentConfiguration", "accountClosure", "accessConfig"},
        part_of("meshPlatform", *REPLICATION),
    ),
    (lambda it: it.keys() == {"metering"}, part_of("meshPlatform", "spec", "config", "aws")),
    (lambda it: it.keys() == {"spec"}, part_of("meshPlatform")),
    (
        lambda it: it.keys() == {"secretKey"},
        part_of("meshPlatform", *REPLICATION, "accessConfig", "auth", "credential"),
    ),
    (lambda it: "accessStack" in it or "stackSet" in it, part_of("meshLandingZone", *ZONE)),
    (lambda it: "image" in it and "documents" in it, values),
    (lambda it: it.keys() == {"volumes"}, pod),
)


@pytest.mark.parametrize("block", of(Kind.REQUEST), ids=ids(of(Kind.REQUEST)))
def test_requests_are_as_they_are_sent(block: Shown, simulator: SimulatorClient) -> None:
    assert block.documents
    rules: dict[str, Callable[..., None]] = {
        "hide": lambda kind, **which: simulator.hide(kind, which["id"]),
        "delay": simulator.delay,
        "stale": simulator.make_stale,
    }
    for document in block.documents:
        if "rule" in document:
            rules[document.pop("rule")](**document)
        else:
            Notification.model_validate_json(json.dumps(document))


@pytest.mark.parametrize("block", of(Kind.SETTINGS), ids=ids(of(Kind.SETTINGS)))
def test_settings_are_taken(block: Shown, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("CONNECTOR_")]:
        monkeypatch.delenv(name)
    (tmp_path / "secret").write_text("a-secret-of-enough-letters")
    for name, text in re.findall(r"(CONNECTOR_[A-Z_]+)=(\S+)", block.text):
        given = str(tmp_path / "secret") if name.endswith("_FILE") else text
        monkeypatch.setenv(name, FILLED.get(name, "a-secret-of-enough-letters") if given == "…" else given)

    assert load_settings()


FILLED = {
    "CONNECTOR_MESHSTACK_URL": "https://meshstack.example.com",
    "CONNECTOR_MESHSTACK_CLIENT_ID": "0d4bbd0a-0000-4d2f-8bba-4e4f4d9be2c3",
}


def test_what_nobody_can_check_is_known() -> None:
    assert {block.page for block in of(Kind.TEXT)} <= SAID_IN
    for block in of(Kind.TEXT):
        if block.text.startswith("from "):
            ast.parse(block.text)


def test_a_mistake_is_found(tmp_path: Path) -> None:
    parts = [each for block in of(Kind.DOCUMENTS) for each in block.documents if len(each) == 1]
    caught = 0
    for part in parts:
        ((name, inner),) = part.items()
        if isinstance(inner, dict) and name not in ("secretKey", "spec"):
            with pytest.raises(CatalogError):
                reader_of(part)({name: {**inner, "colour": "blue"}}, tmp_path)
            caught += 1
    assert caught > 4
    with pytest.raises(AssertionError, match="nothing in READERS"):
        reader_of({"colour": "blue"})({"colour": "blue"}, tmp_path)
