"""STS: who may become which role, and the sessions that follow.

AssumeRole needs both sides, as in AWS: an Allow of the caller's identity policies and a trust policy that names the
caller; inside one account a trust policy that names the caller itself is enough. Session tags and a source identity
need the same of sts:TagSession and sts:SetSourceIdentity. A new account's roles cannot be
assumed before `role_delay_seconds`. Errors: AccessDenied 403, ValidationError 400, ExpiredToken, InvalidIdentityToken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto.iam.models import Role

from workers.sandbox import organization
from workers.sandbox.aws import errors, identities, shapes
from workers.sandbox.aws.call import AwsError, Call, operations
from workers.sandbox.aws.credentials import Credentials
from workers.sandbox.aws.late_roles import roles_of
from workers.sandbox.aws.permissions import role_of
from workers.sandbox.aws.policies import Decision, evaluate, trusts
from workers.sandbox.aws.tree import AccountState
from workers.sandbox.aws.world import World
from workers.sandbox.web_identity import read_token

ROLE_ARN = re.compile(r"arn:aws:iam::(?P<account>\d{12}):role/(?:.+/)?(?P<name>[\w+=,.@-]+)")
CHAINING_LIMIT_SECONDS = 3600
DEFAULT_SESSION_SECONDS = 3600


@operations.answer("sts", "AssumeRole")
def assume_role(call: Call, world: World) -> Mapping[str, Any]:
    """Open a session of a role."""
    _check_request(call)
    role = _usable_role(call, world)
    for action in _actions(call):
        if role is None or not _both_sides_agree(call, role, action):
            raise errors.not_authorized("sts", call.caller, action, str(call.parameters["RoleArn"]))
    assert role is not None  # every request is for an action
    _check_duration(call, role)
    return _session(call, world, role)


@operations.answer("sts", "AssumeRoleWithWebIdentity")
def assume_role_with_web_identity(call: Call, world: World) -> Mapping[str, Any]:
    """Open a session of a role that trusts the sandbox's web identity provider."""
    _check_request(call)
    claims = _web_identity(call)
    role = _usable_role(call, world)
    account_id = str(call.parameters["RoleArn"]).split(":")[4]
    provider = organization.WEB_IDENTITY_PROVIDER
    principals = {"Federated": [f"arn:aws:iam::{account_id}:oidc-provider/{provider}"]}
    context = {f"{provider}:{name}": claims[name] for name in ("sub", "aud")}
    action = "sts:AssumeRoleWithWebIdentity"
    if role is None or not trusts(identities.trust_policy(role), action, principals, context):
        raise AwsError("AccessDenied", f"Not authorized to perform {action}", 403)
    _check_duration(call, role)
    identity = {"SubjectFromWebIdentityToken": claims["sub"], "Audience": claims["aud"], "Provider": provider}
    return {**_session(call, world, role), **identity}


