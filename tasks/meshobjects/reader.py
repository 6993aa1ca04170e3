"""What meshStack tells of one workspace: its tenants on our platforms, and who has which role in their projects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import structlog

from config.catalog import Catalog
from tasks.meshobjects.desired import at, payment_method_of
from tasks.meshobjects.kinds import Binding, Imported, read_object
from tasks.meshobjects.mesh_object import GLOBAL, key_of
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.meshobjects.platforms import by_uuid, with_platform
from tasks.meshobjects.rows import Invalid
from tasks.meshobjects.world import BUILT_IN_ROLES, World
from tasks.meshstack.lists import Lists, Object
from tasks.meshstack.objects import TENANT_VERSIONS, Objects

STATES = ["ACTIVE", "MARKED_FOR_DELETION"]
PLATFORM_VERSIONS = ("v2", "v2-preview", "v1")
Fits = Callable[[Object], bool]
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Seen:
    """A workspace."""

    world: World
    tenants: tuple[MeshTenant, ...]  # of our platforms, active or marked for deletion
    known_access: frozenset[str]  # projects, as keys, of which we know everybody who has a role

    def says_who(self, tenant: MeshTenant) -> bool:
        """Tell whether it is known who has access to a tenant."""
        return tenant.project_key in self.known_access


class Reader:
    """Reads workspaces. Methods raise Away or Refused."""

    def __init__(self, lists: Lists, objects: Objects, catalog: Catalog) -> None:
        self._lists = lists
        self._objects = objects
        self._catalog = catalog
        self._identifiers: Mapping[str, str] | None = None
        self._roles: list[Object] | None = None
        self._asked_for_roles = False

    def workspaces(self) -> set[str]:
        """Name every workspace that has a tenant on one of our platforms."""
        found: set[str] = set()
        for platform in sorted(self._catalog.platforms):
            found |= {each.metadata.workspace for each in self._tenants(platformIdentifier=platform)}
        return found

    def workspace(self, name: str) -> Seen:
        """Read a workspace."""
        tenants = self._tenants(workspaceIdentifier=name)
        tenants = [each for each in tenants if each.metadata.workspace == name]
        if not tenants:
            return Seen(World({}), (), frozenset())
        documents = [*self._of_workspace(name)]
        known = set[str]()
        for project in sorted({each.metadata.project for each in tenants}):
            bindings, complete = self._access(name, project, documents)
            documents += bindings
            if complete:
                known.add(key_of("meshProject", f"{name}.{project}"))
        return Seen(World(_by_key(documents)), tuple(tenants), frozenset(known))

    def _tenants(self, **query: str | list[str]) -> list[MeshTenant]:
        rows = self._lists.all("meshtenants", "meshTenant", TENANT_VERSIONS, lambda _: True, state=STATES, **query)
        if rows is None:
            log.warning("the API key may not list the tenants of meshStack, so none are pulled")
        named = (with_platform(each, self._platforms()) for each in _readable(rows or []))
        found = (each.object for each in named if each is not None)
        return [
            each
            for each in found
            if isinstance(each, MeshTenant)
            and each.named_platform in self._catalog.platforms
            and each.status.lifecycle.state.upper() in STATES
        ]

    def _platforms(self) -> Mapping[str, str]:
        """Return our platforms' identifiers by UUID; those whose documents tell none are looked up in meshStack."""
        if self._identifiers is None:
            known = by_uuid(self._catalog)
            for name in sorted(self._catalog.platforms.keys() - set(known.values())):
                fits = _is_platform(name)
                rows = self._lists.all("meshplatforms", "meshPlatform", PLATFORM_VERSIONS, fits, identifier=name)
                known |= {str(at(each, "metadata", "uuid")): name for each in rows or []}
            self._identifiers = known
        return self._identifiers

    def _of_workspace(self, name: str) -> Iterable[Object]:
        workspace = self._objects.workspace(name)
        if workspace is not None:
            yield workspace
        fits = _owned_by(name)
        projects = self._lists.all("meshprojects", "meshProject", ("v2",), fits, workspaceIdentifier=name) or []
        yield from projects
        for method in sorted({found for each in projects if (found := payment_method_of(each)) is not None}):
            if (read := self._objects.payment_method(method)) is not None:
                yield read

    def _access(self, workspace: str, project: str, there: list[Object]) -> tuple[list[Object], bool]:
        """Read who has a role in a project; tells whether that is everybody.

        Who cannot be seen would lose access. So what our API key may not see makes the answer incomplete.
        """
        users, groups = self._bindings("User", workspace, project), self._bindings("Group", workspace, project)
        if users is None or groups is None:
            return [], False
        found, complete = [*users, *groups], True
        if any(str(at(each, "roleRef", "name")).lower() not in BUILT_IN_ROLES for each in found):
            roles = self._project_roles()
            complete, found = roles is not None, [*found, *(roles or [])]
        if groups:
            members, all_known = self._groups(workspace, {str(at(each, "subject", "name")) for each in groups})
            complete, found = complete and all_known, [*found, *members]
        people, all_seen = self._people(workspace, found, there)
        return [*found, *people], complete and all_seen

    def _bindings(self, of: str, workspace: str, project: str) -> list[Object] | None:
        def fits(each: Object) -> bool:
            target = at(each, "targetRef", "name"), at(each, "targetRef", "ownedByWorkspace")
            return target == (project, workspace)

        return self._lists.all(
            f"meshprojectbindings/{of.lower()}bindings", f"meshProject{of}Binding", ("v3",), fits,
            workspaceIdentifier=workspace, projectIdentifier=project,
        )  # fmt: skip

    def _groups(self, workspace: str, named: set[str]) -> tuple[list[Object], bool]:
        """Read the user groups of a workspace, and those of every workspace; tells whether all named ones are there.

        One that is nowhere is one that we may not see: meshStack has no binding to a group that it has not.
        """
        kind = "meshworkspaceusergroups", "meshWorkspaceUserGroup"
        rows = self._lists.all(*kind, ("v1",), _owned_by(workspace), workspaceIdentifier=workspace)
        if rows is None:
            return [], False
        there = {str(at(each, "metadata", "name")).lower() for each in rows}
        lacking = sorted(name for name in named if name.lower() not in there)
        others = [self._lists.one(*kind, "v1", f"{GLOBAL}.{name}")[0] for name in lacking]
        if None in others:
            log.warning("who is in a group cannot be read", workspace=workspace, groups=lacking)
        return [*rows, *(each for each in others if each is not None)], None not in others

    def _user(self, name: str) -> tuple[Object | None, bool]:
        return self._lists.one("meshusers", "meshUser", "v2", name)

    def _project_roles(self) -> list[Object] | None:
        if not self._asked_for_roles:
            self._roles = self._lists.all("meshprojectroles", "meshProjectRole", ("v1",), lambda _: True)
            self._asked_for_roles = True
        return self._roles

    def _people(self, workspace: str, access: list[Object], there: list[Object]) -> tuple[list[Object], bool]:
        """Read the users of whom bindings and groups speak; tells whether all of them could be seen."""
        known = {key_of("meshUser", str(at(each, "metadata", "name"))) for each in there}
        names = sorted({name for each in _readable(access) for name in _usernames(each)})
        lacking = [name for name in names if key_of("meshUser", name) not in known]
        if not lacking:
            return [], True
        rows = self._lists.all("meshusers", "meshUser", ("v2",), lambda _: True, workspaceIdentifier=workspace) or []
        by_name = {str(at(each, "metadata", "name")).lower(): each for each in rows}
        found, complete = [], True
        for name in lacking:
            user, seen = (by_name[name.lower()], True) if name.lower() in by_name else self._user(name)
            complete = complete and seen
            found += [] if user is None else [user]
        return found, complete


def _usernames(each: Imported) -> Iterable[str]:
    if isinstance(each.object, Binding) and each.kind == "meshProjectUserBinding":
        return [each.object.subject.name]
    members = at(each.document, "spec", "members") if each.kind == "meshWorkspaceUserGroup" else None
    return [str(name) for name in members] if isinstance(members, list) else []


def _owned_by(workspace: str) -> Fits:
    return lambda each: bool(at(each, "metadata", "ownedByWorkspace") == workspace)


def _is_platform(identifier: str) -> Fits:
    def fits(each: Object) -> bool:
        place = at(each, "spec", "locationRef", "name") or at(each, "spec", "locationRef", "identifier")
        return f"{at(each, 'metadata', 'name')}.{place}" == identifier

    return fits


def _readable(documents: Iterable[Object]) -> Iterable[Imported]:
    for document in documents:
        try:
            yield read_object(document)
        except Invalid as error:
            log.warning("an answer of meshStack cannot be read", error=str(error))


def _by_key(documents: Iterable[Object]) -> dict[str, Imported]:
    return {each.key: each for each in _readable(documents)}
