"""What is not wrong in the documents, but is surely not what was meant: said when they are read, and refused never."""

from collections.abc import Collection, Iterator

from config.landing_zone import LandingZone, powerless_roles
from config.platform import Platform

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


def costs_read_twice(platforms: Collection[Platform]) -> Iterator[Remark]:
    """Find platforms of one organization that would all pay for the same costs."""
    first: dict[str, str] = {}
    for platform in sorted(platforms, key=lambda each: each.identifier):
        if platform.metering is None:
            continue
        name, other = platform.identifier, first.setdefault(platform.metering.account_id, platform.identifier)
        if other != name:
            yield name, f"{other} collects the costs of this organization already, so {name} does not"
