"""Access keys: whose they are, until when they hold, and whether a request was signed with them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SigningCredentials
from moto.iam.models import AccessKeyLastUsed

from workers.sandbox import scim
from workers.sandbox.aws import errors
from workers.sandbox.aws.call import Caller
from workers.sandbox.aws.decoding import Decoded, Request
from workers.sandbox.aws.identities import backend
from workers.sandbox.aws.world import World
from workers.sandbox.scim import wire

ANONYMOUS = Caller("", "anonymous")
"""Who calls AssumeRoleWithWebIdentity."""


@dataclass(frozen=True)
class Credential:
    """One access key. token and expires (seconds since the epoch) only for sessions."""

    access_key: str
    secret_key: str
    caller: Caller
    token: str | None = None
    expires: float | None = None


@dataclass
class Credentials:
    """Every key that the simulator has given out."""

    keys: dict[str, Credential] = field(default_factory=dict)

    def add_user(self, access_key: str, secret_key: str, account_id: str, arn: str) -> None:
        """Register a user's long-lived key."""
        self.keys[access_key] = Credential(access_key, secret_key, Caller(account_id, arn))

    def open_session(self, account_id: str, arn: str, expires: float) -> Credential:
        """Give out the temporary key of an assumed role."""
        access_key = "ASIA" + "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") for _ in range(16))
        token = secrets.token_urlsafe(96)
        session = Credential(access_key, secrets.token_urlsafe(30), Caller(account_id, arn), token, expires)
        self.keys[access_key] = session
        return session

    def forget_expired(self, now: float) -> None:
        """Drop the sessions that ended an hour ago; until then they are answered as expired."""
        ended = [key for key, held in self.keys.items() if held.expires is not None and held.expires < now - 3600]
        for key in ended:
            del self.keys[key]


def authenticate(world: World, decoded: Decoded, request: Request) -> Caller:
    """Find who signed a request, or who has SCIM's token; AwsError when AWS would not know them."""
    if decoded.service == scim.SERVICE:
        return wire.authenticate(world, request.method, decoded.parameters, request.headers)
    if decoded.access_key is None:
        if decoded.operation == "AssumeRoleWithWebIdentity":
            return ANONYMOUS
        raise errors.unknown_key(decoded.service)
    credential = world.state(Credentials).keys.get(decoded.access_key) or _created_key(world, decoded)
    if credential is None or credential.token != request.headers.get("x-amz-security-token"):
        raise errors.unknown_key(decoded.service)
    if credential.expires is not None and credential.expires <= world.now():
        raise errors.expired_token(decoded.service)
    if world.options.verify_signatures and not _is_signed(request, credential):
        raise errors.wrong_signature(decoded.service)
    return credential.caller


def _created_key(world: World, decoded: Decoded) -> Credential | None:
    """Find a key that was made through iam:CreateAccessKey, which moto answers; it is used now."""
    access_key, service, region = str(decoded.access_key), decoded.service, decoded.region
    for account in world.accounts:
        key = backend(account.id).access_keys.get(access_key)
        if key is not None and key.user_name and key.status == "Active":
            key.last_used = AccessKeyLastUsed(datetime.fromtimestamp(world.now(), UTC), service, region)
            arn = f"arn:aws:iam::{account.id}:user/{key.user_name}"
            return Credential(access_key, str(key.secret_access_key), Caller(account.id, arn))
    return None


def _is_signed(request: Request, credential: Credential) -> bool:
    fields = _authorization(request.headers["authorization"])
    region, service = fields["Credential"].split("/")[2:4]
    signed = {name: request.headers.get(name, "") for name in fields["SignedHeaders"].split(";")}
    url = f"http://{request.headers['host']}{request.path}" + (f"?{request.query}" if request.query else "")
    copy = AWSRequest(method=request.method, url=url, data=request.body, headers=signed)
    copy.context["timestamp"] = request.headers["x-amz-date"]
    keys = SigningCredentials(credential.access_key, credential.secret_key, credential.token)
    signer = SigV4Auth(keys, service, region)
    expected = signer.signature(signer.string_to_sign(copy, signer.canonical_request(copy)), copy)
    return hmac.compare_digest(expected, fields["Signature"])


def _authorization(header: str) -> Mapping[str, str]:
    pairs = header.partition(" ")[2].split(",")
    return {name.strip(): value for name, _, value in (pair.partition("=") for pair in pairs)}
