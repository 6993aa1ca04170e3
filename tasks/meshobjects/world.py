"""Workspaces, projects, roles and people as a whole, from Redis or meshStack: read into what an order needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tasks.meshobjects.desired import Document, Told, at, clean, payment_method_of
from tasks.meshobjects.kinds import Binding, Imported
from tasks.meshobjects.mesh_object import about_user, global_group, key_of
from tasks.meshobjects.mesh_tenant import MeshTenant
from tasks.model.desired import Person

# What meshStack calls the roles that it begins with. A document meshProjectRole of the same name counts before them.
BUILT_IN_ROLES = {"project admin": "admin", "project user": "user", "project reader": "reader"}
PERSON_FIELDS = {"firstName": "first_name", "lastName": "last_name", "email": "email", "euid": "euid"}


class World:
    """Objects by their keys."""

    def __init__(self, objects: Mapping[str, Imported]) -> None:
        self._objects = objects
        self._bindings: dict[str, list[Binding]] = {}
        self._roles = dict(BUILT_IN_ROLES)
        for each in objects.values():
            self._take(each)

    def _take(self, each: Imported) -> None:
        binding = each.object
        if isinstance(binding, Binding) and not binding.in_workspace:
            project = key_of("meshProject", f"{binding.workspace}.{binding.target_ref.name}")
            self._bindings.setdefault(project, []).append(binding)
        if each.kind == "meshProjectRole":
            self._roles[str(at(each.document, "spec", "name")).lower()] = each.object.name

    def __contains__(self, key: str) -> bool:
        return key in self._objects

    def document(self, key: str) -> Document | None:
        """Return an object; None: it is not there."""
        found = self._objects.get(key)
        return None if found is None else found.document

    def tenants(self) -> Iterator[tuple[str, MeshTenant]]:
        """Yield every tenant with its key."""
        for key, each in self._objects.items():
            if isinstance(each.object, MeshTenant):
                yield key, each.object

    def told(self, tenant: MeshTenant, default_landing_zone: str) -> Told:
        """Return what is known of a tenant."""
        project = self.document(tenant.project_key)
        method = payment_method_of(project)
        return Told(
            access=self.people(tenant.project_key),
            default_landing_zone=default_landing_zone,
            landing_zone=tenant.landing_zone,
            account=tenant.account,
            workspace=self.document(key_of("meshWorkspace", tenant.metadata.workspace)),
            project=project,
            payment_method=None if method is None else self.document(key_of("meshPaymentMethod", method)),
        )

    def has_bindings(self, project: str) -> bool:
        """Tell whether somebody was given a role in a project."""
        return project in self._bindings

    def people(self, project: str) -> list[Person]:
        """Return everybody who has a role in a project, groups resolved, sorted by username."""
        roles: dict[str, set[str]] = {}
        for binding in self._bindings.get(project, ()):
            for username in self._subjects(binding):
                roles.setdefault(username, set()).add(self._role(binding.role_ref.name))
        return [self._person(username, sorted(roles[username])) for username in sorted(roles)]

    def _subjects(self, binding: Binding) -> Iterable[str]:
        if not binding.of_group:
            return [binding.subject.name.lower()]
        of_workspace = self.document(key_of("meshWorkspaceUserGroup", f"{binding.workspace}.{binding.subject.name}"))
        members = at(of_workspace or self.document(global_group(binding.subject.name)), "spec", "members")
        return [str(each).lower() for each in members] if isinstance(members, list) else []

    def _role(self, name: str) -> str:
        """Return the identifier of a role, by which role mappings know it."""
        return self._roles.get(name.lower(), name)

    def _person(self, username: str, roles: list[str]) -> Person:
        user = self.document(key_of("meshUser", username))
        found = {ours: at(user, "spec", theirs) for theirs, ours in PERSON_FIELDS.items()}
        texts = {field: clean(value) for field, value in found.items() if isinstance(value, str) and value}
        named = at(user, "metadata", "name")
        return Person(username=clean(named if isinstance(named, str) else username), roles=roles, **texts)


def users_of(listed_under: Iterable[str]) -> Iterator[str]:
    """Yield, as keys, the users of whom an object speaks."""
    mark = about_user("")
    yield from (key_of("meshUser", name.removeprefix(mark)) for name in listed_under if name.startswith(mark))
