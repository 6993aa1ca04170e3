"""The SDK's models of AWS's services, as this process holds them: what calls need, and each word of them once.

The SDK keeps its models for good, as ordered dictionaries with the texts for people. Those of the services that we call
would be a seventh of a worker's memory; without the texts, and with equal words shared, they are less than half of it.
"""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from sys import intern
from typing import Any

import botocore.session
from botocore.loaders import JSONFileLoader, Loader, create_loader

TEXT = "documentation"


class LeanFiles(JSONFileLoader):  # type: ignore[misc]  # botocore has no types
    """Reads files of models."""

    def load_file(self, file_path: str) -> Any:
        """Return what a file says, which is named without its ending; None if there is none."""
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            if (path := Path(f"{file_path}{ending}")).is_file():
                with opened(path, "rb") as file:
                    return json.loads(file.read(), object_pairs_hook=_lean)
        return None


@cache
def service_models(path: str | None) -> Loader:
    """Return what reads the SDK's models and keeps them: one for all sessions of this process.

    path   AWS_DATA_PATH, where people keep models of their own
    """
    models = create_loader(path)
    models.file_loader = LeanFiles()
    return models


def sdk_session(profile: str | None = None) -> botocore.session.Session:
    """Make a session of the SDK that reads models here.

    profile   of the SDK's configuration files; None: AWS_PROFILE, or none
    Raises ProfileNotFound, ConfigParseError.
    """
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", service_models(session.get_config_variable("data_path")))
    return session


def _lean(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of a model; a member that is called as the texts are is no text, but has a shape.

    >>> _lean([("type", "string"), ("documentation", "<p>A name.</p>")])
    {'type': 'string'}
    >>> _lean([("documentation", {"shape": "Text"})])
    {'documentation': {'shape': 'Text'}}
    """
    return {
        intern(name): intern(value) if isinstance(value, str) else value
        for name, value in pairs
        if name != TEXT or not isinstance(value, str)
    }
