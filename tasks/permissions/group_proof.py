"""What a group of ours carries in AWS, so that nobody takes it for another tenant's or another role's.

    meshstack.tenant.likvid.shop.aws.sandbox.role.dev-admin

It stands in the Description of a group in the identity store, and in the externalId of one that was made by SCIM. Both
take it as it is: an externalId has 256 characters at most (Identity Store API reference, ExternalId), and SCIM has
refused some, such as a colon, that the API's own pattern allows. So there are letters, digits, dashes and dots, and
everything else of a name is written as its code point: `cloud team` is `cloud_20_team`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from config.patterns import PatternError

LONGEST = 256  # characters
_SPECIAL = re.compile(r"[^A-Za-z0-9-]")
_CODE = re.compile(r"_([0-9a-f]+)_")
_FORM = re.compile(r"meshstack\.tenant\.(?P<tenant>[A-Za-z0-9_.-]+)\.role\.(?P<role>[A-Za-z0-9_-]+)")


@dataclass(frozen=True)
class GroupProof:
    """Whose a group is."""

    tenant: str  # <workspace>.<project>.<platform>.<location>
    role: str  # the AWS role (platformGroupAlias)

    @property
    def text(self) -> str:
        """Write the proof.

        >>> GroupProof("likvid.shop.aws.sandbox", "cloud team").text
        'meshstack.tenant.likvid.shop.aws.sandbox.role.cloud_20_team'
        """
        tenant = ".".join(map(_written, self.tenant.split(".")))
        return f"meshstack.tenant.{tenant}.role.{_written(self.role)}"

    def checked(self) -> GroupProof:
        """Return the proof; PatternError when AWS would not take all of it."""
        if len(self.text) > LONGEST:
            raise PatternError(f"'{self.text}', which proves whose a group is, is longer than {LONGEST} characters")
        return self

    @classmethod
    def read(cls, text: str | None) -> GroupProof | None:
        """Read what a group carries; None: it proves nothing.

        >>> GroupProof.read("meshstack.tenant.likvid.role.aws.sandbox.role.cloud_20_team")
        GroupProof(tenant='likvid.role.aws.sandbox', role='cloud team')
        """
        match = _FORM.fullmatch(text or "")
        return None if match is None else cls(_read(match["tenant"]), _read(match["role"]))

    def __str__(self) -> str:
        return f"tenant {self.tenant}, AWS role {self.role}"


def _written(name: str) -> str:
    return _SPECIAL.sub(lambda match: f"_{ord(match[0]):x}_", name)


def _read(text: str) -> str:
    return _CODE.sub(lambda match: chr(int(match[1], 16)), text)
