"""Organizations: the root, the OUs under it, and who stands where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.organization_requests import answer, constraint, listed, not_found, read_tags
from workers.sandbox.aws.tree import OrganizationalUnit, OrganizationTree, organization_arn
from workers.sandbox.aws.world import World

DEPTH_LIMIT = 5


@answer("ListRoots")
def list_roots(call: Call, world: World) -> Mapping[str, Any]:
    """List the one root."""
    return listed(
        "Roots",
        [organization.ROOT_ID],
        str,
        lambda root: {"Id": root, "Arn": organization_arn(root), "Name": "Root", "PolicyTypes": []},
        call,
        world,
    )


@answer("CreateOrganizationalUnit")
def create_organizational_unit(call: Call, world: World) -> Mapping[str, Any]:
    """Create an OU whose name is new in its parent."""
    tree, parent_id = world.state(OrganizationTree), _parent(call, world)
    name, tags = call.parameters["Name"], read_tags(call.parameters)
    if any(unit.name == name for unit in _children(tree, parent_id)):
        message = "An OU with the same name already exists."
        raise AwsError("DuplicateOrganizationalUnitException", message)
    if tree.depth(parent_id) >= DEPTH_LIMIT:
        raise constraint("You have exceeded the number of levels of the tree.", "OU_DEPTH_LIMIT_EXCEEDED")
    unit = OrganizationalUnit(f"ou-sbox-{world.number():08d}", name, parent_id, tags)
    tree.units[unit.id] = unit
    return {"OrganizationalUnit": _view(unit, world)}


@answer("DescribeOrganizationalUnit")
def describe_organizational_unit(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one OU."""
    unit = world.state(OrganizationTree).units.get(call.parameters["OrganizationalUnitId"])
    if unit is None:
        raise not_found("OrganizationalUnitNotFoundException")
    return {"OrganizationalUnit": _view(unit, world)}


@answer("ListOrganizationalUnitsForParent")
def list_organizational_units_for_parent(call: Call, world: World) -> Mapping[str, Any]:
    """List the OUs directly under the root or an OU."""
    units = _children(world.state(OrganizationTree), _parent(call, world))
    return listed("OrganizationalUnits", units, lambda unit: unit.id, lambda unit: _view(unit, world), call, world)


@answer("ListParents")
def list_parents(call: Call, world: World) -> Mapping[str, Any]:
    """Name the one parent of an account or an OU."""
    tree, child_id = world.state(OrganizationTree), call.parameters["ChildId"]
    child = tree.accounts.get(child_id) or tree.units.get(child_id)
    if child is None:
        raise not_found("ChildNotFoundException")
    kind = "ROOT" if child.parent_id == organization.ROOT_ID else "ORGANIZATIONAL_UNIT"
    return listed("Parents", [child.parent_id], str, lambda parent: {"Id": parent, "Type": kind}, call, world)


@answer("ListChildren")
def list_children(call: Call, world: World) -> Mapping[str, Any]:
    """List the accounts or the OUs directly under the root or an OU."""
    tree, parent_id, kind = world.state(OrganizationTree), _parent(call, world), call.parameters["ChildType"]
    accounts = [account.id for account in tree.accounts.values() if account.parent_id == parent_id]
    children = accounts if kind == "ACCOUNT" else [unit.id for unit in _children(tree, parent_id)]
    return listed("Children", children, str, lambda child: {"Id": child, "Type": kind}, call, world)


def _parent(call: Call, world: World) -> str:
    parent_id = str(call.parameters["ParentId"])
    if not world.knows(lambda each: each.state(OrganizationTree).is_container(parent_id)):
        raise not_found("ParentNotFoundException")
    return parent_id


def _children(tree: OrganizationTree, parent_id: str) -> list[OrganizationalUnit]:
    return [unit for unit in tree.units.values() if unit.parent_id == parent_id]


def _view(unit: OrganizationalUnit, world: World) -> Mapping[str, Any]:
    path = world.truth.state(OrganizationTree).path(unit.id)
    return {"Id": unit.id, "Arn": unit.arn, "Name": unit.name, "Path": path}
