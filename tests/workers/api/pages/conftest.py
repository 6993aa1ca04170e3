from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest

from tests.workers.api.pages.scene import Scene, visiting
from tests.workers.api.server import Api


@pytest.fixture
def scene(api: Api) -> Scene:
    return Scene(api)


@pytest.fixture
def pages(api: Api) -> Iterator[httpx2.Client]:
    """A person who has signed in and may do everything."""
    with visiting(api) as http:
        yield http
