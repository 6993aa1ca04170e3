"""The command `policies`: print the IAM documents that the connector needs, to be put into AWS by a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from config.catalog import Catalog, CatalogError, load_catalog
from config.environment import SettingsError, load_settings
from config.platform import Platform
from config.printable import printable
from config.secret import LookUp
from tasks.accounts.guard_rail import own_guard_rail
from tasks.permissions.iam_documents import (
    PrincipalDocuments,
    Surroundings,
    direct_user,
    documents,
    placeholders,
    surroundings_of,
    with_external_ids,
)
from tasks.secret_stores.stores import SecretStores
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import print_json

PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


@dataclass(frozen=True)
class Wanted:
    """What the documents are for."""

    platform: str | None  # <platform>.<location> of the configuration directory; None: placeholders
    partition: str  # of placeholders; a platform has its own
    external_ids: bool  # fill the platform's in; they are secret
    optional: bool
    units: bool  # restrict moves to the OUs that the platform's landing zones name


def show_guard_rail(wanted: Wanted) -> None:
    """Print the connector's own service control policy, to start a templateFile from. Raises CommandFailed."""
    around = _surroundings(wanted)
    roles = [role for role in (around.access_role, around.import_role if wanted.platform else None) if role]
    print_json(own_guard_rail(around.partition, roles))


def show_policies(wanted: Wanted, *, as_json: bool) -> None:
    """Print the documents of every principal. Raises CommandFailed."""
    found = documents(_surroundings(wanted), optional=wanted.optional)
    if wanted.platform is None:
        found = (*found, direct_user(wanted.partition, optional=wanted.optional))
    if as_json:
        print_json(_plain(wanted, found))
    else:
        print("\n".join(_lines(found)))


def _surroundings(wanted: Wanted) -> Surroundings:
    if wanted.platform is None:
        return _placeholders(wanted)
    catalog = _catalog(SecretStores().look_up if wanted.external_ids else None)
    platform = _platform(catalog, wanted.platform)
    surroundings = surroundings_of(platform)
    if wanted.units:
        surroundings = replace(surroundings, units=_units(catalog, platform))
    return with_external_ids(surroundings, platform) if wanted.external_ids else surroundings


def _placeholders(wanted: Wanted) -> Surroundings:
    if wanted.external_ids:
        raise CommandFailed("--external-ids needs --platform, whose document holds them", ExitCode.USAGE)
    if wanted.units:
        raise CommandFailed("--only-landing-zone-units needs --platform, whose landing zones name OUs", ExitCode.USAGE)
    if wanted.partition not in PARTITIONS:
        message = f"--partition {wanted.partition} is not one of {', '.join(PARTITIONS)}"
        raise CommandFailed(message, ExitCode.USAGE)
    return placeholders(wanted.partition)


def _catalog(look_up: LookUp | None) -> Catalog:
    try:
        return load_catalog([load_settings().config_dir], look_up=look_up)
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def _units(catalog: Catalog, platform: Platform) -> tuple[str, ...]:
    """Return every OU that an account of the platform may be moved into."""
    zones = [zone for zone in catalog.landing_zones.values() if zone.platform in (None, platform.identifier)]
    free = sorted(zone.name for zone in zones if zone.target_organizational_unit is None)
    if free or not zones:
        which = f"landing zone {', '.join(free)} names none" if free else "the platform has no landing zone"
        raise CommandFailed(f"--only-landing-zone-units needs an awsTargetOrgUnitId: {which}", ExitCode.USAGE)
    units = [zone.target_organizational_unit for zone in zones] + [platform.account_closure.quarantine_unit]
    return tuple(sorted({unit for unit in units if unit is not None and unit.startswith("ou-")}))


def _platform(catalog: Catalog, identifier: str) -> Platform:
    platforms = catalog.platforms
    if identifier not in platforms:
        message = f"--platform {identifier} is not configured; known: {', '.join(sorted(platforms))}"
        raise CommandFailed(message, ExitCode.USAGE)
    return platforms[identifier]


def _plain(wanted: Wanted, found: Iterable[PrincipalDocuments]) -> dict[str, Any]:
    return {
        "platform": wanted.platform,
        "principals": [
            {
                "principal": str(each.principal),
                "arn": each.arn,
                "account": each.account,
                "policy": each.policy,
                "trust": each.trust,
                "optional": dict(each.optional),
            }
            for each in found
        ],
    }


def _lines(found: Iterable[PrincipalDocuments]) -> Iterable[str]:
    for each in found:
        where = "every member account" if each.account == "*" else f"account {each.account}"
        yield printable(f"# {each.principal} {each.arn} in {where}")
        yield from (f"# {sid} is optional. Without it {lost}." for sid, lost in each.optional.items())
        yield "# policy"
        yield json.dumps(each.policy, indent=2)
        if each.trust is not None:
            yield "# trust policy"
            yield json.dumps(each.trust, indent=2)
        yield ""
