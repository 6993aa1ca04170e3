"""What helm makes of the chart and some values."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.deploy.tools import MISSING, find

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "aws-connector"
Object = dict[str, Any]


class Refused(Exception):
    """helm refuses the values; the text says why."""


def program(name: str) -> str:
    """Return a tool's path; skips the test where it is not installed."""
    path = find(name)
    if path is None:
        pytest.skip(MISSING.format(name))
    return path


@cache
def template(values: str, release: str) -> str:
    """Render values that are JSON text. Raises Refused."""
    command = [program("helm"), "template", release, str(CHART), "--namespace", "platform", "--values", "-"]
    ended = subprocess.run(command, input=values, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode != 0:
        raise Refused(ended.stderr)
    return ended.stdout


@dataclass(frozen=True)
class Rendered:
    """The objects of Kubernetes."""

    text: str
    objects: tuple[Object, ...]

    @classmethod
    def of(cls, values: Mapping[str, Any], release: str = "r") -> Rendered:
        """Render the chart. Raises Refused."""
        text = template(json.dumps(values), release)
        return cls(text, tuple(each for each in YAML(typ="safe").load_all(text) if each))

    def named(self, kind: str, ending: str = "") -> Object:
        """Return the only object of a kind whose name ends so."""
        [found] = [each for each in self.of_kind(kind) if each["metadata"]["name"].endswith(ending)]
        return found

    def of_kind(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Yield each pod's template by the component that it is."""
        for kind in ("Deployment", "StatefulSet"):
            for each in self.of_kind(kind):
                pod = each["spec"]["template"]
                yield pod["metadata"]["labels"]["app.kubernetes.io/component"], pod

    def container(self, component: str) -> Object:
        """Return the one container of a component's pod."""
        [found] = dict(self.pods())[component]["spec"]["containers"]
        container: Object = found
        return container
