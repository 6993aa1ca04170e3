"""What is not wrong in the documents, but is surely not what was meant: said when they are read, and refused never."""

import difflib
from collections.abc import Collection, Iterator

from config.landing_zone import LandingZone, powerless_roles
from config.platform import Platform

NEARLY = 0.85  # how alike (0 to 1) a region must be to a known one to count as a slip of the pen
REGIONS = frozenset(
    {
        *("af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1"),
        *("ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5"),
        *("ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "cn-north-1", "cn-northwest-1"),
        *(
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
        ),
        *("eusc-de-east-1", "il-central-1", "me-central-1", "me-south-1", "mx-central-1", "sa-east-1", "us-east-1"),
        *("us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1", "us-west-2"),
    }
)

Remark = tuple[str, str]
"""The name of a platform or landing zone, and what is to be said of it."""


def powerless_groups(zones: Collection[LandingZone], platforms: Collection[Platform]) -> Iterator[Remark]:
    """Find the AWS roles of a landing zone whose group gets no rights."""
    for zone in zones:
        for platform in platforms:
            if not zone.role_mappings or zone.platform not in (None, platform.identifier):
                continue
            if powerless := powerless_roles(platform, zone):
                yield (
                    zone.name,
                    f"{platform.identifier} has no permission set for {', '.join(powerless)} of {zone.name}",
                )


def powerless_stacks(zones: Collection[LandingZone], platforms: Collection[Platform]) -> Iterator[Remark]:
    """Find an access stack whose resources a downgraded access role may not change."""
    for zone in zones:
        downgraded = sorted(
            platform.identifier
            for platform in platforms
            if platform.self_downgrade_access_role and zone.platform in (None, platform.identifier)
        )
        if downgraded and zone.access_stack is not None and zone.access_stack.policy is None:
            which = f"accessStack of {zone.name} has no policyFile"
            who = f"{', '.join(downgraded)} downgrades the access role"
            yield zone.name, f"{which}, and {who}: once deployed, its resources cannot be changed"


def unknown_regions(platforms: Collection[Platform]) -> Iterator[Remark]:
    """Find platforms whose region is none that we know, but nearly one: AWS opens new ones, so it may be right."""
    for platform in platforms:
        near = difflib.get_close_matches(platform.region, REGIONS, n=1, cutoff=NEARLY)
        if platform.region not in REGIONS and near:
            yield platform.identifier, f"{platform.region} is not a known region; did you mean {near[0]}?"


def costs_read_twice(platforms: Collection[Platform]) -> Iterator[Remark]:
    """Find platforms of one organization that would all pay for the same costs."""
    first: dict[str, str] = {}
    for platform in sorted(platforms, key=lambda each: each.identifier):
        if platform.metering is None:
            continue
        name, other = platform.identifier, first.setdefault(platform.metering.account_id, platform.identifier)
        if other != name:
            yield name, f"{other} collects the costs of this organization already, so {name} does not"
