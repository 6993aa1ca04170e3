"""From an empty organization to a rotated key, by the pages alone: each command is one that they show.

The reader has ids of their own, no terminal that could be asked (so --yes), and a machine with other free ports.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tasks.stacks.templates import STACK_NAME
from tests.manual.shell import Page, Shell
from tests.security.processes import free_port
from tests.support.cluster import BRISK, QUICK
from tests.support.command import Ended
from tests.support.empty_organization import empty_organization, key_pair, off_for_a_day, signing_in, users
from tests.support.redis import CheckedRedis
from tests.support.waiting import LONG, eventually
from tests.test_documents import REPOSITORY
from tests.workers.cli.running import clean_environment
from workers.demo.supervisor import Supervisor
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

DOCS = REPOSITORY / "docs"
OWN = {  # what the pages show -> what the reader has
    "arn:aws:sso:::instance/ssoins-1234567890abcdef": organization.INSTANCE_ARN,
    "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-1111111111111111": organization.ADMIN_PERMISSION_SET_ARN,
    "arn:aws:sso:::permissionSet/ssoins-1234567890abcdef/ps-2222222222222222": organization.READER_PERMISSION_SET_ARN,
    "ou-ab12-11111111": organization.PRODUCTION_OU_ID,
}
SANDBOX = (DOCS / "sandbox.md").read_text()
SECRETS = Path("aws-main") / "config.d" / "secrets"


@pytest.fixture
def simulator() -> Iterator[SimulatorClient]:
    with empty_organization(QUICK) as client:
        yield client


@pytest.fixture
def shell(tmp_path: Path, simulator: SimulatorClient) -> Iterator[Shell]:
    port = free_port()
    with CheckedRedis() as redis:
        machine = {
            "CONNECTOR_REDIS_URL": redis.url,
            "CONNECTOR_API_PORT": str(port),
            "CONNECTOR_URL": f"http://127.0.0.1:{port}",
        }
        variables = clean_environment(**organization.administration(simulator.url, tmp_path), **BRISK, **machine)
        with Supervisor(tmp_path, variables) as processes:
            yield Shell(tmp_path, variables, processes)


@pytest.mark.thorough
def test_from_an_empty_organization_to_a_rotated_key(shell: Shell, simulator: SimulatorClient) -> None:
    assert [mine for mine in OWN.values() if mine.rpartition("/")[2] not in SANDBOX] == [], "who tries it needs them"
    page = Page.of(DOCS / "integrate.md", {**OWN, "127.0.0.1:8080": shell.environment["CONNECTOR_URL"][7:]})

    prepare(shell, page.section("2. "))
    describe(shell, page)
    start(shell, page.section("4. "))
    order(shell, page.section("5. "), simulator)
    rotate(shell, Page.of(DOCS / "rotate-keys.md", {}), page.section("5. "), simulator)
    take_back(shell, Page.of(DOCS / "bootstrap.md", {}).section("Take it back"), simulator)


def typed(shell: Shell, line: str, *more: str, code: int = 0) -> str:
    ended: Ended = shell.type(line, *more)
    assert ended.returncode == code, f"{line}\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def prepare(shell: Shell, section: Page) -> None:
    said = {line: typed(shell, line, *(["--yes"] if "--apply" in line else [])) for line in section.commands}

    (deployed,) = [text for line, text in said.items() if "--apply" in line]
    assert "meshfed-service-user: create AKIA" in deployed
    assert "  ok      management role: " in deployed
    assert "  ok      costs" not in deployed, "that costs money, and nobody has asked for it"
    assert "  warning " not in deployed


def describe(shell: Shell, page: Page) -> None:
    zone, tenants = page.documents
    (shell.directory / "aws-main" / "config.d" / "production.yaml").write_text(zone)
    for line in page.section("3. ").commands:
        typed(shell, line)
    (shell.directory / "tenants.yaml").write_text(tenants)  # the page shows it later; no command before needs it


def start(shell: Shell, section: Page) -> None:
    *before, doctor = section.commands
    for line in before:
        typed(shell, line)
    eventually(lambda: ready(shell), LONG)
    said = typed(shell, doctor)
    assert "  ok      workers: " in said
    assert "  error " not in said


def ready(shell: Shell) -> bool:
    with suppress(httpx2.HTTPError):
        found = httpx2.get(f"{shell.environment['CONNECTOR_URL']}/readyz")
        return found.status_code == 200 and found.json()["workers"] > 0
    return False


def order(shell: Shell, section: Page, simulator: SimulatorClient) -> None:
    names, plan, apply, *by_curl = section.commands
    assert "aws+platform.first-test@example.com" in typed(shell, names)
    assert "create" in typed(shell, plan, code=2)
    assert "SUCCEEDED" in typed(shell, apply)
    assert simulator.account("platform.first-test")["email"] == "aws+platform.first-test@example.com"

    ordered, status = by_curl
    assert json.loads(typed(shell, ordered))["state"] == "QUEUED"
    found = until_configured(shell, status)
    assert found["accountId"] == simulator.account("platform.second-test")["id"]
    stacks = [each for each in simulator.state()["cloudformation"] if each["name"] == STACK_NAME]
    assert len(stacks) == 1, "of the landing zone that bootstrap wrote"


def until_configured(shell: Shell, status: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads(typed(shell, status))
        assert found["status"] != "FAILED", found
        return found if found["status"] == "SUCCEEDED" else None

    return eventually(look, LONG)


def rotate(shell: Shell, page: Page, orders: Page, simulator: SimulatorClient) -> None:
    """Rotate while the worker runs. Time passes by hours at once."""
    command, secrets = page.commands[0], shell.directory / SECRETS
    first = key_pair(secrets, "service-user")

    assert "meshfed-service-user: create" in typed(shell, command, "--yes")
    second = key_pair(secrets, "service-user")
    assert second[0] != first[0]
    eventually(
        lambda: is_used(second[0], shell, orders, simulator), LONG
    )  # without a restart, "within a second or two"

    simulator.operator("age_key", key=first[0], hours=27)
    assert f"meshfed-service-user: switch off {first[0]}" in typed(shell, command, "--yes")
    assert signing_in(simulator, first) == "InvalidClientTokenId"
    another_order(shell, orders, "fourth-test")

    off_for_a_day(simulator, organization.SERVICE_USER, first[0])
    assert f"meshfed-service-user: delete {first[0]}" in typed(shell, command, "--yes")
    assert signing_in(simulator, second) == "ok"


def is_used(key: str, shell: Shell, orders: Page, simulator: SimulatorClient) -> bool:
    """Order, and tell whether the worker used the key: an order may be faster than its look at the files."""
    another_order(shell, orders, "third-test")
    return "LastUsedDate" in users(simulator).get_access_key_last_used(AccessKeyId=key)["AccessKeyLastUsed"]


def another_order(shell: Shell, section: Page, project: str) -> None:
    ordered, status = (line.replace("second-test", project) for line in section.commands[-2:])
    typed(shell, ordered)
    until_configured(shell, status)


def take_back(shell: Shell, section: Page, simulator: SimulatorClient) -> None:
    shell.stop()  # first see that no worker runs any more
    said = typed(shell, section.commands[0], "--yes")
    assert said.splitlines()[:3] == [
        f"{account}: meshstack-connector is deleted" for account in ("automation", "management", "meshcloud")
    ]
    assert simulator.account("platform.first-test")["state"] == "ACTIVE"
