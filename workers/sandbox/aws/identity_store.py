"""Identity Center's identity store: look-ups, groups and users; memberships stand in group_memberships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws import group_memberships  # noqa: F401  # registers the operations on memberships
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.directory import (
    Directory,
    Entry,
    admit,
    group,
    new_id,
    not_found,
    refuse_stale,
    same,
    taken,
    user,
)
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.shapes import answer

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

GROUP_PATHS = {"displayname": "DisplayName", "description": "Description", "externalids": "ExternalIds"}
"""Attribute paths of groups, lower case: AWS's pages write them both as displayName and DisplayName."""

RESERVED = ("Administrator", "AWSAdministrators")
"""Names that no user or group may have. Source: Identity Store API reference, CreateGroup and CreateUser."""


def seed_users(world: World) -> None:
    """Create the sandbox's users."""
    for name, user_id in organization.USERS.items():
        _seed_user(world, name, user_id)
    world.snapshots["identity_store"] = snapshot
    world.actions |= {
        "add_users": add_users,
        "remove_users": remove_users,
        "rename_user": rename_user,
        "fill_group": fill_group,
        "add_group": add_group,
        "change_group": change_group,
    }


def add_users(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: create users. Body: user_names, or number of users to make names for."""
    names = body.get("user_names") or [f"user{world.number():06d}@example.com" for _ in range(body["number"])]
    for name in names:
        _seed_user(world, name, new_id())
    return {"user_names": names}


def remove_users(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: delete users. Body: user_names."""
    directory, names = world.state(Directory), set(body["user_names"])
    for user_id in [key for key, entry in directory.users.items() if entry.attributes["UserName"] in names]:
        directory.delete_user(user_id)
    return {}


def add_group(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: make a group, as somebody else did. Body: name, description (optional), user_names."""
    attributes = {
        "DisplayName": body["name"],
        **({"Description": body["description"]} if "description" in body else {}),
    }
    entry = Entry(new_id(), attributes, world.now(), world.now())
    world.state(Directory).groups[entry.entry_id] = entry
    return {**fill_group(world, {"group": entry.entry_id, "user_names": body["user_names"]}), "group": entry.entry_id}


def change_group(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: change a group by hand. Body: group (its id), attributes (DisplayName, Description, …)."""
    world.state(Directory).change_group(body["group"], body["attributes"], world.now())
    return {}


def rename_user(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: give a user another user name. Body: user_name, to."""
    users = world.state(Directory).users
    [user_id] = [key for key, entry in users.items() if entry.attributes["UserName"] == body["user_name"]]
    email = {"Value": body["to"], "Type": "work", "Primary": True}
    users.change(user_id, attributes={**users[user_id].attributes, "UserName": body["to"], "Emails": [email]})
    return {}


def fill_group(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: put users into a group. Body: group (its id), user_names."""
    directory, names = world.state(Directory), set(body["user_names"])
    for user_id, entry in directory.users.items():
        if entry.attributes["UserName"] in names and directory.membership(body["group"], user_id) is None:
            directory.join(body["group"], user_id, world.now())
    return {}


def _seed_user(world: World, name: str, user_id: str) -> None:
    given = name.split("@", maxsplit=1)[0].capitalize()
    attributes = {
        "UserName": name,
        "DisplayName": f"{given} Example",
        "Name": {"GivenName": given, "FamilyName": "Example"},
        "Emails": [{"Value": name, "Type": "work", "Primary": True}],
        "UserStatus": "ENABLED",
    }
    world.state(Directory).users[user_id] = Entry(user_id, attributes, world.now(), world.now())


def snapshot(world: World) -> dict[str, Any]:
    """Answer users, and groups with their members' names, for the control API's state."""
    directory = world.state(Directory)
    names = {user_id: entry.attributes["UserName"] for user_id, entry in directory.users.items()}
    members: dict[str, list[str]] = {group_id: [] for group_id in directory.groups}
    for membership in directory.memberships.values():
        members[membership.group_id].append(names[membership.user_id])
    groups = [
        {
            "id": group_id,
            "name": entry.attributes.get("DisplayName"),
            "mark": entry.attributes.get("Description") or _external_id(entry),
            "members": sorted(members[group_id]),
        }
        for group_id, entry in directory.groups.items()
    ]
    return {"users": {name: user_id for user_id, name in names.items()}, "groups": groups}


def _external_id(entry: Entry) -> str | None:
    return next((each["Id"] for each in entry.attributes.get("ExternalIds", ())), None)


def _by_external_id(entries: Iterable[Entry], wanted: Mapping[str, str]) -> Entry | None:
    return next((entry for entry in entries if dict(wanted) in entry.attributes.get("ExternalIds", [])), None)


def _by_name(world: World, name: Any) -> Entry | None:
    groups = world.state(Directory).groups.values()
    return next((entry for entry in groups if same(entry.attributes.get("DisplayName"), name, world)), None)


def _by_user_name(world: World, name: Any) -> Entry | None:
    users = world.state(Directory).users.values()
    return next((entry for entry in users if same(entry.attributes["UserName"], name, world)), None)


def _by_email(world: World, address: Any) -> Entry | None:
    return next(
        (
            entry
            for entry in world.state(Directory).users.values()
            if any(same(email.get("Value"), address, world) for email in entry.attributes.get("Emails", []))
        ),
        None,
    )


def _unique_attribute(identifier: Mapping[str, Any], known: Iterable[str]) -> tuple[str, Any]:
    """Answer the look-up's path in lower case and its value; raise ValidationException for other paths."""
    if len(identifier) != 1:
        raise AwsError("ValidationException", "AlternateIdentifier must be either ExternalId or UniqueAttribute")
    attribute = identifier["UniqueAttribute"]
    if not isinstance(attribute["AttributeValue"], str):
        raise AwsError("ValidationException", "The attribute value must be a string")
    path: str = attribute["AttributePath"]
    if path.lower() not in known:
        raise AwsError("ValidationException", f"The attribute path {path} is not a supported unique attribute")
    return path.lower(), attribute["AttributeValue"]


@answer("identitystore", "GetGroupId")
def get_group_id(call: Call, world: World) -> Mapping[str, Any]:
    """Look a group up by display name or external id."""
    directory, identifier = admit(call, world), call.parameters["AlternateIdentifier"]
    if set(identifier) == {"ExternalId"}:
        found = _by_external_id(directory.groups.values(), identifier["ExternalId"])
    else:
        found = _by_name(world, _unique_attribute(identifier, {"displayname"})[1])
    if found is None:
        raise not_found("GROUP")
    return found.identifiers("group")


@answer("identitystore", "GetUserId")
def get_user_id(call: Call, world: World) -> Mapping[str, Any]:
    """Look a user up by user name, e-mail address or external id."""
    directory, identifier = admit(call, world), call.parameters["AlternateIdentifier"]
    if set(identifier) == {"ExternalId"}:
        found = _by_external_id(directory.users.values(), identifier["ExternalId"])
    else:
        path, value = _unique_attribute(identifier, {"username", "emails.value"})
        found = _by_user_name(world, value) if path == "username" else _by_email(world, value)
    if found is None:
        raise not_found("USER")
    return found.identifiers("user")


@answer("identitystore", "CreateGroup")
def create_group(call: Call, world: World) -> Mapping[str, Any]:
    """Create a group; raise ConflictException when its display name is taken, ValidationException when reserved."""
    directory, parameters = admit(call, world), call.parameters
    if not parameters.get("DisplayName"):
        raise AwsError("ValidationException", "The DisplayName attribute is required")
    _refuse_reserved(parameters["DisplayName"])
    if _by_name(world, parameters["DisplayName"]) is not None:
        raise taken("Duplicate GroupDisplayName")
    attributes = {name: parameters[name] for name in ("DisplayName", "Description") if parameters.get(name)}
    entry = Entry(new_id(), attributes, world.now(), world.now())
    directory.groups[entry.entry_id] = entry
    return {**entry.identifiers("group"), "Revision": str(entry.revision)}


@answer("identitystore", "DescribeGroup")
def describe_group(call: Call, world: World) -> Mapping[str, Any]:
    """Describe a group."""
    admit(call, world)
    return group(world, call.parameters["GroupId"]).members("group")


@answer("identitystore", "UpdateGroup")
def update_group(call: Call, world: World) -> Mapping[str, Any]:
    """Change a group's attributes; an operation without a value removes the attribute."""
    directory, parameters = admit(call, world), call.parameters
    entry = group(world, parameters["GroupId"])
    refuse_stale(entry, parameters)
    attributes = dict(entry.attributes)
    for operation in parameters["Operations"]:
        name = GROUP_PATHS.get(operation["AttributePath"].lower())
        if name is None:
            raise AwsError("ValidationException", f"The attribute path {operation['AttributePath']} is not supported")
        attributes.pop(name, None)
        if operation.get("AttributeValue") is not None:
            attributes[name] = operation["AttributeValue"]
    if not attributes.get("DisplayName"):
        raise AwsError("ValidationException", "The DisplayName attribute is required")
    _refuse_reserved(attributes["DisplayName"])
    if _by_name(world, attributes["DisplayName"]) not in (None, entry):
        raise taken("Duplicate GroupDisplayName")
    revision = entry.revision + 1
    directory.groups.change(entry.entry_id, attributes=attributes, updated_at=world.now(), revision=revision)
    return {**entry.identifiers("group"), "Revision": str(revision)}


@answer("identitystore", "DeleteGroup")
def delete_group(call: Call, world: World) -> Mapping[str, Any]:
    """Delete a group and its memberships; account assignments of it stay behind, as on AWS."""
    directory = admit(call, world)
    entry = group(world, call.parameters["GroupId"])
    refuse_stale(entry, call.parameters)
    directory.delete_group(entry.entry_id)
    return {}


@answer("identitystore", "ListGroups")
def list_groups(call: Call, world: World) -> Mapping[str, Any]:
    """List groups, by display name when asked."""
    chosen = _filtered(admit(call, world).groups.values(), call, "DisplayName", world)
    entries, more = page(chosen, lambda entry: entry.entry_id, call.parameters)
    return {"Groups": [entry.members("group") for entry in entries], **more}


@answer("identitystore", "ListUsers")
def list_users(call: Call, world: World) -> Mapping[str, Any]:
    """List users, by user name when asked."""
    chosen = _filtered(admit(call, world).users.values(), call, "UserName", world)
    entries, more = page(chosen, lambda entry: entry.entry_id, call.parameters)
    return {"Users": [entry.members("user") for entry in entries], **more}


def _refuse_reserved(name: str) -> None:
    if name in RESERVED:
        raise AwsError("ValidationException", f"{name} is a reserved name")


def _filtered(entries: Iterable[Entry], call: Call, attribute: str, world: World) -> list[Entry]:
    for filter_ in call.parameters.get("Filters") or ():
        if filter_["AttributePath"].lower() != attribute.lower():
            raise AwsError("ValidationException", f"Filtering by {filter_['AttributePath']} is not supported")
        wanted = filter_["AttributeValue"]
        entries = [entry for entry in entries if same(entry.attributes.get(attribute), wanted, world)]
    return list(entries)


@answer("identitystore", "CreateUser")
def create_user(call: Call, world: World) -> Mapping[str, Any]:
    """Create a user; raise ConflictException when the user name or e-mail address is taken."""
    directory, parameters = admit(call, world), call.parameters
    for name in ("UserName", "DisplayName", "Name"):
        if not parameters.get(name):
            raise AwsError("ValidationException", f"The {name} attribute is required")
    _refuse_reserved(parameters["UserName"])
    if _by_user_name(world, parameters["UserName"]) is not None:
        raise taken("Duplicate UserName")
    if any(_by_email(world, email.get("Value")) is not None for email in parameters.get("Emails") or ()):
        raise taken("Duplicate email address")
    attributes = {name: value for name, value in parameters.items() if name != "IdentityStoreId" and value is not None}
    entry = Entry(new_id(), {**attributes, "UserStatus": "ENABLED"}, world.now(), world.now())
    directory.users[entry.entry_id] = entry
    return {**entry.identifiers("user"), "Revision": str(entry.revision)}


@answer("identitystore", "DescribeUser")
def describe_user(call: Call, world: World) -> Mapping[str, Any]:
    """Describe a user."""
    admit(call, world)
    return user(world, call.parameters["UserId"]).members("user")


@answer("identitystore", "DeleteUser")
def delete_user(call: Call, world: World) -> Mapping[str, Any]:
    """Delete a user and its memberships."""
    directory = admit(call, world)
    entry = user(world, call.parameters["UserId"])
    refuse_stale(entry, call.parameters)
    directory.delete_user(entry.entry_id)
    return {}
