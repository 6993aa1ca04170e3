"""The IAM roles of a member account, and the managed policies attached to them. IAM names a role without its path.

Source: docs.aws.amazon.com/IAM/latest/APIReference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from config.policy_document import PolicyDocument
from tasks.aws.calls import Calls
from tasks.errors import NotFound


@dataclass(frozen=True)
class Role:
    """A role as IAM keeps it."""

    name: str
    path: str
    trust: PolicyDocument
    tags: dict[str, str]  # empty in lists, in which AWS leaves them out


@dataclass(frozen=True)
class NewRole:
    """A role to be made."""

    name: str
    path: str
    trust: PolicyDocument
    description: str
    tags: dict[str, str]


class Roles:
    """The roles of one member account."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def all(self) -> Iterator[Role]:
        """List every role, 100 a call, without tags."""
        marker: dict[str, str] = {}
        while True:
            answer = self._calls.read("list_roles", **marker)
            yield from map(_role, answer["Roles"])
            if not answer.get("IsTruncated"):
                return
            marker = {"Marker": answer["Marker"]}

    def find(self, name: str) -> Role | None:
        """Return a role; None when there is none."""
        try:
            return _role(self._calls.read("get_role", RoleName=name)["Role"])
        except NotFound:
            return None

    def create(self, role: NewRole) -> None:
        """Create a role without policies; Conflict when the account has one of that name."""
        self._calls.write(
            "create_role",
            RoleName=role.name,
            Path=role.path,
            AssumeRolePolicyDocument=json.dumps(role.trust),
            Description=role.description,
            Tags=[{"Key": key, "Value": value} for key, value in sorted(role.tags.items())],
        )

    def set_trust(self, name: str, trust: PolicyDocument) -> None:
        """Replace a role's trust policy."""
        self._calls.write("update_assume_role_policy", RoleName=name, PolicyDocument=json.dumps(trust))

    def policies(self, name: str) -> frozenset[str]:
        """Return the ARNs of the managed policies attached to a role; AWS attaches at most 20, which is one page."""
        attached = self._calls.read("list_attached_role_policies", RoleName=name)["AttachedPolicies"]
        return frozenset(policy["PolicyArn"] for policy in attached)

    def policy_exists(self, arn: str) -> bool:
        """Tell whether there is a managed policy."""
        try:
            self._calls.read("get_policy", PolicyArn=arn)
        except NotFound:
            return False
        return True

    def attach(self, name: str, arn: str) -> None:
        """Attach a managed policy; again is fine."""
        self._calls.write("attach_role_policy", RoleName=name, PolicyArn=arn)

    def detach(self, name: str, arn: str) -> None:
        """Take a managed policy away; also done when it is not attached."""
        try:
            self._calls.write("detach_role_policy", RoleName=name, PolicyArn=arn)
        except NotFound:
            return

    def own_policies(self, name: str) -> list[str]:
        """Name a role's own (inline) policies; AWS gives up to 100 at once, and a role has room for no more."""
        return list(self._calls.read("list_role_policies", RoleName=name)["PolicyNames"])

    def delete_own_policy(self, name: str, policy: str) -> None:
        """Delete one of a role's own policies; also done when it is gone."""
        try:
            self._calls.write("delete_role_policy", RoleName=name, PolicyName=policy)
        except NotFound:
            return

    def delete(self, name: str) -> None:
        """Delete a role; also done when it is gone. Conflict while it has policies or stands in an instance profile."""
        try:
            self._calls.write("delete_role", RoleName=name)
        except NotFound:
            return


def _role(described: Any) -> Role:
    trust = described["AssumeRolePolicyDocument"]  # decoded by botocore; a text where it could not
    document: PolicyDocument = trust if isinstance(trust, Mapping) else json.loads(str(trust))
    tags = {tag["Key"]: tag["Value"] for tag in described.get("Tags", ())}
    return Role(described["RoleName"], described.get("Path", "/"), document, tags)
