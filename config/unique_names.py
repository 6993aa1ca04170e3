"""Refuse patterns under which two tenants, two AWS roles or two platforms could have one name in AWS.

What shares a name shares an account's email, or a group and so its people's access. Aliases are another matter: AWS
gives each one once in the world, whoever asks, and allows no character in it that identifiers may not hold. So an alias
pattern is refused only when names are certain to meet; a meeting by chance is a replication that fails and says so.

What no document can show (two orders with one number, a role that had another name last year) ends in NotOurs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from config.access_document import GROUP_ALIAS
from config.landing_zone import LandingZone, effective_role_mappings
from config.lookalikes import Lookalike, Rendering, of_one_pattern, of_two_patterns
from config.patterns import Pattern, sanitise_alias
from config.platform import Platform

DOT = "put a dot, or another character that no identifier may hold, between the placeholders"


@dataclass(frozen=True)
class SharedName:
    """Why a field of a platform's document must be another one."""

    platform: str  # identifier
    field: str
    pattern: Pattern
    message: str


def shared_names(platforms: Sequence[Platform], zones: Sequence[LandingZone]) -> Iterator[SharedName]:
    """Yield what could make two names one, of each platform and of each two."""
    roles = {platform.identifier: _Roles.of(platform, zones) for platform in platforms}
    for platform in platforms:
        yield from _emails(platform)
        yield from _groups(platform, roles[platform.identifier])
    for one, other in combinations(platforms, 2):
        if one.management_account_id == other.management_account_id:
            yield from _accounts_of_two(one, other)
        if _instance(one) is not None and _instance(one) == _instance(other):
            yield from _groups_of_two(one, other, roles)


@dataclass(frozen=True)
class _Roles:
    """The AWS roles that tenants of a platform may have, by landing zone, and all of them."""

    by_zone: Mapping[str, tuple[str, ...]]
    all: tuple[str, ...]

    @classmethod
    def of(cls, platform: Platform, zones: Sequence[LandingZone]) -> "_Roles":
        """Read them; a platform without landing zones among the documents has its own mappings."""
        fitting = [zone for zone in zones if zone.platform in (None, platform.identifier)]
        found = {zone.name: effective_role_mappings(platform, zone) for zone in fitting}
        found = found or {"": effective_role_mappings(platform, None)}
        by_zone = {name: tuple(dict.fromkeys(each.aws_role for each in rows)) for name, rows in found.items()}
        return cls(by_zone, tuple(dict.fromkeys(role for names in by_zone.values() for role in names)))


def _emails(platform: Platform) -> Iterator[SharedName]:
    pattern = platform.account_email_pattern
    found = of_one_pattern(_rendering(pattern, platform))
    if found is not None:
        message = f"could give two tenants one address{_example(found)}; {DOT}"
        yield SharedName(platform.identifier, "accountEmailPattern", pattern, message)


def _groups(platform: Platform, roles: _Roles) -> Iterator[SharedName]:
    """Every tenant and every role needs groups of its own; one mistake tells enough."""
    pattern = _group_pattern(platform)
    if pattern is None:
        return
    checks = (_without_alias, _of_tenants, _of_roles)
    message = next(filter(None, (check(pattern, platform, roles) for check in checks)), None)
    if message is not None:
        yield SharedName(platform.identifier, "groupNamePattern", pattern, message)


def _without_alias(pattern: Pattern, _: Platform, roles: _Roles) -> str | None:
    if GROUP_ALIAS in pattern.placeholders:
        return None
    zone = next((name for name, names in roles.by_zone.items() if len(names) > 1), None)
    if zone is None:
        return None
    names = " and ".join(roles.by_zone[zone])
    return f"needs #{{{GROUP_ALIAS}}}: landing zone {zone} maps the AWS roles {names}, and each needs its group"


def _of_tenants(pattern: Pattern, platform: Platform, roles: _Roles) -> str | None:
    for role in roles.all:
        found = of_one_pattern(_rendering(pattern, platform, role))
        if found is not None:
            return f"could give two tenants one group{_example(found)}; {DOT}"
    return None


def _of_roles(pattern: Pattern, platform: Platform, roles: _Roles) -> str | None:
    if GROUP_ALIAS not in pattern.placeholders:
        return None
    for one, other in combinations(roles.all, 2):
        found = of_two_patterns(_rendering(pattern, platform, one), _rendering(pattern, platform, other))
        if found is not None:
            example = _example(found, f"role {one}", f"role {other}")
            what = f"could give the AWS roles {one} and {other} one group{example}"
            return f"{what}; put a dot before or after #{{{GROUP_ALIAS}}}, or rename a role"
    return None


def _accounts_of_two(one: Platform, other: Platform) -> Iterator[SharedName]:
    """Two platforms of one organization: an email is one account's, and proves in direct mode whose it is."""
    emails = [_rendering(each.account_email_pattern, each) for each in (one, other)]
    found = of_two_patterns(*emails)
    if found is not None:
        example = _example(found, f"on {one.identifier}", f"on {other.identifier}")
        message = f"could give a tenant of {one.identifier}, in the same organization, the same address{example}"
        yield _of_the_second(other, "accountEmailPattern", other.account_email_pattern, message)
    aliases = [_rendering(each.account_alias_pattern, each).of_somebody() for each in (one, other)]
    if sanitise_alias(aliases[0]) == sanitise_alias(aliases[1]):
        message = f"gives every project that is also on {one.identifier} the alias that it has there"
        yield _of_the_second(other, "accountAliasPattern", other.account_alias_pattern, message)


def _groups_of_two(one: Platform, other: Platform, roles: Mapping[str, _Roles]) -> Iterator[SharedName]:
    """Two platforms with one identity store."""
    pattern, another = _group_pattern(one), _group_pattern(other)
    if pattern is None or another is None:
        return
    for role, role_there in product(roles[one.identifier].all, roles[other.identifier].all):
        found = of_two_patterns(_rendering(pattern, one, role), _rendering(another, other, role_there))
        if found is not None:
            example = _example(found, f"role {role}, on {one.identifier}", f"role {role_there}, on {other.identifier}")
            message = f"could give a tenant of {one.identifier}, with the same identity store, the same group{example}"
            yield _of_the_second(other, "groupNamePattern", another, message)
            return


def _of_the_second(platform: Platform, field: str, pattern: Pattern, message: str) -> SharedName:
    remedy = "put #{platform} into both patterns, or a different text into each"
    return SharedName(platform.identifier, field, pattern, f"{message}; {remedy}")


def _rendering(pattern: Pattern, platform: Platform, role: str | None = None) -> Rendering:
    return Rendering(pattern, {"platform": platform.identifier, **({} if role is None else {GROUP_ALIAS: role})})


def _group_pattern(platform: Platform) -> Pattern | None:
    return None if platform.identity_center is None else platform.identity_center.group_name_pattern


def _instance(platform: Platform) -> str | None:
    return None if platform.identity_center is None else platform.identity_center.instance_arn


def _example(found: Lookalike, one: str = "", other: str = "") -> str:
    """Show the name with those who would share it, where that is known."""
    sides = [
        ", ".join(filter(None, (*_identity(values), who))) for values, who in ((found.one, one), (found.other, other))
    ]
    return f", such as '{found.text}'" + (f" for {sides[0]} and for {sides[1]}" if all(sides) else "")


def _identity(values: Mapping[str, str]) -> Iterator[str]:
    """Name a tenant by its identifiers and numbers: workspace a, project b."""
    for name, value in sorted(values.items(), reverse=True):
        yield f"{name.removesuffix('Identifier')} {value}"
