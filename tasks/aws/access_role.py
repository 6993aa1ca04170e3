"""The role by which we act in an account: its trust policy, its own policies, and what else is attached to it.

Every method acts on the one access role, by the rights of whoever the calls are made as: the access role itself, or
the import role that makes it. IAM names a role without its path.
Source: docs.aws.amazon.com/IAM/latest/APIReference.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from config.policy_document import PolicyDocument
from tasks.aws.calls import Calls
from tasks.errors import Conflict, NotFound, NotReady

OURS = "Lets the meshStack AWS connector work in this account."


class AccessRole:
    """The access role of one member account."""

    def __init__(self, calls: Calls, role: str, partition: str) -> None:
        """Name the role, with its path if it has one: mesh/AccountAccess."""
        path, _, self._name = role.rpartition("/")
        self._path = f"/{path}/" if path else "/"
        self._calls = calls
        self.administrator = f"arn:{partition}:iam::aws:policy/AdministratorAccess"

    def trust(self) -> PolicyDocument | None:
        """Return the trust policy as AWS keeps it; None when there is no such role."""
        try:
            role = self._calls.read("get_role", RoleName=self._name)["Role"]
        except NotFound:
            return None
        return _document(role["AssumeRolePolicyDocument"])

    def set_trust(self, document: PolicyDocument) -> None:
        """Replace the trust policy."""
        self._calls.write("update_assume_role_policy", RoleName=self._name, PolicyDocument=json.dumps(document))

    def create(self, trust: PolicyDocument, description: str = OURS) -> None:
        """Create the role without rights; also done when it is there already."""
        try:
            self._calls.write(
                "create_role",
                RoleName=self._name,
                Path=self._path,
                AssumeRolePolicyDocument=json.dumps(trust),
                Description=description,
            )
        except Conflict as conflict:
            if conflict.code != "EntityAlreadyExists":
                raise

    def make_administrator(self) -> None:
        """Attach AdministratorAccess; again is fine."""
        self._calls.write("attach_role_policy", RoleName=self._name, PolicyArn=self.administrator)

    def is_administrator(self) -> bool:
        """Tell whether AdministratorAccess is attached to the role, which must be there.

        Raises NotReady while AWS does not show it: a list may be older than the role of a new account.
        """
        try:
            attached = self._calls.read("list_attached_role_policies", RoleName=self._name)  # AWS attaches at most 20
        except NotFound as missing:
            raise NotReady(missing.code, missing.message, missing.request_id) from missing
        return any(policy["PolicyArn"] == self.administrator for policy in attached["AttachedPolicies"])

    def detach_administrator(self) -> None:
        """Take AdministratorAccess away; also done when it is not attached."""
        try:
            self._calls.write("detach_role_policy", RoleName=self._name, PolicyArn=self.administrator)
        except NotFound:
            return

    def policy(self, name: str) -> PolicyDocument | None:
        """Return one of the role's own (inline) policies; None when it has none of that name."""
        try:
            answer = self._calls.read("get_role_policy", RoleName=self._name, PolicyName=name)
        except NotFound:
            return None
        return _document(answer["PolicyDocument"])

    def put_policy(self, name: str, document: PolicyDocument) -> None:
        """Write one of the role's own policies."""
        self._calls.write("put_role_policy", RoleName=self._name, PolicyName=name, PolicyDocument=json.dumps(document))


def _document(value: Any) -> PolicyDocument:
    """Botocore decodes what AWS quotes as a URL; a document that it could not decode stays a text."""
    return value if isinstance(value, Mapping) else json.loads(str(value))
