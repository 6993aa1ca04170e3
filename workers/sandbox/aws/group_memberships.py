"""Identity Center's group memberships."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workers.sandbox.aws.call import Call
from workers.sandbox.aws.directory import (
    Directory,
    Membership,
    admit,
    bare,
    group,
    not_found,
    taken,
    user,
)
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.shapes import answer

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


@answer("identitystore", "CreateGroupMembership")
def create_group_membership(call: Call, world: World) -> Mapping[str, Any]:
    """Put a user into a group; raise ConflictException when it is in there."""
    directory = admit(call, world)
    group_id = group(world, call.parameters["GroupId"]).entry_id
    user_id = user(world, call.parameters["MemberId"]["UserId"]).entry_id
    if directory.membership(group_id, user_id) is not None:
        raise taken("Member and Group relationship already exists.")
    return _identifiers(directory.join(group_id, user_id, world.now()))


def _identifiers(membership: Membership) -> dict[str, Any]:
    members = membership.members()
    return {name: members[name] for name in ("IdentityStoreId", "MembershipId", "MembershipArn")}


@answer("identitystore", "DeleteGroupMembership")
def delete_group_membership(call: Call, world: World) -> Mapping[str, Any]:
    """Take a user out of a group; raise ResourceNotFoundException when the membership does not exist."""
    admit(call, world).leave(_membership(call, world))
    return {}


@answer("identitystore", "DescribeGroupMembership")
def describe_group_membership(call: Call, world: World) -> Mapping[str, Any]:
    """Describe a membership."""
    admit(call, world)
    return _membership(call, world).members()


def _membership(call: Call, world: World) -> Membership:
    membership_id = bare(call.parameters["MembershipId"])
    found = world.named(lambda each: each.state(Directory).membership_of(membership_id))
    if found is None:
        raise not_found("GROUP_MEMBERSHIP", membership_id)
    return found


@answer("identitystore", "GetGroupMembershipId")
def get_group_membership_id(call: Call, world: World) -> Mapping[str, Any]:
    """Look a membership up by group and user."""
    directory = admit(call, world)
    group_id = group(world, call.parameters["GroupId"]).entry_id
    membership = directory.membership(group_id, bare(call.parameters["MemberId"]["UserId"]))
    if membership is None:
        raise not_found("GROUP_MEMBERSHIP")
    return _identifiers(membership)


@answer("identitystore", "ListGroupMemberships")
def list_group_memberships(call: Call, world: World) -> Mapping[str, Any]:
    """List a group's members; raise ResourceNotFoundException for an unknown group."""
    directory = admit(call, world)
    group_id = group(world, call.parameters["GroupId"]).entry_id
    return _page(call, (item for item in directory.memberships.values() if item.group_id == group_id))


@answer("identitystore", "ListGroupMembershipsForMember")
def list_group_memberships_for_member(call: Call, world: World) -> Mapping[str, Any]:
    """List a user's groups; raise ResourceNotFoundException for an unknown user."""
    directory = admit(call, world)
    user_id = user(world, call.parameters["MemberId"]["UserId"]).entry_id
    return _page(call, (item for item in directory.memberships.values() if item.user_id == user_id))


def _page(call: Call, memberships: Iterable[Membership]) -> Mapping[str, Any]:
    found, more = page(memberships, lambda item: item.membership_id, call.parameters)
    return {"GroupMemberships": [membership.members() for membership in found], **more}


@answer("identitystore", "IsMemberInGroups")
def is_member_in_groups(call: Call, world: World) -> Mapping[str, Any]:
    """Answer for each group, in the order asked, whether the user is in it."""
    directory = admit(call, world)
    user_id = user(world, call.parameters["MemberId"]["UserId"]).entry_id
    groups = [group(world, group_id).entry_id for group_id in call.parameters["GroupIds"]]
    return {
        "Results": [
            {
                "GroupId": group_id,
                "MemberId": {"UserId": user_id},
                "MembershipExists": directory.membership(group_id, user_id) is not None,
            }
            for group_id in groups
        ]
    }
