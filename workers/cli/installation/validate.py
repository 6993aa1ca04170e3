"""The command `validate`: check configuration documents without starting anything, and show what tenants would get.

What renders tenants is imported where it is used: it brings Redis's client, which a check of documents does not need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.catalog import Catalog, CatalogError, load_catalog
from config.environment import SettingsError, load_settings
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.orders import orders_of
from workers.cli.output import facts, print_json, print_line, show, stdout_console

LABELS = {
    "landingZone": "landing zone",
    "accountName": "account name",
    "accountEmail": "email",
    "accountAlias": "alias",
    "organizationalUnit": "OU",
    "tags": "tag",
    "tagsLeftOut": "no room for",
    "groups": "group",
    "federatedRoles": "IAM role",
    "parameters": "parameter",
    "remarks": "remark",
    "problems": "problem",
}


def check_documents(paths: Sequence[Path], orders: Path | None, *, secrets: bool, as_json: bool) -> ExitCode:
    """Check documents and say what they hold; no paths: those of CONNECTOR_CONFIG_DIR. Raises CommandFailed.

    orders   a file of tenants of which every name is shown that they would give to something in AWS
    secrets  False: where secrets stand is checked, and not whether they are there
    """
    try:
        some = bool(paths) and all(path.is_file() for path in paths)
        catalog = load_catalog(paths or [load_settings().config_dir], complete=not some, secrets=secrets)
        rendered = [] if orders is None else _rendered(orders, catalog)
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    found = {
        "notes": list(catalog.notes),
        "platforms": sorted(catalog.platforms),
        "landingZones": sorted(catalog.landing_zones),
        "tenants": rendered,
    }
    if as_json:
        print_json(found)
    else:
        _show(found)
    return _verdict(rendered)


def _rendered(file: Path, catalog: Catalog) -> list[dict[str, Any]]:
    from workers.cli.installation.render import render  # noqa: PLC0415 (see the module's top)

    settings = load_settings()
    return [render(order, catalog, settings) for order in orders_of(file)]


def _show(found: Mapping[str, Any]) -> None:
    console = stdout_console()
    for note in found["notes"]:
        print_line(console, f"note: {note}")
    print_line(console, f"platforms: {', '.join(found['platforms']) or 'none'}")
    print_line(console, f"landing zones: {', '.join(found['landingZones']) or 'none'}")
    for tenant in found["tenants"]:
        print_line(console, tenant["tenant"])
        show(console, facts(_told(tenant)))
    if not any(tenant["problems"] for tenant in found["tenants"]):
        print_line(console, "No problems found.")


def _verdict(rendered: Sequence[dict[str, Any]]) -> ExitCode:
    refused = [tenant["tenant"] for tenant in rendered if tenant["problems"]]
    if not refused:
        return ExitCode.DONE
    complain(f"{len(refused)} of {len(rendered)} tenants would be refused: {', '.join(refused)}")
    return ExitCode.MISTAKES


def _told(shown: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Tell people of one rendered order: pairs of what and how."""
    for name, label in LABELS.items():
        for text in _texts(name, shown.get(name)):
            yield f"  {label}", text


def _texts(name: str, value: Any) -> Sequence[str]:
    match name, value:
        case "accountEmail", dict():
            texts = [f"{value['text']} ({value['length']} of {value['limit']} characters)"]
        case "groups", list():
            texts = [f"{each['name']}: {', '.join(each['people'])}" for each in value]
        case "federatedRoles", list():
            texts = [f"{each['name']}: {', '.join(each['policies']) or 'only its trust'}" for each in value]
        case _, dict():
            texts = [f"{key} = {text}" for key, text in value.items()]
        case _, list():
            texts = [str(each) for each in value]
        case _:
            texts = [] if value is None else [str(value)]
    return texts
