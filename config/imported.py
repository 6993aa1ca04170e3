"""Documents of the configuration that came over the API (`PUT /api/meshobjects`) and stand in Redis.

They are read as those of the configuration directory are, with two differences: what a file describes too counts as the
file says it, and they name no files and no secrets but a few variables (config/secret.py). Whoever may send documents
must not be able to read what a worker's machine holds.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from config.documents import YamlDocument
from config.mistakes import Mistake, shown

IMPORTED = Path("meshobjects")  # in place of a file's name
KINDS = ("meshPlatform", "meshLandingZone", "meshLocation", "meshTagDefinition")
FILE_FIELDS = frozenset({"templateFile", "policyFile", "metadataFile", "tokenFile"})


def imported_documents(documents: Iterable[Mapping[str, Any]], mistakes: list[Mistake]) -> Iterator[YamlDocument]:
    """Yield the documents and add what none of them may hold."""
    for number, data in enumerate(documents, start=1):
        found = sorted(_files(data, ""))
        for path, name in found:
            message = "names a file; a document that comes over the API cannot have files"
            mistakes.append(Mistake(IMPORTED, number, path, shown(name), message))
        if not found:
            yield YamlDocument(IMPORTED, number, dict(data))


def _files(data: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        for name, value in data.items():
            here = f"{path}.{name}".lstrip(".")
            if name in FILE_FIELDS and value is not None:
                yield here, value
            yield from _files(value, here)
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _files(value, f"{path}[{number}]")