def _web_identity(call: Call) -> Mapping[str, str]:
    """Judge a token as AWS does: its issuer's signature, its end, its audience."""
    claims = read_token(str(call.parameters["WebIdentityToken"]))
    if claims is None:
        raise AwsError("InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
    if claims["iss"] != f"https://{organization.WEB_IDENTITY_PROVIDER}":
        raise AwsError("InvalidIdentityToken", "No OpenIDConnect provider found in your account for " + claims["iss"])
    if claims["exp"] <= call.now:
        message = f"Token expired: current date/time {call.now:.0f} must be before the expiration date/time"
        raise AwsError("ExpiredTokenException", f"{message} {claims['exp']:.0f}")
    audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if organization.WEB_IDENTITY_AUDIENCE not in audiences:
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")
    return {"sub": claims["sub"], "aud": organization.WEB_IDENTITY_AUDIENCE}


@operations.answer("sts", "GetCallerIdentity")
def get_caller_identity(call: Call, _world: World) -> Mapping[str, Any]:
    """Say who calls."""
    return {"UserId": call.caller.arn.split("/", 1)[1], "Account": call.caller.account_id, "Arn": call.caller.arn}


def _check_request(call: Call) -> None:
    try:
        shapes.check("sts", call.operation, call.parameters)
    except AwsError as error:
        raise AwsError("ValidationError", error.message) from error
    if not ROLE_ARN.fullmatch(str(call.parameters["RoleArn"])):
        raise AwsError("ValidationError", f"{call.parameters['RoleArn']} is invalid")


def _usable_role(call: Call, world: World) -> Role | None:
    match = ROLE_ARN.fullmatch(str(call.parameters["RoleArn"]))
    assert match is not None  # _check_request
    try:
        account = world.account(match["account"])
    except KeyError:
        return None
    if account.state is not AccountState.ACTIVE or account.usable_from > call.now:
        return None
    role = roles_of(account.id, world).get(match["name"])
    return role if role is not None and role.arn == call.parameters["RoleArn"] else None


def _actions(call: Call) -> Iterator[str]:
    yield "sts:AssumeRole"
    if call.parameters.get("Tags"):
        yield "sts:TagSession"
    if call.parameters.get("SourceIdentity") is not None:
        yield "sts:SetSourceIdentity"


def _context(call: Call) -> Mapping[str, str | list[str]]:
    context: dict[str, str | list[str]] = {"aws:PrincipalArn": role_of(call.caller)}
    if call.parameters.get("ExternalId") is not None:
        context["sts:ExternalId"] = str(call.parameters["ExternalId"])
    tags = {str(tag["Key"]): str(tag["Value"]) for tag in call.parameters.get("Tags", ())}
    return {**context, "aws:TagKeys": list(tags), **{f"aws:RequestTag/{key}": text for key, text in tags.items()}}


def _both_sides_agree(call: Call, role: Role, action: str) -> bool:
    context = _context(call)
    trust, arns = identities.trust_policy(role), _own_arns(call)
    root = f"arn:aws:iam::{call.caller.account_id}:root"
    named = trusts(trust, action, {"AWS": arns}, context)
    trusted = trusts(trust, action, {"AWS": [*arns, root, call.caller.account_id]}, context)
    policies = identities.policies_of(call.caller.arn)
    decision = evaluate(policies, action, str(call.parameters["RoleArn"]), context)
    if decision is Decision.DENIED:
        return False
    same_account = str(call.parameters["RoleArn"]).split(":")[4] == call.caller.account_id
    return trusted and (decision is Decision.ALLOWED or (same_account and named))


def _own_arns(call: Call) -> list[str]:
    """Give the names of a caller in a trust policy: a session may be named by itself or by its role."""
    arn = call.caller.arn
    if ":assumed-role/" not in arn:
        return [arn]
    return [arn, role_of(call.caller)]


def _check_duration(call: Call, role: Role) -> None:
    seconds = int(call.parameters.get("DurationSeconds", DEFAULT_SESSION_SECONDS))
    if ":assumed-role/" in call.caller.arn and seconds > CHAINING_LIMIT_SECONDS:
        message = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise AwsError("ValidationError", message)
    if seconds > int(role.max_session_duration or DEFAULT_SESSION_SECONDS):
        message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise AwsError("ValidationError", message)


def _session(call: Call, world: World, role: Role) -> Mapping[str, Any]:
    account_id, name = str(call.parameters["RoleArn"]).split(":")[4], str(call.parameters["RoleSessionName"])
    arn = f"arn:aws:sts::{account_id}:assumed-role/{role.name}/{name}"
    asked = int(call.parameters.get("DurationSeconds", DEFAULT_SESSION_SECONDS))
    expires = call.now + min(asked, world.options.longest_session_seconds)
    credentials = world.state(Credentials)
    credentials.forget_expired(call.now)
    session = credentials.open_session(account_id, arn, expires)
    return {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret_key,
            "SessionToken": session.token,
            "Expiration": expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{name}", "Arn": arn},
        "PackedPolicySize": 0,
    }
