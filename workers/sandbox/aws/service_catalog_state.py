"""What the simulated Service Catalog keeps: the account factory's product, what was provisioned of it, and records.

Operator actions: fail_enrollment, catalog_access, enrolled_before; each says what it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from workers.sandbox import organization
from workers.sandbox.aws import account_factory
from workers.sandbox.aws.shelf import Shelf
from workers.sandbox.aws.visibility_rules import Kind

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World

PROVISION, UPDATE, TERMINATE = "PROVISION_PRODUCT", "UPDATE_PROVISIONED_PRODUCT", "TERMINATE_PROVISIONED_PRODUCT"
TYPE = "CONTROL_TOWER_ACCOUNT"
PATH_ID = "lpv2-sandbox000001"


@dataclass
class Artifact:
    """One version of the product."""

    id: str
    name: str
    created: float
    guidance: str = "DEFAULT"
    active: bool = True


@dataclass
class Record:
    """One operation on a provisioned product; times in seconds since the epoch."""

    id: str
    type: str
    product: str  # the id of what is provisioned, pp-…
    created: float
    ends: float
    artifact: str
    parameters: dict[str, str]
    unit: str  # that the account is to stand in
    status: str = "IN_PROGRESS"
    error: str | None = None


@dataclass(frozen=True)
class Provisioned:
    """A provisioned product: one account in Control Tower."""

    id: str
    name: str
    created: float
    token: str
    artifact: str
    caller: str
    parameters: dict[str, str]
    last: Record
    status: str = "UNDER_CHANGE"
    message: str | None = None
    account: str | None = None  # PhysicalId
    last_success: str | None = None


@dataclass
class Catalog:
    """All of Service Catalog."""

    artifacts: dict[str, Artifact] = field(default_factory=dict)
    provisioned: Shelf[str, Provisioned] = field(default_factory=lambda: Shelf(Kind.PRODUCT))
    records: dict[str, Record] = field(default_factory=dict)
    tokens: dict[tuple[str, str], str] = field(default_factory=dict)  # kind of request and token -> record
    strangers: set[str] = field(default_factory=set)  # roles and users without access to the portfolio
    forwarded: dict[tuple[str, str], int] = field(default_factory=dict)  # role and action asked in its name -> times
    in_flight_peak: int = 0

    @property
    def open_records(self) -> list[Record]:
        """List the operations in progress."""
        return [record for record in self.records.values() if record.status == "IN_PROGRESS"]


def begin(record: Record, world: World) -> None:
    """Keep an operation that Control Tower has taken."""
    catalog = world.state(Catalog)
    catalog.records[record.id] = record
    catalog.in_flight_peak = max(catalog.in_flight_peak, len(catalog.open_records))


def settle(world: World) -> None:
    """End every operation whose time has come, oldest first."""
    catalog, now = world.state(Catalog), world.now()
    for record in sorted(catalog.open_records, key=lambda record: record.ends):
        if record.ends <= now:
            _end(record, catalog.provisioned[record.product], world)


def _end(record: Record, product: Provisioned, world: World) -> None:
    account, products = product.account, world.state(Catalog).provisioned
    if record.error is None:
        account = _carry_out(record, account, world)
    record.status = "FAILED" if record.error else "SUCCEEDED"
    ended = replace(product, account=account, message=record.error)
    if record.error:
        ended = replace(ended, status="TAINTED" if product.last_success else "ERROR")
    elif record.type == TERMINATE:
        products.take(product.id, at=record.ends)
        return
    else:
        ended = replace(ended, status="AVAILABLE", last_success=record.id, parameters=record.parameters)
    products.put(product.id, ended, at=record.ends)


def _carry_out(record: Record, account: str | None, world: World) -> str | None:
    """Do what a record is about; answer the product's account."""
    match record.type:
        case "PROVISION_PRODUCT":
            account, record.error = account_factory.enroll(record.parameters, record.unit, world)
        case "UPDATE_PROVISIONED_PRODUCT":
            record.error = account_factory.put_elsewhere(str(account), record.unit, world)
        case _ if account is not None:
            account_factory.let_go(account, world)
    return account


def fail_enrollment(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: let the next operations on an account fail. Body: account, reason, times (default 1)."""
    email = world.account(body["account"]).email
    world.state(account_factory.Failures).ordered[email] = (body["reason"], int(body.get("times", 1)))
    return {}


def catalog_access(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: let a role use the account factory's portfolio, or not. Body: principal (ARN), allowed."""
    strangers = world.state(Catalog).strangers
    (strangers.discard if body["allowed"] else strangers.add)(body["principal"])
    return {}


def enrolled_before(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    """Operator action: an account that somebody enrolled long ago. Body: account, unit, name (of the product)."""
    account, now, number = world.account(body["account"]), world.now(), world.number()
    parameters = {"AccountEmail": account.email, "AccountName": account.name}
    artifact = next(iter(world.state(Catalog).artifacts))
    record = Record(
        f"rec-{number:013d}", PROVISION, f"pp-{number:013d}", now, now, artifact, parameters, body["unit"], "SUCCEEDED"
    )
    product = Provisioned(
        id=record.product,
        name=body["name"],
        created=now,
        token=f"by-hand-{number}",
        artifact=artifact,
        caller="",
        parameters=parameters,
        last=record,
        status="AVAILABLE",
        account=account.id,
        last_success=record.id,
    )
    world.state(Catalog).records[record.id] = record
    world.state(Catalog).provisioned[product.id] = product
    account_factory.govern(account.id, body["unit"], world)
    return {"product": product.id}


def seed_account_factory(world: World) -> None:
    """Offer the product in two versions, of which the older one is to be used no more."""
    for artifact_id, guidance, age in (("pa-sandbox0000old", "DEPRECATED", 900.0), ("pa-sandbox0000new", "DEFAULT", 0)):
        artifact = Artifact(artifact_id, "AWS Control Tower Account Factory", world.now() - age, guidance)
        world.state(Catalog).artifacts[artifact_id] = artifact


def snapshot(world: World) -> dict[str, Any]:
    """Show what is provisioned, every record, and what was asked of other services in a caller's name."""
    catalog = world.state(Catalog)
    return {
        "product": organization.ACCOUNT_FACTORY_PRODUCT_ID,
        "provisioned": [{**asdict(each), "last": each.last.id} for each in catalog.provisioned.values()],
        "records": [asdict(record) for record in catalog.records.values()],
        "in_flight_peak": catalog.in_flight_peak,
        "forwarded": [[principal, action, times] for (principal, action), times in catalog.forwarded.items()],
    }
