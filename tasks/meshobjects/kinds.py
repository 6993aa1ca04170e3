"""The kinds of meshObjects that can be imported, with what of each concerns us. Every object keeps all that it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError, model_validator

from config.document_fields import Part
from config.imported import KINDS as CONFIGURATION
from config.mistakes import plain_words, shown
from config.printable import printable
from tasks.meshobjects.mesh_object import (
    GLOBAL,
    ROLES,
    Identified,
    MeshObject,
    Named,
    Owned,
    Target,
    about_group,
    about_role,
    about_user,
    key_of,
)
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.meshobjects.rows import Invalid, ResultCode
from tasks.state.objects import StoredObject

LONGEST_NAME = 120  # characters of a name in an answer


class _WorkspaceObject(MeshObject):
    metadata: Identified

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def listed_under(self) -> tuple[str, ...]:
        return (self.metadata.name.lower(),)


class _OwnedObject(MeshObject):
    metadata: Owned

    @property
    def name(self) -> str:
        return f"{self.metadata.owner}.{self.metadata.name}"

    @property
    def listed_under(self) -> tuple[str, ...]:
        return (self.metadata.owner.lower(),)

    @property
    def needs(self) -> dict[str, ResultCode]:
        return {key_of("meshWorkspace", self.metadata.owner): ResultCode.WORKSPACE_NOT_FOUND}


class _PaymentMethod(_OwnedObject):
    @property
    def name(self) -> str:
        return self.metadata.name


class _Members(Part):
    members: tuple[str, ...] = ()


class _Group(_OwnedObject):
    spec: _Members = _Members()

    @property
    def listed_under(self) -> tuple[str, ...]:
        return (self.metadata.owner.lower(), *(about_user(each) for each in self.spec.members))

    @property
    def needs(self) -> dict[str, ResultCode]:
        return {} if self.metadata.owner.lower() == GLOBAL else super().needs


class _User(MeshObject):
    metadata: Named

    @property
    def name(self) -> str:
        return self.metadata.name


class _ProjectRole(_User):
    versions = frozenset({"v1"})
    spec: Named

    @property
    def listed_under(self) -> tuple[str, ...]:
        return (ROLES,)


class _BindingMetadata(Part):
    name: str | None = None


class Binding(MeshObject):
    """A role of a user or a group, in a project or a workspace."""

    versions = frozenset({"v1", "v2", "v3"})
    metadata: _BindingMetadata = _BindingMetadata()
    role_ref: Named
    target_ref: Target
    subject: Named

    @property
    def in_workspace(self) -> bool:
        """Tell whether it gives a role in a whole workspace."""
        return self.kind.lower().startswith("meshworkspace")

    @property
    def workspace(self) -> str:
        """Name the workspace."""
        return self.target_ref.name if self.in_workspace else self.target_ref.owner or ""

    @model_validator(mode="after")
    def check_target(self) -> Binding:
        """Refuse a project without its workspace: its name is unique there only."""
        if not self.workspace:
            raise ValueError("targetRef.ownedByWorkspace is required")
        return self

    @property
    def name(self) -> str:
        """Name it; without a name of its own, by what it says."""
        target = self.workspace if self.in_workspace else f"{self.workspace}.{self.target_ref.name}"
        return self.metadata.name or f"{target}.{self.role_ref.name}.{self.subject.name}"

    @property
    def of_group(self) -> bool:
        """Tell whether the role is that of a group's members."""
        return self.kind.lower().endswith("groupbinding")

    @property
    def listed_under(self) -> tuple[str, ...]:
        """Name the workspace, the role, and the user or the group."""
        about = about_group if self.of_group else about_user
        return (self.workspace.lower(), about_role(self.role_ref.name), about(self.subject.name))

    @property
    def needs(self) -> dict[str, ResultCode]:
        """Name the workspace and the project."""
        if self.in_workspace:
            return {key_of("meshWorkspace", self.workspace): ResultCode.WORKSPACE_NOT_FOUND}
        project = f"{self.workspace}.{self.target_ref.name}"
        return {
            key_of("meshWorkspace", self.workspace): ResultCode.WORKSPACE_NOT_FOUND,
            key_of("meshProject", project): ResultCode.PROJECT_NOT_FOUND,
        }


class _LocationRef(Part):
    name: str | None = None
    identifier: str | None = None


class _PlatformSpec(Part):
    location_ref: _LocationRef = _LocationRef()


