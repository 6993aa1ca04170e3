"""Control Tower in the documents: what enrollment needs is asked for before any account waits for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.config.samples import AWS_ZONE, LANDING_ZONE, PLATFORM, REMOVE, REPLICATION, bent, load, mistakes

FACTORY = f"{REPLICATION}.enrollmentConfiguration"


def test_enrolment_is_read(tmp_path: Path) -> None:
    factory = {
        "managementAccountId": "123456789012",
        "accountFactoryProductId": "prod-abc123",
        "ssoUserEmail": "aws@example.com",
        "retryWindowMinutes": 45,
    }
    catalog = load(tmp_path, bent(PLATFORM, FACTORY, factory), LANDING_ZONE)

    enrollment = catalog.platforms["aws.dev"].enrollment
    assert enrollment is not None
    assert (enrollment.sso_user_email, enrollment.retry_window_minutes) == ("aws@example.com", 45)
    assert catalog.landing_zones["basic"].enroll_account
    assert not [note for note in catalog.notes if "nroll" in note]


def test_the_window_is_meshstacks_own_unless_said_otherwise(tmp_path: Path) -> None:
    enrollment = load(tmp_path, PLATFORM, LANDING_ZONE).platforms["aws.dev"].enrollment

    assert enrollment is not None
    assert (enrollment.sso_user_email, enrollment.retry_window_minutes) == (None, 20)


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (FACTORY, REMOVE, "awsEnrollAccount = true needs an enrollmentConfiguration of platform aws.dev"),
        (f"{FACTORY}.managementAccountId", "210987654321", "organizationRootAccountRole: 123456789012"),
        (f"{FACTORY}.accountFactoryProductId", "factory", "id of a Service Catalog product"),
        (f"{FACTORY}.ssoUserEmail", "nobody", "ssoUserEmail"),
        (f"{FACTORY}.retryWindowMinutes", 0, "retryWindowMinutes"),
    ],
)
def test_a_platform_that_could_enrol_nothing_is_refused(tmp_path: Path, path: str, value: Any, expected: str) -> None:
    [mistake] = mistakes(tmp_path, bent(PLATFORM, path, value), LANDING_ZONE)

    assert expected in mistake


@pytest.mark.parametrize("target", [REMOVE, "r-ab12"])
def test_an_account_is_enrolled_in_an_ou(tmp_path: Path, target: Any) -> None:
    [mistake] = mistakes(tmp_path, PLATFORM, bent(LANDING_ZONE, f"{AWS_ZONE}.awsTargetOrgUnitId", target))

    assert "awsEnrollAccount = true needs awsTargetOrgUnitId" in mistake


def test_a_landing_zone_says_whether_it_enrols(tmp_path: Path) -> None:
    [mistake] = mistakes(tmp_path, PLATFORM, bent(LANDING_ZONE, f"{AWS_ZONE}.awsEnrollAccount", REMOVE))

    assert "awsEnrollAccount is required" in mistake
