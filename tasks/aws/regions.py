"""Which regions an account must enable before anything in it can be called there.

Source: docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html: regions that AWS has opened since March
2019 are disabled in every account until somebody enables them; the older ones, and those of other partitions, are not.
"""

from __future__ import annotations

import re

ALWAYS_ENABLED = frozenset(
    {
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-southeast-1",
        "ap-southeast-2",
        "ca-central-1",
        "eu-central-1",
        "eu-north-1",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
STANDARD = re.compile(r"(?!us-gov|cn-|us-iso|eu-iso)[a-z]{2}-[a-z]+-[0-9]+")  # of the partition aws


def is_opt_in(region: str) -> bool:
    """Tell whether accounts must enable a region first.

    >>> is_opt_in("me-south-1"), is_opt_in("eu-central-1"), is_opt_in("us-gov-west-1"), is_opt_in("")
    (True, False, False, False)
    """
    return region not in ALWAYS_ENABLED and STANDARD.fullmatch(region) is not None
