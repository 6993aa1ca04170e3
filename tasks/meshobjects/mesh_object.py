"""What every meshObject has: a kind, a version, a name, and what it belongs to.

An object is known by its kind and name without regard to case, as in meshStack.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

from pydantic import AliasChoices, Field, StringConstraints

from config.document_fields import Part
from tasks.meshobjects.rows import ResultCode

OWNER = AliasChoices("ownedByWorkspace", "ownedByCustomer")  # as older documents say
ROLES = "%"  # the name of the list of all project roles
GLOBAL = "meshcloud-global-partner"  # what meshStack calls the owner of groups that belong to no workspace
# Names of workspaces and projects are joined by dots, so none may stand in one.
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]+$", max_length=255)]


class Named(Part):
    """Names an object."""

    name: str = Field(min_length=1, max_length=255)


class Identified(Part):
    """Names a workspace or a project."""

    name: Identifier


class Owned(Identified):
    """Names what belongs to a workspace."""

    owner: Identifier = Field(validation_alias=OWNER)


class Target(Identified):
    """Names a project of a workspace, or a workspace."""

    owner: Identifier | None = Field(default=None, validation_alias=OWNER)


class MeshObject(Part):
    """One object."""

    versions: ClassVar[frozenset[str]] = frozenset({"v1", "v2"})
    api_version: str
    kind: str

    @property
    @abstractmethod
    def name(self) -> str:
        """Name it among those of its kind."""

    @property
    def listed_under(self) -> tuple[str, ...]:
        """Name what it belongs to, and whom it speaks of."""
        return ()

    @property
    def needs(self) -> dict[str, ResultCode]:
        """Name the objects that must be there, and what is answered when they are not."""
        return {}


def key_of(kind: str, name: str) -> str:
    """Name an object among all."""
    return f"{kind} {name.lower()}"


def about_user(username: str) -> str:
    """Name the list of what speaks of a user; no workspace is called so."""
    return f"@{username.lower()}"


def about_role(name: str) -> str:
    """Name the list of what speaks of a project role."""
    return f"%{name.lower()}"


def about_group(name: str) -> str:
    """Name the list of what speaks of a user group of every workspace."""
    return f"#{name.lower()}"


def global_group(name: str) -> str:
    """Return the key of a user group that belongs to no workspace."""
    return key_of("meshWorkspaceUserGroup", f"{GLOBAL}.{name}")
