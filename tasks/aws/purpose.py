"""What calls are made for, as the accounts' own CloudTrail shows it: the tenant and the replication.

Two places cost no call. Every request names both in its User-Agent, which CloudTrail keeps with each event; the session
of an account's access role is called after the tenant, because an account has one.

Session tags are an option (sessionTags), because each role must allow sts:TagSession, and because sessions of the
management and automation role, which all tenants share otherwise, become one for each replication: an AssumeRole more.
They are not transitive, so the access roles that AWS makes with accounts, which allow no tags, never see them.

SourceIdentity stays for all later roles of the chain, and each of them must allow sts:SetSourceIdentity. Those access
roles do not, so nobody could enter a new account: there is no option for it.

Source: docs.aws.amazon.com/IAM/latest/UserGuide, "Monitor and control actions taken with assumed roles", "Passing
session tags in AWS STS"; docs.aws.amazon.com/awscloudtrail, "CloudTrail record contents"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PRODUCT = "meshstack-aws-connector"  # in the User-Agent, and the name of sessions that no tenant has alone
LONGEST_NAME = 64  # characters of a session's name. Source: AssumeRole, RoleSessionName
TENANT_TAG, REPLICATION_TAG = "meshstack:tenant", "meshstack:replication"  # of a session
LONGEST_TAG = 256  # characters of a tag's value. Source: AWS STS API reference, Tag
_ILLEGAL = re.compile(r"[^A-Za-z0-9_+=,.@-]")
_ILLEGAL_IN_TAGS = re.compile(r"[^A-Za-z0-9 _.:/=+@-]")


@dataclass(frozen=True)
class Purpose:
    """Whom calls are for. Nothing: the connector itself, as for a snapshot or a check."""

    tenant: str | None = None  # <workspace>.<project>.<platform>.<location>
    replication: str | None = None  # its id; None: somebody only looks

    @property
    def session_name(self) -> str:
        """Name the session of a role in the tenant's own account.

        >>> Purpose("likvid.shop.aws.sandbox", "0192").session_name, Purpose().session_name
        ('likvid.shop.aws.sandbox', 'meshstack-aws-connector')
        """
        return PRODUCT if self.tenant is None else _ILLEGAL.sub("_", self.tenant)[:LONGEST_NAME]

    @property
    def tags(self) -> tuple[tuple[str, str], ...]:
        """Say what a session is tagged with, if the platform has its sessions tagged; empty: nothing.

        >>> Purpose("likvid.shop.aws.sandbox", "0192").tags
        (('meshstack:tenant', 'likvid.shop.aws.sandbox'), ('meshstack:replication', '0192'))
        """
        parts = {TENANT_TAG: self.tenant, REPLICATION_TAG: self.replication}
        named = {name: text for name, text in parts.items() if text is not None}
        return tuple((name, _ILLEGAL_IN_TAGS.sub("_", text)[:LONGEST_TAG]) for name, text in named.items())

    @property
    def user_agent(self) -> str:
        """Say what stands in the User-Agent of each request; empty: nothing.

        >>> Purpose("likvid.shop.aws.sandbox", "0192").user_agent
        'tenant/likvid.shop.aws.sandbox replication/0192'
        """
        parts = {"tenant": self.tenant, "replication": self.replication}
        return " ".join(f"{name}/{_ILLEGAL.sub('_', text)}" for name, text in parts.items() if text is not None)


CONNECTOR = Purpose()
"""No tenant's."""
