"""SCIM's operations on users and groups. A group is never shown with its members.

AWS documents that the answer to a group's creation shows its externalId; whether others do is an option.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call, operations
from workers.sandbox.aws.directory import Directory, Entry, new_id, same
from workers.sandbox.aws.world import World
from workers.sandbox.scim import SERVICE
from workers.sandbox.scim.lists import conditions, invalid, listed

CORE = "urn:ietf:params:scim:schemas:core:2.0"
PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MOST_CHANGES = 100
EXTERNAL_ID = re.compile(r"[^:\x00-\x1f]{1,256}")  # AWS's pattern allows a colon, which SCIM has refused
ISSUER = f"https://scim.aws.com/{organization.IDENTITY_STORE_ID}"  # of externalIds that come by SCIM
CHANGES: Mapping[str, tuple[str, ...]] = {  # of a group, by path
    "members": ("add", "remove"),
    "externalId": ("add", "replace"),
}
USER_FILTERS = (frozenset({"userName"}), frozenset({"groups.value"}))
GROUP_FILTERS = (
    *(frozenset({name}) for name in ("displayName", "externalId", "members.value", "id")),
    frozenset({"id", "members"}),
    frozenset({"id", "member"}),
)


@operations.answer(SERVICE, "ListUsers")
def list_users(call: Call, world: World) -> Mapping[str, Any]:
    """List users: all, or by userName or the group that they are in."""
    directory, query = world.state(Directory), call.parameters["query"]
    wanted = conditions(query, USER_FILTERS)
    entries: Iterable[Entry] = directory.users.values()
    if "groups.value" in wanted:
        # Of a group that does not exist AWS tells nothing: so it is a group without members.
        inside = {each.user_id for each in directory.memberships.values() if each.group_id == wanted["groups.value"]}
        entries = [entry for entry in entries if entry.entry_id in inside]
    if "userName" in wanted:
        entries = [entry for entry in entries if same(entry.attributes["UserName"], wanted["userName"], world)]
    return listed(entries, query, _user)


@operations.answer(SERVICE, "ListGroups")
def list_groups(call: Call, world: World) -> Mapping[str, Any]:
    """List groups: all, or by displayName, externalId, member, id, or id and member."""
    directory, query = world.state(Directory), call.parameters["query"]
    wanted = conditions(query, GROUP_FILTERS)
    entries: list[Entry] = list(directory.groups.values())
    if "displayName" in wanted:
        entries = [entry for entry in entries if same(entry.attributes["DisplayName"], wanted["displayName"], world)]
    if "externalId" in wanted:
        entries = [entry for entry in entries if _external_id(entry) == wanted["externalId"]]
    if "id" in wanted:
        entries = [entry for entry in entries if entry.entry_id == wanted["id"]]
    member = next((wanted[name] for name in ("member", "members", "members.value") if name in wanted), None)
    if member is not None:
        _known_user(world, member)
        entries = [entry for entry in entries if directory.membership(entry.entry_id, member) is not None]
    return listed(entries, query, lambda entry: _group(entry, shows=world.options.scim_shows_external_ids))


@operations.answer(SERVICE, "GetUser")
def get_user(call: Call, world: World) -> Mapping[str, Any]:
    """Show a user."""
    return _user(_known_user(world, call.parameters["id"]))


@operations.answer(SERVICE, "GetGroup")
def get_group(call: Call, world: World) -> Mapping[str, Any]:
    """Show a group."""
    return _group(_known_group(world, call), shows=world.options.scim_shows_external_ids)


@operations.answer(SERVICE, "CreateGroup")
def create_group(call: Call, world: World) -> Mapping[str, Any]:
    """Create a group, maybe with members; ConflictException when its displayName is taken."""
    directory, body = world.state(Directory), call.parameters["body"]
    if not isinstance(body, dict) or not isinstance(body.get("displayName"), str) or not body["displayName"]:
        raise invalid()
    user_ids = _user_ids(body.get("members", []))
    if len(user_ids) > MOST_CHANGES:
        raise invalid()
    for user_id in user_ids:
        _known_user(world, user_id)
    groups = directory.groups.values()
    if any(same(entry.attributes.get("DisplayName"), body["displayName"], world) for entry in groups):
        raise AwsError("ConflictException", "Group already exists", 409)
    attributes = {"DisplayName": body["displayName"], **_external_ids(body.get("externalId"))}
    entry = Entry(new_id(), attributes, world.now(), world.now())
    directory.groups[entry.entry_id] = entry
    _add(directory, entry.entry_id, user_ids, world.now())
    return _group(entry, shows=True)


@operations.answer(SERVICE, "PatchGroup")
def patch_group(call: Call, world: World) -> Mapping[str, Any]:
    """Add or remove members, at most 100 in one request, or replace the externalId; all of it or nothing."""
    directory = world.state(Directory)
    asked = _operations(call.parameters["body"])
    changes = [(op["op"].lower(), _user_ids(op["value"])) for op in asked if op["path"] == "members"]
    marks = [_external_ids(op["value"]) for op in asked if op["path"] == "externalId"]
    if sum(len(user_ids) for _, user_ids in changes) > MOST_CHANGES:
        raise invalid()
    entry = _known_group(world, call)
    for _, user_ids in changes:
        for user_id in user_ids:
            _known_user(world, user_id)
    for mark in marks:
        directory.change_group(entry.entry_id, mark, world.now())
    for change, user_ids in changes:
        if change == "add":
            _add(directory, entry.entry_id, user_ids, world.now())
        else:
            _remove(directory, entry.entry_id, user_ids)
    return {}


@operations.answer(SERVICE, "DeleteGroup")
def delete_group(call: Call, world: World) -> Mapping[str, Any]:
    """Delete a group; account assignments of it stay behind, as on AWS."""
    directory = world.state(Directory)
    directory.delete_group(_known_group(world, call).entry_id)
    return {}


def _operations(body: Any) -> list[dict[str, Any]]:
    """Check a PATCH of `members` or `externalId`. All members cannot be replaced or removed at once."""
    if not isinstance(body, dict) or PATCH_SCHEMA not in body.get("schemas", []):
        raise invalid()
    found = body.get("Operations")
    if not isinstance(found, list) or not found:
        raise invalid()
    for operation in found:
        if not isinstance(operation, dict) or not operation.get("value"):
            raise invalid()
        if str(operation.get("op")).lower() not in CHANGES.get(str(operation.get("path")), ()):
            raise invalid()
    return found


def _external_ids(value: Any) -> dict[str, Any]:
    """Answer the attribute of a group that an externalId becomes, as the Identity Store API shows it."""
    if value is None:
        return {}
    if not isinstance(value, str) or not EXTERNAL_ID.fullmatch(value):
        raise invalid()
    return {"ExternalIds": [{"Issuer": ISSUER, "Id": value}]}


def _external_id(entry: Entry) -> str | None:
    return next((each["Id"] for each in entry.attributes.get("ExternalIds", ()) if each["Issuer"] == ISSUER), None)


def _user_ids(members: Any) -> list[str]:
    if not isinstance(members, list) or not all(isinstance(each, dict) and each.get("value") for each in members):
        raise invalid()
    return [str(each["value"]) for each in members]


def _known_group(world: World, call: Call) -> Entry:
    found = world.named(lambda each: each.state(Directory).groups.get(call.parameters["id"]))
    if found is None:
        raise AwsError("ResourceNotFoundException", "Group not found", 404)
    return found


def _known_user(world: World, user_id: str) -> Entry:
    found = world.named(lambda each: each.state(Directory).users.get(user_id))
    if found is None:
        raise AwsError("ResourceNotFoundException", "User not found", 404)
    return found


def _add(directory: Directory, group_id: str, user_ids: Iterable[str], now: float) -> None:
    for user_id in user_ids:
        if directory.membership(group_id, user_id) is None:
            directory.join(group_id, user_id, now)


def _remove(directory: Directory, group_id: str, user_ids: Iterable[str]) -> None:
    for user_id in user_ids:
        membership = directory.membership(group_id, user_id)
        if membership is not None:
            directory.leave(membership)


def _user(entry: Entry) -> dict[str, Any]:
    attributes = entry.attributes
    return {
        **_common(entry, "User"),
        "userName": attributes["UserName"],
        "displayName": attributes["DisplayName"],
        "active": attributes.get("UserStatus") == "ENABLED",
    }


def _group(entry: Entry, *, shows: bool) -> dict[str, Any]:
    mark = _external_id(entry) if shows else None
    external_id = {} if mark is None else {"externalId": mark}
    return {
        **_common(entry, "Group"),
        **external_id,
        "displayName": entry.attributes["DisplayName"],
        "members": [],
    }


def _common(entry: Entry, kind: str) -> dict[str, Any]:
    times = {"created": _time(entry.created_at), "lastModified": _time(entry.updated_at)}
    return {"id": entry.entry_id, "schemas": [f"{CORE}:{kind}"], "meta": {"resourceType": kind, **times}}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
