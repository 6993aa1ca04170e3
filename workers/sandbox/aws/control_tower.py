"""Control Tower: the landing zone's manifest, the registered OUs, the enrolled accounts, and a guard rail.

Accounts come in and go by the account factory (`service_catalog.py`). An enrolled account that stands elsewhere than
Control Tower put it has drifted: Organizations allows the move, and only the account factory's product mends it.
Source: Control Tower API reference; Control Tower user guide, "Moved member account" and the mandatory control
CT.IAM "Disallow changes to AWS IAM roles set up by AWS Control Tower and AWS CloudFormation".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws import errors, shapes
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.tree import OrganizationTree

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

EXECUTION_ROLE = "AWSControlTowerExecution"
LANDING_ZONE_ARN = (
    f"arn:aws:controltower:{organization.REGION}:{organization.MANAGEMENT_ACCOUNT_ID}:landingzone/1A2B3C4D5E6F7G8H"
)
VERSION = "3.3"


@dataclass
class ControlTower:
    """What Control Tower governs."""

    registered: set[str] = field(
        default_factory=lambda: {organization.DEVELOPMENT_OU_ID, organization.PRODUCTION_OU_ID}
    )
    enrolled: dict[str, str] = field(default_factory=dict)  # account -> the OU that it was put into
    shared: dict[str, str] = field(
        default_factory=lambda: {"centralizedLogging": "444444444444", "securityRoles": "555555555555"}
    )  # part of the manifest -> its account

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Give the manifest as a landing zone of this version has it."""
        return {
            "governedRegions": [organization.REGION],
            "organizationStructure": {"security": {"name": "Security"}, "sandbox": {"name": "Sandbox"}},
            "accessManagement": {"enabled": True},
            "centralizedLogging": {
                "accountId": self.shared["centralizedLogging"],
                "configurations": {"loggingBucket": {"retentionDays": 365}},
                "enabled": True,
            },
            "securityRoles": {"accountId": self.shared["securityRoles"]},
        }


@shapes.answer("controltower", "ListLandingZones")
def list_landing_zones(_call: Call, _world: World) -> Mapping[str, Any]:
    """Name the one landing zone."""
    return {"landingZones": [{"arn": LANDING_ZONE_ARN}]}


@shapes.answer("controltower", "GetLandingZone")
def get_landing_zone(call: Call, world: World) -> Mapping[str, Any]:
    """Describe it with its manifest."""
    if call.parameters["landingZoneIdentifier"] not in (LANDING_ZONE_ARN, LANDING_ZONE_ARN.rpartition("/")[2]):
        raise AwsError("ResourceNotFoundException", "AWS Control Tower could not find the landing zone.", 404)
    described = {
        "arn": LANDING_ZONE_ARN,
        "version": VERSION,
        "latestAvailableVersion": VERSION,
        "status": "ACTIVE",
        "driftStatus": {"status": "DRIFTED" if _drifted(world) else "IN_SYNC"},
        "manifest": world.state(ControlTower).manifest,
    }
    return {"landingZone": described}


def guard(call: Call, world: World, action: str, resource: str) -> None:
    """Refuse what the mandatory control of a registered OU denies to everybody but Control Tower itself."""
    account = world.state(OrganizationTree).accounts.get(call.caller.account_id)
    governed = account is not None and account.parent_id in world.state(ControlTower).registered
    changes = call.service == "iam" and not call.operation.startswith(("Get", "List"))
    if governed and changes and resource.endswith(f":role/{EXECUTION_ROLE}"):
        reason = "with an explicit deny in a service control policy"
        raise errors.not_authorized(call.service, call.caller, action, resource, reason)


def register_ou(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: register an OU in Control Tower. Body: unit."""
    world.state(ControlTower).registered.add(body["unit"])
    return {}


def name_in_manifest(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: make an account one of the landing zone's own. Body: account, part (of the manifest)."""
    world.state(ControlTower).shared[body["part"]] = body["account"]
    return {}


def snapshot(world: World) -> dict[str, Any]:
    """Show registered OUs, enrolled accounts and those that stand elsewhere."""
    state = world.state(ControlTower)
    return {
        "registered": sorted(state.registered),
        "enrolled": dict(state.enrolled),
        "drifted": _drifted(world),
        "manifest": state.manifest,
    }


def _drifted(world: World) -> list[str]:
    accounts = world.state(OrganizationTree).accounts
    return sorted(each for each, unit in world.state(ControlTower).enrolled.items() if accounts[each].parent_id != unit)
