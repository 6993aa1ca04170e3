"""Users, roles and their policies as moto's IAM keeps them, so that our own checks and moto's answers agree."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import unquote

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend, Role, User, iam_backends

PARTITION = "aws"
ADMINISTRATOR_ACCESS = "arn:aws:iam::aws:policy/AdministratorAccess"
AWS_MANAGED = "arn:aws:iam::aws:policy/"


def backend(account_id: str) -> IAMBackend:
    """Give moto's IAM of one account."""
    found: IAMBackend = iam_backends[account_id][PARTITION]
    return found


def create_role(
    account_id: str,
    name: str,
    trust: Mapping[str, Any],
    policies: Mapping[str, Mapping[str, Any]] | None = None,
    managed: Sequence[str] = (),
) -> None:
    """Create a role (its name with its path, if it has one) with inline policies and managed policies (ARNs)."""
    iam = backend(account_id)
    path, _, name = name.rpartition("/")
    iam.create_role(name, json.dumps(trust), f"/{path}/" if path else "/", None, "", [], "3600")
    for policy_name, document in (policies or {}).items():
        iam.put_role_policy(name, policy_name, json.dumps(document))
    for arn in managed:
        provide_managed_policy(account_id, arn)
        iam.attach_role_policy(arn, name)


def create_user(account_id: str, name: str, policies: Mapping[str, Mapping[str, Any]]) -> str:
    """Create a user with inline policies; answer its ARN."""
    user = backend(account_id).create_user("us-east-1", name)
    for policy_name, document in policies.items():
        backend(account_id).put_user_policy(name, policy_name, json.dumps(document))
    return str(user.arn)


def write_user(
    account_id: str, name: str, policies: Mapping[str, Mapping[str, Any]], tags: Sequence[Mapping[str, str]]
) -> None:
    """Create a user, or change the one that there is: it keeps its access keys, and tags that are not named."""
    iam = backend(account_id)
    if name not in iam.users:
        create_user(account_id, name, {})
    user = iam.users[name]
    user.policies.clear()
    for policy_name, document in policies.items():
        iam.put_user_policy(name, policy_name, json.dumps(document))
    iam.tag_user(name, [dict(each) for each in tags])


def forget_user(account_id: str, name: str) -> None:
    """Delete a user with all that belongs to it; one that is not there is gone already."""
    user = backend(account_id).users.pop(name, None)
    if user is not None:
        backend(account_id).tagger.delete_all_tags_for_resource(user.arn)


def find_role(account_id: str, name: str) -> Role | None:
    """Find a role by its name."""
    return next((role for role in backend(account_id).roles.values() if role.name == name), None)


def role_names(account_id: str) -> list[str]:
    """List the names of an account's roles."""
    return sorted(role.name for role in backend(account_id).roles.values())


def role_policies(account_id: str) -> dict[str, list[str]]:
    """List the ARNs of the managed policies attached to each of an account's roles."""
    return {role.name: sorted(role.managed_policies) for role in backend(account_id).roles.values()}


def trust_policy(role: Role) -> Mapping[str, Any]:
    """Read a role's trust policy."""
    return _document(role.assume_role_policy_document)


def policies_of(arn: str) -> list[Mapping[str, Any]]:
    """Read every identity policy of a user or of the role of an assumed-role session."""
    *_, account_id, identity = arn.split(":")
    kind, *names = identity.split("/")
    holder: Role | User | None
    holder = backend(account_id).users.get(names[-1]) if kind == "user" else find_role(account_id, names[0])
    if holder is None:
        return []
    inline = [_document(text) for text in holder.policies.values()]
    return inline + [_document(_default_document(policy)) for policy in holder.managed_policies.values()]


def provide_managed_policy(account_id: str, arn: str) -> None:
    """Let the account have one of AWS's managed policies (moto knows all or none of them, and all are slow)."""
    policies = backend(account_id).managed_policies
    name = arn.rpartition("/")[2]
    if arn in policies or not arn.startswith(AWS_MANAGED):
        return
    data = _aws_policies().get(name)
    if data is not None and f"{AWS_MANAGED}{data['Path'].lstrip('/')}{name}" == arn:
        policies[arn] = AWSManagedPolicy.from_data(name, account_id, "us-east-1", data)


def _default_document(policy: Any) -> str:
    return str(next(version.document for version in policy.versions if version.is_default))


def _document(text: Any) -> Mapping[str, Any]:
    if isinstance(text, Mapping):
        return text
    loaded = json.loads(text if text.lstrip().startswith("{") else unquote(text))
    return dict(loaded)


@cache
def _aws_policies() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(aws_managed_policies_data)
    return found
