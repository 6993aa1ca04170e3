"""What people see on a terminal: tables fit its width, names and ids stay whole, a deletion is confirmed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.workers.cli.fake_api import FakeApi, accepted, problem, replication, tenant
from tests.workers.cli.terminal import on_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")

NAME = "likvid-bank.webshop-production.aws.sandbox"
PATH = "/api/v1/tenants/likvid-bank/webshop-production/aws.sandbox"
LIST = ("GET", "/api/v1/tenants?page=0&size=500")


OVERVIEW = {
    "at": "2026-01-01T10:00:00Z",
    "needs": [],
    "underWay": [],
    "limits": [],
    "machinery": {"workers": 1, "queued": 0, "lateSeconds": 0},
    "tenants": {},
    "drifted": 0,
    "unmanaged": 0,
}


def listing(lines: list[str]) -> list[str]:
    """Return what stands below the overview: the tenants."""
    return lines[next(number for number, line in enumerate(lines) if line.split()[:1] == ["tenant"]) :]


@pytest.fixture
def listed(fake_api: FakeApi) -> FakeApi:
    fake_api.script["GET", "/api/v1/overview"] = [(200, OVERVIEW)]
    page = {"number": 0, "size": 500, "totalElements": 1, "totalPages": 1}
    fake_api.script[LIST] = [(200, {"tenants": [tenant(NAME, "SUCCEEDED")[1]], "page": page})]
    return fake_api


def test_a_wide_terminal_shows_every_column_that_holds_something(
    listed: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    code, lines = on_terminal("status", environment=environment, columns=140, directory=tmp_path)
    assert code == 0
    assert listing(lines)[0].split() == ["tenant", "landing", "zone", "account", "state", "changed"]


def test_a_narrow_terminal_does_without_the_least_columns_and_says_so(
    listed: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    _, lines = on_terminal("status", environment=environment, columns=80, directory=tmp_path)
    assert [NAME, "500000000001", "SUCCEEDED"] in [line.split() for line in lines]
    assert "No room for: changed, landing zone." in lines
    assert max(map(len, lines)) <= 80


def test_a_very_narrow_terminal_shows_blocks_of_lines(
    listed: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    _, lines = on_terminal("status", environment=environment, columns=60, directory=tmp_path)
    rows = [line for line in listing(lines) if line and not line.startswith("landing zone")]
    blocks = dict(line.split(maxsplit=1) for line in rows)
    assert max(map(len, lines)) <= 60
    assert blocks == {
        "tenant": NAME,
        "account": "500000000001",
        "state": "SUCCEEDED",
        "changed": "2026-01-01 10:00 UTC",
    }


def test_a_long_note_keeps_what_stands_in_its_last_parentheses(
    fake_api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    note = "waits for one of the places that AWS has for new accounts of this organization (3 ahead)"
    waiting = replication(NAME, "r1", "WAITING", {"state": "WAITING", "note": note})
    fake_api.script["POST", f"{PATH}/replications"] = [accepted(NAME, "r1")]
    fake_api.script["GET", "/api/v1/replications/r1"] = [waiting, replication(NAME, "r1", "SUCCEEDED", {})]
    fake_api.script["GET", PATH] = [tenant(NAME, "SUCCEEDED")]

    code, lines = on_terminal("retry", NAME, environment=environment, columns=110, directory=tmp_path)

    assert code == 0
    assert any("waits for" in line and line.endswith("… (3 ahead)") for line in lines)


def test_watching_shows_first_who_may_need_somebody(
    fake_api: FakeApi, environment: dict[str, str], tmp_path: Path
) -> None:
    rows = [tenant(f"a.p{number:02}.aws.sandbox", "SUCCEEDED")[1] for number in range(40)]
    rows += [tenant("z.z.aws.sandbox", "FAILED")[1]]
    page = {"number": 0, "size": 500, "totalElements": 41, "totalPages": 1}
    fake_api.script[LIST] = [(200, {"tenants": rows, "page": page}), problem(404, "enough")]

    code, lines = on_terminal("status", "--watch", environment=environment, columns=100, directory=tmp_path)

    assert code == 1
    shown = [line.split()[0] for line in lines if ".aws.sandbox" in line]
    assert (shown[0], len(set(shown))) == ("z.z.aws.sandbox", 18)
    assert "41 tenants: 1 FAILED, 40 SUCCEEDED; 23 not shown" in lines


@pytest.mark.parametrize("answer", ["y\n", "n\n", "\n"])
def test_a_deletion_is_confirmed(fake_api: FakeApi, environment: dict[str, str], tmp_path: Path, answer: str) -> None:
    fake_api.script["GET", PATH] = [tenant(NAME, "SUCCEEDED")]
    fake_api.script["DELETE", PATH] = [accepted(NAME, "r1")]

    code, lines = on_terminal("delete", NAME, environment=environment, columns=120, directory=tmp_path, answer=answer)

    assert any("AWS account 500000000001 may be closed" in line for line in lines)
    agreed = answer == "y\n"
    assert (code, ("DELETE", PATH) in fake_api.asked) == ((0, True) if agreed else (1, False))
    assert lines[-1].endswith("deletion accepted as replication r1" if agreed else "was not deleted")
