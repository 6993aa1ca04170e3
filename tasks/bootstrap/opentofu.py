"""The blueprint of all accounts as one OpenTofu configuration, which Terraform takes as well.

Each account has a provider of its own, which signs in with a profile of whoever applies it.
Source: opentofu.org/docs/language, registry.terraform.io/providers/hashicorp/aws (iam_role, iam_role_policy, iam_user,
iam_user_policy, iam_instance_profile, organizations_policy, organizations_policy_attachment)
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from config.policy_document import PolicyDocument
from tasks.bootstrap.blueprint import MARKS, PLATFORM_TAG, Account, ControlPolicy, ExternalId, Role, User

TERRAFORM = """\
terraform {
  required_version = ">= 1.8"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}
"""


@dataclass(frozen=True)
class Expression:
    """What stands in a file as it is: var.region."""

    text: str


def files(accounts: Iterable[Account], region: str) -> dict[str, str]:
    """Return the files by name."""
    listed = tuple(accounts)
    return {
        "providers.tf": "\n".join(_providers(listed, region)),
        "variables.tf": "\n".join(_variables(listed)),
        **{f"{account.key}.tf": "\n".join(_account(account)) for account in listed},
    }


def _providers(accounts: Iterable[Account], region: str) -> Iterator[str]:
    yield TERRAFORM
    for account in accounts:
        body = {
            "alias": account.key,
            "profile": Expression(f"var.{account.key}_profile"),
            "region": region,
            "allowed_account_ids": [account.id],
        }
        yield _block("provider", ("aws",), body)


def _variables(accounts: Iterable[Account]) -> Iterator[str]:
    external_ids: dict[ExternalId, None] = {}
    for account in accounts:
        description = f"Profile of the AWS configuration files that administers the {account.key} account"
        yield _block(
            "variable", (f"{account.key}_profile",), {"type": Expression("string"), "description": description}
        )
        external_ids |= dict.fromkeys(account.external_ids)
    for each in external_ids:
        body = {"type": Expression("string"), "sensitive": True, "description": each.what}
        yield _block("variable", (variable(each.name),), body)
    units = {"type": Expression("list(string)"), "default": []}
    described = {**units, "description": "OUs of the tenants' accounts that the service control policy protects"}
    yield _block("variable", ("protected_units",), described)


def _account(account: Account) -> Iterator[str]:
    provider = {"provider": Expression(f"aws.{account.key}")}
    for user in account.users:
        yield from _user(user, account.platform, provider)
    for role in account.roles:
        yield from _role(role, provider, waits=account.key != "meshcloud")
    for policy in account.control_policies:
        yield from _control_policy(policy, provider)
    if account.key == "meshcloud":
        yield _waited_for(account)


def _user(user: User, platform: str, provider: Mapping[str, Any]) -> Iterator[str]:
    name = _snake(user.name)
    body = {**provider, "name": user.name, "tags": {PLATFORM_TAG: platform}}
    yield _block("resource", ("aws_iam_user", name), body)
    for policy, document in user.policies.items():
        owner = {"user": Expression(f"aws_iam_user.{name}.name")}
        yield _policy("aws_iam_user_policy", policy, document, {**provider, **owner})


def _role(role: Role, provider: Mapping[str, Any], *, waits: bool) -> Iterator[str]:
    name = _snake(role.name)
    body = {
        **provider,
        "name": role.name,
        "description": role.description,
        "assume_role_policy": _encoded(role.trust),
        # AWS refuses a trust policy that names a role or user which does not exist yet.
        **({"depends_on": Expression("[terraform_data.meshcloud]")} if waits else {}),
    }
    yield _block("resource", ("aws_iam_role", name), body)
    for policy, document in role.policies.items():
        owner = {"role": Expression(f"aws_iam_role.{name}.name")}
        yield _policy("aws_iam_role_policy", policy, document, {**provider, **owner})
    if role.profile:
        profile = {**provider, "name": role.name, "role": Expression(f"aws_iam_role.{name}.name")}
        yield _block("resource", ("aws_iam_instance_profile", name), profile)


def _policy(kind: str, name: str, document: PolicyDocument, owner: Mapping[str, Any]) -> str:
    return _block("resource", (kind, _snake(name)), {**owner, "name": name, "policy": _encoded(document)})


def _control_policy(policy: ControlPolicy, provider: Mapping[str, Any]) -> Iterator[str]:
    name = _snake(policy.name)
    body = {
        **provider,
        "name": policy.name,
        "description": policy.description,
        "type": "SERVICE_CONTROL_POLICY",
        "content": _encoded(policy.content),
    }
    yield _block("resource", ("aws_organizations_policy", name), body)
    attachment = {
        **provider,
        "for_each": Expression("toset(var.protected_units)"),
        "policy_id": Expression(f"aws_organizations_policy.{name}.id"),
        "target_id": Expression("each.value"),
    }
    yield _block("resource", ("aws_organizations_policy_attachment", name), attachment)


def _waited_for(account: Account) -> str:
    """Return the block that other accounts wait for, because their trust policies name what this one makes."""
    made = [f"aws_iam_role.{_snake(each.name)}" for each in account.roles]
    made += [f"aws_iam_user.{_snake(each.name)}" for each in account.users]
    return _block("resource", ("terraform_data", account.key), {"depends_on": Expression(f"[{', '.join(made)}]")})


def _encoded(document: PolicyDocument) -> Expression:
    return Expression(f"jsonencode({hcl(document, 2)})")


def _block(kind: str, labels: Iterable[str], body: Mapping[str, Any]) -> str:
    head = " ".join([kind, *map(json.dumps, labels)])
    return "\n".join([f"{head} {{", *_assigned(body.items(), 2), "}", ""])


def hcl(value: Any, indent: int = 0) -> str:
    """Write a value as HCL.

    >>> hcl({"Action": ["a:B"], "Sid": "${x}"}).splitlines()
    ['{', '  "Action" = [', '    "a:B",', '  ]', '  "Sid" = "$${x}"', '}']
    """
    outer = " " * indent
    match value:
        case Expression(text):
            return text
        case str():
            return _text(value)
        case bool():
            return "true" if value else "false"
        case Mapping():
            lines = _assigned(((json.dumps(key), each) for key, each in value.items()), indent + 2)
            return "\n".join(["{", *lines, f"{outer}}}"])
    listed = [f"{outer}  {hcl(each, indent + 2)}," for each in value]
    return "\n".join(["[", *listed, f"{outer}]"]) if listed else "[]"


def _text(value: str) -> str:
    if value in MARKS:
        return f"var.{variable(MARKS[value].name)}"
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def _assigned(items: Iterable[tuple[str, Any]], indent: int) -> Iterator[str]:
    """Yield one assignment after the other, laid out as `tofu fmt` does: in neighbouring lines = is below =."""
    written = [(name, hcl(value, indent)) for name, value in items]
    for is_long, group in groupby(written, key=lambda each: "\n" in each[1]):
        same = list(group)
        width = 0 if is_long else max(len(name) for name, _ in same)
        yield from (f"{' ' * indent}{name:<{width}} = {text}" for name, text in same)


def variable(parameter: str) -> str:
    """Name the variable of a template's parameter.

    >>> variable("ManagementExternalId")
    'management_external_id'
    """
    return _snake(parameter)


def _snake(name: str) -> str:
    """Name a resource as OpenTofu's people do.

    >>> _snake("MeshfedServiceRole"), _snake("meshfed-service-user")
    ('meshfed_service_role', 'meshfed_service_user')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|-", "_", name).lower()
