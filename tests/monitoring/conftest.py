"""What our processes show, asked once for all tests of a process."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.monitoring.exposed import Series, exposed


@pytest.fixture(scope="session")
def shown() -> Mapping[str, Series]:
    return exposed()
