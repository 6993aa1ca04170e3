"""What calls are made for, as the accounts' own CloudTrail shows it: the tenant and the replication.

Two places cost no call. Every request names both in its User-Agent, which CloudTrail keeps with each event; the session
of an account's access role is called after the tenant, because an account has one.

What would cost more, or break something, is not done:

- SourceIdentity stays for all later roles of the chain, and each of them must allow sts:SetSourceIdentity. The access
  role that AWS makes with an account does not, so nobody could enter a new account. And all tenants share the session
  of the management role: another one for each tenant would be a call more for each.
- Session tags need sts:TagSession in the trust policy of each role, which those of AWS's own making lack too.
  CloudTrail shows them with the AssumeRole only, where the name of the session stands already.

Source: docs.aws.amazon.com/IAM/latest/UserGuide, "Monitor and control actions taken with assumed roles", "Passing
session tags in AWS STS"; docs.aws.amazon.com/awscloudtrail, "CloudTrail record contents"
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PRODUCT = "meshstack-aws-connector"  # in the User-Agent, and the name of sessions that no tenant has alone
LONGEST_NAME = 64  # characters of a session's name. Source: AssumeRole, RoleSessionName
_ILLEGAL = re.compile(r"[^A-Za-z0-9_+=,.@-]")


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
    def user_agent(self) -> str:
        """Say what stands in the User-Agent of each request; empty: nothing.

        >>> Purpose("likvid.shop.aws.sandbox", "0192").user_agent
        'tenant/likvid.shop.aws.sandbox replication/0192'
        """
        parts = {"tenant": self.tenant, "replication": self.replication}
        return " ".join(f"{name}/{_ILLEGAL.sub('_', text)}" for name, text in parts.items() if text is not None)


CONNECTOR = Purpose()
"""No tenant's."""
