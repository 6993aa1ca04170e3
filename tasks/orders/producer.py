"""The producer: take a desired state and see to it that it is replicated. The HTTP API says the same over the wire.

from tasks import replicate

replicate("likvid", "shop", "aws.sandbox", {"landingZone": "development"})
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from config.catalog import Catalog
from config.landing_zone import LandingZone, effective_role_mappings
from config.mistakes import SECRET_FIELDS, plain_words, shown
from config.patterns import PatternError, check_identifier
from config.platform import Platform
from config.printable import printable
from config.settings import Settings
from tasks import names
from tasks.chain import DELETION, REPLICATION
from tasks.connector import Connector
from tasks.in_force import own_connector
from tasks.model.desired import PAYMENT_METHOD_FORMS, Desired, Tenant, TenantId
from tasks.orders.withdrawn import left_out, only_takes_away, without_left_out
from tasks.permissions.group_proof import GroupProof
from tasks.state.orders import AccountTaken, Order
from tasks.state.records import TenantRecord
from tasks.step import Chain

LONGEST_FIELD = 200  # characters; a field's name may be the caller's own text
CREATING = "wait_for_account"  # the steps after it need an account


@dataclass(frozen=True)
class FieldMistake:
    """One thing that is wrong with a request."""

    field: str  # workspace, project, platform, or a path in the desired state: access[0].roles
    value: str
    message: str  # what is allowed

    def __str__(self) -> str:
        return f"{self.field} = {self.value}: {self.message}"


class RequestRefused(ValueError):
    """A request that can never be replicated; nothing was stored.

    keep   how many people keep access by that which the request would have taken from them
    """

    def __init__(self, mistakes: tuple[FieldMistake, ...], keep: int = 0) -> None:
        super().__init__(mistakes, keep)
        self.mistakes = mistakes
        self.keep = keep

    @property
    def advice(self) -> str:
        """What to do when somebody keeps access; empty: nobody does."""
        if not self.keep:
            return ""
        people = "1 person keeps" if self.keep == 1 else f"{self.keep} people keep"
        return (
            f"So {people} access that this order does not give. To remove it at once, send the stored order (GET shows "
            "it) without these people or roles, and change nothing else: such an order is always accepted."
        )

    def __str__(self) -> str:
        return "; ".join([*map(str, self.mistakes), *([self.advice] if self.keep else [])])


@dataclass(frozen=True)
class Accepted:
    """A request that is stored: from now on nothing forgets it."""

    tenant: str
    replication: str  # id


def replicate(
    workspace: str,
    project: str,
    platform: str,
    desired: Desired | Mapping[str, Any],
    *,
    again: bool = False,
    by: str | None = None,
    connector: Connector | None = None,
) -> Accepted:
    """Store the desired state of a tenant and enqueue its replication.

    platform    `<platform>.<location>`
    desired     as in the API's PUT body
    again       also wake a replication of the same content that waits for its next try
    by          who asks, for the record
    connector   the one to use; None: this process's own, made from the environment
    Raises RequestRefused with every mistake (nothing is stored), redis.RedisError when Redis is away.
    """
    connector = connector or own_connector()
    content = desired if isinstance(desired, Desired) else parse_desired(desired)
    tenant = TenantId(workspace, project, platform)
    known = connector.store.tenants.find(tenant) if content.platform_tenant_id is not None else None
    mistakes = tuple(check(tenant, content, connector.catalog, connector.settings, known))
    if mistakes and known is None and (known := connector.store.tenants.find(tenant)):
        mistakes = tuple(check(tenant, content, connector.catalog, connector.settings, known))
    if mistakes:
        raise RequestRefused(mistakes, left_out(content, known) if known is not None else 0)
    try:
        replication = connector.store.orders.submit(Order(tenant, content, by=by, wake=again))
    except AccountTaken as taken:
        message = f"is the account of tenant {taken.tenant}, or was ordered for it; an account can have only one tenant"
        raise RequestRefused((FieldMistake("platformTenantId", taken.account, message),)) from taken
    return Accepted(str(tenant), replication)


def withdraw(record: TenantRecord, desired: Desired, *, by: str | None, connector: Connector) -> bool:
    """Take from a tenant's people what an order does not give them, and do nothing else of it; it was refused.

    Answers whether anything was taken: it is when somebody loses access, and the platform is known.
    Raises redis.RedisError when Redis is away.
    """
    left = without_left_out(desired, record)
    if record.id.platform not in connector.catalog.platforms or not only_takes_away(left, record):
        return False
    connector.store.orders.submit(Order(record.id, left, by=by))
    return True


def replicate_again(
    record: TenantRecord,
    connector: Connector,
    *,
    wake: bool,
    anew: bool = False,
    by: str | None = None,
    first: str | None = None,
    daily: bool = False,
) -> Accepted:
    """Replicate a tenant with the desired state that is stored; a newer one that comes meanwhile is not overtaken.

    wake    also wake a replication that waits for its next try
    anew    when one is under way that has passed a step already, another one runs next
    by      who asks, for the record; None: nobody
    daily   it is the daily replication, which may believe the snapshot of the day
    first   name of the step to begin with; None: the first
    Raises RequestRefused when the configuration does not fit what is stored any more, or `first` cannot be the first.
    In doubt only when it does not know the platform: the first step may have access to take away, and needs no more.
    """
    mistakes = tuple(check(record.id, record.desired, connector.catalog, connector.settings, record, stored=True))
    if mistakes and (record.handles.doubt is None or record.id.platform not in connector.catalog.platforms):
        raise RequestRefused(mistakes)
    start = None if first is None else _start(record, first)
    order = Order(record.id, by=by, wake=wake, anew=anew, daily=daily, first=start)
    return Accepted(str(record.id), connector.store.orders.submit(order))


def _start(record: TenantRecord, first: str) -> tuple[Chain, int]:
    """Find the step to begin with; those after the creation need an account."""
    chain = REPLICATION if record.deletion is None or record.deleted_at is not None else DELETION
    steps = [step.name for step in chain.steps]
    if first not in steps:
        message = f"is not a step of this tenant's {chain.name}; its steps: {', '.join(steps)}"
        raise RequestRefused((FieldMistake("from", printable(first)[:LONGEST_FIELD], message),))
    if chain is REPLICATION and record.handles.account_id is None and steps.index(first) > steps.index(CREATING):
        message = "needs the account, and none is known yet; retry without it"
        raise RequestRefused((FieldMistake("from", first, message),))
    return chain, steps.index(first)


def parse_desired(document: Mapping[str, Any]) -> Desired:
    """Read a desired state; raises RequestRefused with every mistake."""
    try:
        return Desired.model_validate(document)
    except ValidationError as error:
        raise RequestRefused(tuple(field_mistakes(error.errors(include_url=False)))) from error


def field_mistakes(findings: Iterable[Mapping[str, Any]]) -> Iterator[FieldMistake]:
    """Say what pydantic found wrong with a desired state as ours: path, value (never a secret's), what is allowed."""
    for finding in findings:
        path = [part for part in finding["loc"] if part not in PAYMENT_METHOD_FORMS]
        field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        secret = bool(SECRET_FIELDS.intersection(map(str, path)))
        value = "nothing" if finding["type"] == "missing" else printable(shown(finding["input"], secret))
        yield FieldMistake(printable(field)[:LONGEST_FIELD] or "body", value, _allowed(finding))


def _allowed(finding: Mapping[str, Any]) -> str:
    match finding["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a known field; the API's /docs lists the known ones"
        case _:
            return printable(plain_words(finding["msg"]))


def check(
    tenant: TenantId,
    desired: Desired,
    catalog: Catalog,
    settings: Settings,
    known: TenantRecord | None = None,
    *,
    stored: bool = False,
) -> Iterator[FieldMistake]:
    """Yield what makes the request impossible: identifiers, platform, landing zone, names that AWS refuses.

    known   what we have of the tenant. It stays in its landing zone when that is disabled, and an account that is there
            needs no other email. An order that only takes people or roles away needs no more than its platform: nothing
            else may keep access from being taken away
    stored  it is what is stored, and nobody orders it anew: an account that the tenant cannot have keeps it from
            nothing else, and without the document of its landing zone it gets nowhere
    """
    lengths = {"workspace": settings.workspace_identifier_length, "project": settings.project_identifier_length}
    platform = catalog.platforms.get(tenant.platform)
    if platform is not None and known is not None and only_takes_away(desired, known):
        return
    identifiers = list(_identifier_mistakes(tenant, lengths))
    yield from identifiers
    if platform is None:
        message = f"unknown platform; known: {_known(catalog.platforms)}"
        if known is not None:
            message += "; to change this tenant in AWS, put its document back"
        yield FieldMistake("platform", tenant.platform, message)
        return
    if desired.platform_tenant_id is not None and not stored:
        yield from _account_mistakes(tenant, desired.platform_tenant_id, platform, known)
    zone = catalog.landing_zones.get(desired.landing_zone)
    usable = [name for name, each in catalog.landing_zones.items() if offered(each, platform)]
    stays = known is not None and known.desired.landing_zone == desired.landing_zone
    if zone is None and stays and not stored:
        return  # it may take people's access away, which needs no landing zone; the steps that need it fail visibly
    if zone is None or not offered(zone, platform, disabled=stays):
        message = f"unknown landing zone on {platform.identifier}; known: {_known(usable)}"
        yield FieldMistake("landingZone", desired.landing_zone, message)
    elif not identifiers:
        has_account = known is not None and known.handles.account_id is not None
        yield from _name_mistakes(Tenant(tenant, desired, platform, zone), has_account=has_account)


def _account_mistakes(
    tenant: TenantId, account: str, platform: Platform, known: TenantRecord | None
) -> Iterator[FieldMistake]:
    """Refuse an account that the tenant cannot take over, as far as it can be known without AWS."""
    manages = account == platform.management_account_id
    allowed = manages and platform.management_account_tenant == f"{tenant.workspace}.{tenant.project}"
    if not allowed and (what := platform.reserved(account)) is not None:
        message = f"is {what}, which only its managementAccountTenant may use" if manages else f"is {what}"
        yield FieldMistake("platformTenantId", account, message)
    if known is None or known.handles.account_id == account:
        return
    if known.handles.account_id is not None:
        message = f"cannot change: the tenant has account {known.handles.account_id}; name that one or none"
        yield FieldMistake("platformTenantId", account, message)
    elif known.handles.creation is not None:
        yield FieldMistake("platformTenantId", account, "comes too late: an account was already requested from AWS")


def offered(zone: LandingZone, platform: Platform, *, disabled: bool = False) -> bool:
    """Tell whether a landing zone may be used on a platform, also a `disabled` one."""
    return (disabled or not zone.disabled) and zone.platform in (None, platform.identifier)


def _identifier_mistakes(tenant: TenantId, lengths: Mapping[str, int]) -> Iterator[FieldMistake]:
    for field, limit in lengths.items():
        value = getattr(tenant, field)
        try:
            check_identifier(value, limit)
        except ValueError as error:
            yield FieldMistake(field, value[:80], str(error))


def _name_mistakes(tenant: Tenant, *, has_account: bool) -> Iterator[FieldMistake]:
    """Render every name that AWS will be given, so that a bad one is refused now and not after the account exists."""
    roles = {mapping.aws_role for mapping in effective_role_mappings(tenant.platform, tenant.landing_zone)}
    renderings: dict[str, Callable[[], object]] = {
        "accountAliasPattern": lambda: names.account_alias(tenant),
        "tenantTags": lambda: names.account_tags(tenant),
    }
    if not has_account:
        renderings["accountName"] = lambda: names.account_name(tenant)
        renderings["accountEmailPattern"] = lambda: names.account_email(tenant)
    if tenant.platform.identity_center is not None:
        renderings["groupNamePattern"] = lambda: [names.group_name(tenant, role) for role in sorted(roles)]
        renderings["awsRoleMappings"] = lambda: [GroupProof(str(tenant.id), role).checked() for role in sorted(roles)]
    for field, render in renderings.items():
        try:
            render()
        except PatternError as error:
            yield FieldMistake(field, str(tenant.id), str(error))


def _known(known: Iterable[str]) -> str:
    return ", ".join(sorted(known)) or "none"
