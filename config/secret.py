"""Secrets in documents: `{env: NAME}`, `{file: path}`, a secret store, `{plaintext: …}` or a text; resolved when read.

A process that calls no AWS, such as the API, is not given them: what points to one is checked and stays unresolved.
meshStack never gives a secret back (it answers with a hash or a placeholder), so the connector holds its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, SecretStr, ValidationInfo

STORES = frozenset({"secretsManager", "parameterStore", "vault"})
LARGEST_FILE = 16_384
"""Bytes of a secret's file; anything larger is not a secret."""

IMPORTED_PREFIX = "MESHOBJECT_SECRET_"
"""What the variables are called that a document from the API may name: it must not get at any other secret."""

_ALLOWED = (
    "allowed: {env: NAME}, {file: path}, {secretsManager: ARN}, {parameterStore: name}, {vault: …}, {plaintext: text}"
)
_HIDDEN = frozenset({"mesh/hidden-secret", "*****"})


class Reference(NamedTuple):
    """A secret in a secret store."""

    store: Literal["secretsManager", "parameterStore", "vault"]
    name: str  # the ARN or name in AWS; the path in Vault
    field: str | None = None  # of a secret that is a JSON object; None: the secret is the whole text

    def __str__(self) -> str:
        """Name it for a person."""
        return f"{{{self.store}: {self.name}}}" + (f", field {self.field}" if self.field else "")


LookUp = Callable[[Reference], str]
"""Returns the secret; raises ValueError with a sentence."""


@dataclass
class SecretSources:
    """Where secrets come from while one file is read, and every secret found so far (for masking in logs)."""

    folder: Path
    environment: Mapping[str, str] | None  # None: this process is not given secrets
    found: set[str] = field(default_factory=set, repr=False)
    files: set[Path] = field(default_factory=set)  # of secrets, which are looked at for changes
    look_up: LookUp | None = None  # asks a secret store; None: this process is not given these secrets
    imported: bool = False  # it came over the API (config/imported.py), and may name a few variables only


class UnresolvedSecret(SecretStr):
    """A secret that this process was not given: to read it is a mistake of ours."""

    def __init__(self) -> None:
        super().__init__("")

    def get_secret_value(self) -> str:
        """Raise RuntimeError."""
        raise RuntimeError("the documents were loaded without their secrets: this process must not need one")


def resolve_secret(value: object, sources: SecretSources) -> SecretStr:
    """Return the secret that a document's field points to. Raises ValueError that says what to write instead."""
    if isinstance(value, SecretStr):
        return value
    text = _text(value, sources)
    if text is None:
        return UnresolvedSecret()
    if text in _HIDDEN:
        raise ValueError(f"is meshStack's placeholder for a secret it does not give back; {_ALLOWED}")
    if not text.strip():
        raise ValueError(f"is an empty secret; {_ALLOWED}")
    sources.found.add(text)
    return SecretStr(text)


def _text(value: object, sources: SecretSources) -> str | None:
    """Return a secret's text; None: it stands elsewhere, and this process is not given it."""
    pairs, environment = list(value.items()) if isinstance(value, dict) else [], sources.environment
    if sources.imported and not _may_be_imported(pairs):
        raise ValueError(f"cannot come over the API; write {{env: {IMPORTED_PREFIX}…}}, a variable that workers have")
    if isinstance(value, str):
        return value
    match pairs:
        case [("hash", _)]:
            raise ValueError(f"holds only a hash, from which nobody can sign in to AWS; {_ALLOWED}")
        case [("plaintext", str(text))]:
            return text
        case [("env" | "file", str())] if environment is None:
            return None
        case [("env", str(name))] if environment is not None:
            return _from_environment(name, environment)
        case _ if STORES & {name for name, _ in pairs}:  # in whatever order its fields stand
            return _from_store(_reference(dict(pairs)), sources)
        case [("file", str(name))]:
            sources.files.add(sources.folder / name)
            return _from_file(sources.folder / name)
    raise ValueError(f"is not a secret; {_ALLOWED}")


def _reference(value: dict[object, object]) -> Reference:
    match value:
        case {"secretsManager": str(name), **rest} if name and not rest:
            return Reference("secretsManager", name)
        case {"secretsManager": str(name), "field": str(part), **rest} if name and part and not rest:
            return Reference("secretsManager", name, part)
        case {"parameterStore": str(name), **rest} if name and not rest:
            return Reference("parameterStore", name)
        case {"vault": {"path": str(path), "field": str(part), **more}, **rest} if path and part and not (more or rest):
            return Reference("vault", path.strip("/"), part)
    raise ValueError(
        "is not a secret of a store; allowed: {secretsManager: ARN or name}, with field: NAME if it is JSON, "
        "{parameterStore: ARN or name}, {vault: {path: …, field: …}}"
    )


def _may_be_imported(pairs: list[tuple[object, object]]) -> bool:
    """Tell whether an imported document may say so: no secret goes into Redis, and none may be sent where it says."""
    match pairs:
        case [("env", str(name))]:
            return name.startswith(IMPORTED_PREFIX)
    return False


def _from_store(reference: Reference, sources: SecretSources) -> str | None:
    if sources.environment is None or sources.look_up is None:
        return None
    return sources.look_up(reference).strip()  # a line end at its end means as little as in a file


def _from_environment(name: str, environment: Mapping[str, str]) -> str:
    if name not in environment:
        raise ValueError(f"needs the environment variable {name}, which is not set")
    if not environment[name].strip():
        raise ValueError(f"needs the environment variable {name}, which is empty")
    return environment[name]


def _from_file(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise ValueError(f"needs the file {path}, which is larger than {LARGEST_FILE} bytes")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"needs the file {path}, which cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"needs the file {path}, which is not UTF-8 text") from error


def _resolve(value: object, information: ValidationInfo) -> SecretStr:
    sources = information.context
    return resolve_secret(value, sources if isinstance(sources, SecretSources) else SecretSources(Path(), {}))


Secret = Annotated[SecretStr, BeforeValidator(_resolve)]
"""A field that resolves its secret with the `SecretSources` given as pydantic's validation context."""