class _Configuration(MeshObject):
    """A document of the configuration; config/catalog.py checks it."""

    versions = frozenset({"v1", "v1-preview", "v2", "v2-preview"})
    metadata: Named

    @property
    def name(self) -> str:
        return self.metadata.name


class _Platform(_Configuration):
    spec: _PlatformSpec = _PlatformSpec()

    @property
    def name(self) -> str:
        place = self.spec.location_ref.name or self.spec.location_ref.identifier
        return f"{self.metadata.name}.{place}" if place else self.metadata.name


MODELS: Mapping[str, type[MeshObject]] = {
    "meshWorkspace": _WorkspaceObject,
    "meshProject": _OwnedObject,
    "meshPaymentMethod": _PaymentMethod,
    "meshTenant": MeshTenant,
    "meshProjectUserBinding": Binding,
    "meshProjectGroupBinding": Binding,
    "meshWorkspaceUserBinding": Binding,
    "meshWorkspaceGroupBinding": Binding,
    "meshWorkspaceUserGroup": _Group,
    "meshUser": _User,
    "meshProjectRole": _ProjectRole,
    "meshLandingZone": _Configuration,
    "meshPlatform": _Platform,
    "meshLocation": _Configuration,
    "meshTagDefinition": _Configuration,
}
_CANONICAL = {kind.lower(): kind for kind in MODELS}


@dataclass(frozen=True)
class Imported:
    """One object as it was read."""

    kind: str
    object: MeshObject
    document: dict[str, Any]

    @property
    def key(self) -> str:
        """Name it among all objects."""
        return key_of(self.kind, self.object.name)

    @property
    def is_configuration(self) -> bool:
        """Tell whether it is a document of the configuration."""
        return self.kind in CONFIGURATION

    def stored(self, collection: str | None) -> StoredObject:
        """Return it as it is stored."""
        return StoredObject(self.key, self.document, self.object.listed_under, collection)


def read_object(document: Any) -> Imported:
    """Read one object; raises Invalid."""
    if not isinstance(document, dict):
        raise Invalid("is not an object with apiVersion, kind and metadata")
    kind = _CANONICAL.get(str(document.get("kind")).lower())
    if kind is None:
        raise Invalid(f"kind = {_short(document.get('kind'))}: is not imported; known: {', '.join(MODELS)}")
    model = MODELS[kind]
    try:
        read = model.model_validate(document)
    except ValidationError as error:
        raise Invalid("; ".join(_sentences(error))) from error
    if read.api_version not in model.versions:
        versions = ", ".join(sorted(model.versions))
        raise Invalid(f"apiVersion = {_short(read.api_version)}: is not known of {kind}; known: {versions}")
    return Imported(kind, read, document)


def single(document: Any) -> list[Any]:
    """Return the objects that a document stands for: a binding of an older version has several subjects."""
    if not isinstance(document, dict) or not str(document.get("kind")).lower().endswith("binding"):
        return [document]
    subjects = document.get("subjects")
    if not isinstance(subjects, list) or "subject" in document:
        return [document]
    rest = {name: value for name, value in document.items() if name != "subjects"}
    if len(subjects) > 1:  # one name is not enough for them
        rest.pop("metadata", None)
    return [{**rest, "subject": subject} for subject in subjects]


def title(objects: Sequence[Imported]) -> str:
    """Name what one document stands for in an answer: kind[name]."""
    return f"{objects[0].kind}[{_short(', '.join(each.object.name for each in objects))}]"


def title_unread(document: Any) -> str:
    """Name in an answer what cannot be read."""
    if not isinstance(document, dict):
        return "?[?]"
    kind = _CANONICAL.get(str(document.get("kind")).lower(), document.get("kind"))
    metadata = document.get("metadata")
    return f"{_short(kind)}[{_short(metadata.get('name') if isinstance(metadata, dict) else None)}]"


def _short(value: object) -> str:
    return printable(str("?" if value is None else value))[:LONGEST_NAME]


def _sentences(error: ValidationError) -> list[str]:
    found = []
    for each in error.errors(include_url=False):
        path = ".".join(map(str, each["loc"]))
        missing = each["type"] == "missing"
        said = "is required" if missing else f"= {shown(each['input'])} {plain_words(each['msg'])}"
        found.append(printable(f"{path} {said}".strip())[: LONGEST_NAME * 3])
    return found
