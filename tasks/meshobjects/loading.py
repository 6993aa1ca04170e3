"""Which stored objects an import can change something of: those of its workspaces and users."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tasks.meshobjects.desired import Document, at, payment_method_of
from tasks.meshobjects.mesh_object import GLOBAL, ROLES, about_group, about_role, about_user, global_group, key_of
from tasks.meshobjects.world import users_of
from tasks.state.objects import Objects, StoredObject

MARKS = (about_user(""), about_role(""), about_group(""))


def around(objects: Objects, changed: Iterable[StoredObject]) -> dict[str, StoredObject]:
    """Read what is stored of everything that some objects, which may be new, belong to or speak of."""
    changed = list(changed)
    previous = objects.those(each.key for each in changed)
    all_changed = [*changed, *previous.values()]
    speaking = objects.listed_under(*{name for each in all_changed for name in _spoken_of(each)})
    workspaces = {name for each in [*all_changed, *speaking.values()] for name in _workspaces(each)}
    found = {**previous, **speaking, **objects.listed_under(*workspaces, ROLES)}
    found |= objects.those(group for each in [*all_changed, *found.values()] for group in _global_groups(each))
    users = {user for each in [*all_changed, *found.values()] for user in users_of(each.listed_under)}
    methods = {
        key_of("meshPaymentMethod", method)
        for each in [*all_changed, *found.values()]
        if each.key.startswith("meshProject ") and (method := payment_method_of(each.document)) is not None
    }
    return {**found, **objects.those(users | methods)}


def _workspaces(each: StoredObject) -> Iterator[str]:
    yield from (name for name in each.listed_under if not name.startswith(MARKS))


def _spoken_of(each: StoredObject) -> Iterator[str]:
    """Yield under which names those are listed that speak of a user, a role or a group of every workspace."""
    kind, _, name = each.key.partition(" ")
    if kind == "meshUser":
        yield about_user(name)
    if kind == "meshProjectRole":
        yield about_role(name)
        yield about_role(str(_role_name(each.document)))
    if kind == "meshWorkspaceUserGroup" and name.startswith(f"{GLOBAL}."):
        yield about_group(name.removeprefix(f"{GLOBAL}."))


def _global_groups(each: StoredObject) -> Iterator[str]:
    mark = about_group("")
    yield from (global_group(name.removeprefix(mark)) for name in each.listed_under if name.startswith(mark))


def _role_name(document: Document) -> object:
    return at(document, "spec", "name")
