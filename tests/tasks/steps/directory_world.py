"""A world with one or the other way to the groups: the Identity Store API, or SCIM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.patterns import Pattern
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tests.tasks.steps.world import PLATFORM, SCIM, World

STORE = PLATFORM.identity_store
assert STORE is not None
ALICE, BOB, CAROL, DAVE = (f"{name}@example.com" for name in ("alice", "bob", "carol", "dave"))
ACCOUNT = Handles(account_id="123456789012", doubt=None)


def person(euid: str | None, *roles: str, name: str | None = None) -> dict[str, Any]:
    return {"username": name or euid, "euid": euid, "roles": list(roles)}


@dataclass
class DirectoryWorld(World):
    """A world with the one or the other way to the groups."""

    service: str = "identitystore"

    def directory_platform(self, **changes: Any) -> dict[str, Any]:
        assert STORE is not None
        if self.service == "scim":
            return {"identity_store": None, "scim": SCIM.model_copy(update=changes)}
        return {"identity_store": STORE.model_copy(update=changes)}

    def called(self, since: int) -> list[str]:
        return [call.operation for call in self.simulator.calls(since) if call.service == self.service]


def tenant_of(world: DirectoryWorld, *people: dict[str, Any], **access: Any) -> Tenant:
    return world.tenant(desired={"access": list(people)}, platform=world.directory_platform(**access))


def pattern(text: str) -> Pattern:
    return Pattern.parse(text, extra=("platformGroupAlias",))


def groups(world: DirectoryWorld) -> dict[str, list[str]]:
    """Members by the names of this test's groups."""
    found = world.simulator.state()["identity_store"]["groups"]
    return {group["name"]: group["members"] for group in found if world.workspace in group["name"]}


def name(world: DirectoryWorld, role: str) -> str:
    return f"mst-{world.workspace}.shop-{role}"
