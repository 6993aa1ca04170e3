"""The example documents, read once for all tests of a process: nothing changes a catalog."""

from __future__ import annotations

from functools import cache

from config.catalog import Catalog, load_catalog
from workers.examples import EXAMPLES

CONFIG = EXAMPLES / "config"


@cache
def example_catalog() -> Catalog:
    """Return what who asks knows of them, without their secrets."""
    return load_catalog([CONFIG], secrets=False)
