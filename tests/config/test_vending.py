"""waitForExternalAvm and externalAvm of a platform document."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.platform import ExternalVending
from tests.config.samples import PLATFORM, REPLICATION, bent, load, mistakes

WAITING = bent(PLATFORM, f"{REPLICATION}.waitForExternalAvm", True)


def vending(folder: Path, document: dict[str, Any]) -> ExternalVending | None:
    catalog = load(folder, document)
    assert not [note for note in catalog.notes if "Avm" in note]
    return catalog.platforms["aws.dev"].external_vending


def test_nothing_is_waited_for_unless_asked(tmp_path: Path) -> None:
    assert vending(tmp_path, PLATFORM) is None


def test_the_tags_are_meshstacks_and_the_time_is_an_hour(tmp_path: Path) -> None:
    assert vending(tmp_path, WAITING) == ExternalVending(
        workspace_tag="ProductName", project_tag="Stage", deadline=timedelta(hours=1)
    )


def test_tags_and_time_may_be_others(tmp_path: Path) -> None:
    changed = {"productNameTag": "vended:for", "stageTag": "vended:as", "deadlineMinutes": 180}
    assert vending(tmp_path, bent(WAITING, f"{REPLICATION}.externalAvm", changed)) == ExternalVending(
        workspace_tag="vended:for", project_tag="vended:as", deadline=timedelta(hours=3)
    )


@pytest.mark.parametrize(
    ("document", "part", "expected"),
    [
        (PLATFORM, {"deadlineMinutes": 60}, "must not hold externalAvm without waitForExternalAvm: true"),
        (WAITING, {"deadlineMinutes": 0}, "deadlineMinutes = 0"),
        (WAITING, {"deadlineMinutes": 4321}, "deadlineMinutes = 4321"),
        (WAITING, {"stageTag": "ProductName"}, "must name two different tags"),
        (WAITING, {"stageTag": "aws:stage"}, "must be a legal AWS tag key"),
        (WAITING, {"stageTag": "a*b"}, "must be a legal AWS tag key"),
        (WAITING, {"stage": "x"}, "stage"),
    ],
)
def test_mistakes(tmp_path: Path, document: dict[str, Any], part: dict[str, Any], expected: str) -> None:
    found = mistakes(tmp_path, bent(document, f"{REPLICATION}.externalAvm", part))
    assert [expected in line for line in found] == [True], found


def test_a_direct_user_may_not_read_the_tags(tmp_path: Path) -> None:
    access = f"{REPLICATION}.accessConfig"
    direct = bent(WAITING, f"{access}.organizationRootAccountRole", None)
    direct = bent(
        bent(direct, f"{access}.organizationRootAccountId", "123456789012"), f"{REPLICATION}.tenantTags", None
    )
    (line,) = mistakes(tmp_path, direct)
    assert "must not hold waitForExternalAvm with organizationRootAccountId" in line
