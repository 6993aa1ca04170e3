"""The command `validate`: check configuration documents without starting anything, and show what tenants would get.

What shows tenants is imported where it is used: it brings Redis's client, which a check of documents does not need.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from config.catalog import Catalog, CatalogError, load_catalog
from config.settings import SettingsError, load_settings
from workers.cli.errors import CommandFailed, ExitCode, complain
from workers.cli.output import facts, print_line, show, stdout_console


def check_documents(paths: Sequence[Path], orders: Path | None, *, as_json: bool) -> ExitCode:
    """Check documents and say what they hold; no paths: those of CONNECTOR_CONFIG_DIR. Raises CommandFailed.

    orders  a file of tenants of which every name is shown that they would give to something in AWS
    """
    try:
        some = bool(paths) and all(path.is_file() for path in paths)
        catalog = load_catalog(paths or [load_settings().config_dir], complete=not some)
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
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _show(found)
    return _verdict(rendered)


def _rendered(file: Path, catalog: Catalog) -> list[dict[str, Any]]:
    from workers.cli.orders import STDIN, OrdersRefused, read_orders  # noqa: PLC0415 (see the module's top)
    from workers.cli.installation.render import render  # noqa: PLC0415 (see the module's top)

    settings = load_settings()
    try:
        return [render(order, catalog, settings) for order in read_orders(STDIN if str(file) == "-" else file)]
    except OrdersRefused as refused:
        raise CommandFailed(str(refused), ExitCode.MISTAKES) from refused


def _show(found: dict[str, Any]) -> None:
    console = stdout_console()
    for note in found["notes"]:
        print_line(console, f"note: {note}")
    print_line(console, f"platforms: {', '.join(found['platforms']) or 'none'}")
    print_line(console, f"landing zones: {', '.join(found['landingZones']) or 'none'}")
    for tenant in found["tenants"]:
        from workers.cli.installation.render import told  # noqa: PLC0415 (see the module's top)

        print_line(console, tenant["tenant"])
        show(console, facts(told(tenant)))
    if not any(tenant["problems"] for tenant in found["tenants"]):
        print_line(console, "everything is right")


def _verdict(rendered: Sequence[dict[str, Any]]) -> ExitCode:
    refused = [tenant["tenant"] for tenant in rendered if tenant["problems"]]
    if not refused:
        return ExitCode.DONE
    complain(f"{len(refused)} of {len(rendered)} tenants would be refused: {', '.join(refused)}")
    return ExitCode.MISTAKES
