"""AWS's limits are kept: whoever has no place waits, and AWS refuses nobody. How well they are used: `make bench`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.makespan import measure
from workers.sandbox.aws.options import SimulatorOptions

TENANTS = 10


@pytest.mark.thorough
def test_creations_wait_for_each_other_and_aws_throttles_nobody(tmp_path: Path) -> None:
    options = SimulatorOptions(
        creation_seconds=1.5,
        role_delay_seconds=0.2,
        assignment_seconds=0.5,
        stack_operation_seconds=0.2,
        rates={"sso-admin": 60, "identitystore": 60, "organizations": 60},
    )
    # 20 Identity Center calls a second suffice for a tenant every 0.9 s; here an account is created every 0.3 s.
    found = measure(
        tmp_path,
        TENANTS,
        options,
        forked=True,
        CONNECTOR_POLL_SECONDS="0.5",
        CONNECTOR_IDENTITY_CENTER_CALLS_PER_SECOND="60",
    )

    assert found.waited["account creation"] > 0, "there are 5 places: somebody waited"
    assert found.throttled == 0
