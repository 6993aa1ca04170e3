"""IAM account aliases with AWS's rules; SAML providers: `iam_saml.py`; everything else of IAM goes to moto.

An alias is unique over all of AWS, an account has at most one, and a new one replaces it. Source: IAM user guide,
"Your AWS account ID and its alias". Errors: EntityAlreadyExists 409, NoSuchEntity 404, ValidationError 400.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.sandbox.aws import iam_roles, identities, shapes
from workers.sandbox.aws.call import AwsError, Call, operations
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.visibility_rules import Kind
from workers.sandbox.aws.world import World


@dataclass
class Aliases:
    """The aliases by account, and those of strangers."""

    of: Shelf[str, str] = field(default_factory=lambda: Shelf(Kind.ALIAS))
    strangers: set[str] = field(default_factory=set)


@operations.answer("iam", "CreateAccountAlias")
def create_account_alias(call: Call, world: World) -> Mapping[str, Any]:
    """Give the caller's account an alias, in place of its old one."""
    alias, aliases = _alias(call), world.state(Aliases)
    if alias in aliases.strangers or alias in aliases.of.values():
        raise AwsError("EntityAlreadyExists", f"The account alias {alias} already exists.", 409)
    aliases.of[call.caller.account_id] = alias
    return {}


@operations.answer("iam", "DeleteAccountAlias")
def delete_account_alias(call: Call, world: World) -> Mapping[str, Any]:
    """Take the alias of the caller's account away."""
    alias, aliases = _alias(call), world.state(Aliases)
    if aliases.of.get(call.caller.account_id) != alias:
        raise AwsError("NoSuchEntity", f"The account alias {alias} does not exist.", 404)
    del aliases.of[call.caller.account_id]
    return {}


@operations.answer("iam", "ListAccountAliases")
def list_account_aliases(call: Call, world: World) -> Mapping[str, Any]:
    """List the alias of the caller's account: none or one."""
    alias = world.state(Aliases).of.get(call.caller.account_id)
    return {"AccountAliases": [] if alias is None else [alias], "IsTruncated": False}


def prepare(call: Call, world: World) -> None:
    """Check what moto does not, and let moto know the AWS managed policy that a call names, just before it answers."""
    if call.service != "iam":
        return
    iam_roles.check(call, world)
    if "PolicyArn" in call.parameters:
        identities.provide_managed_policy(call.caller.account_id, str(call.parameters["PolicyArn"]))


def _alias(call: Call) -> str:
    try:
        shapes.check("iam", call.operation, call.parameters)
    except AwsError as error:
        raise AwsError("ValidationError", error.message) from error
    return str(call.parameters["AccountAlias"])
