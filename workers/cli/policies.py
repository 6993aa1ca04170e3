"""The command `policies`: print the IAM documents that the connector needs, to be put into AWS by a person."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from config.catalog import CatalogError, load_catalog
from config.platform import Platform
from config.settings import SettingsError, load_settings
from tasks.policies import (
    PrincipalDocuments,
    Surroundings,
    documents,
    placeholders,
    surroundings_of,
    with_external_ids,
)
from workers.cli.errors import CommandFailed, ExitCode, printable

PARTITIONS = ("aws", "aws-cn", "aws-us-gov")


@dataclass(frozen=True)
class Wanted:
    """What the documents are for."""

    platform: str | None  # <platform>.<location> of the configuration directory; None: placeholders
    partition: str  # of placeholders; a platform has its own
    external_ids: bool  # fill the platform's in; they are secret
    optional: bool


def show_policies(wanted: Wanted, *, as_json: bool) -> None:
    """Print the documents of every principal. Raises CommandFailed."""
    found = documents(_surroundings(wanted), optional=wanted.optional)
    print(json.dumps(_plain(wanted, found), indent=2) if as_json else "\n".join(_lines(found)))


def _surroundings(wanted: Wanted) -> Surroundings:
    if wanted.platform is None:
        return _placeholders(wanted)
    platform = _platform(wanted.platform)
    surroundings = surroundings_of(platform)
    return with_external_ids(surroundings, platform) if wanted.external_ids else surroundings


def _placeholders(wanted: Wanted) -> Surroundings:
    if wanted.external_ids:
        raise CommandFailed("--external-ids needs --platform, whose document holds them", ExitCode.USAGE)
    if wanted.partition not in PARTITIONS:
        message = f"--partition {wanted.partition} is not one of {', '.join(PARTITIONS)}"
        raise CommandFailed(message, ExitCode.USAGE)
    return placeholders(wanted.partition)


def _platform(identifier: str) -> Platform:
    try:
        platforms = load_catalog([load_settings().config_dir]).platforms
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
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
