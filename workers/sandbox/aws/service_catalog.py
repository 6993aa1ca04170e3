"""Service Catalog with one product: Control Tower's account factory.

Accepted at once, done later; a token that is known gives its record again and does nothing. Who may launch needs the
portfolio, and the rights that Service Catalog uses in the caller's name (forward access sessions).
Source: Service Catalog API reference; Control Tower user guide, "Permissions required for provisioning accounts".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws import account_factory, permissions, shapes
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.service_catalog_state import (
    PATH_ID,
    PROVISION,
    TERMINATE,
    TYPE,
    UPDATE,
    Artifact,
    Catalog,
    Provisioned,
    Record,
    begin,
)
from workers.sandbox.aws.world import World

SERVICE = "servicecatalog"
PARAMETERS = (
    "AccountEmail",
    "AccountName",
    "ManagedOrganizationalUnit",
    "SSOUserEmail",
    "SSOUserFirstName",
    "SSOUserLastName",
)
NEEDED = {
    PROVISION: (
        "controltower:CreateManagedAccount",
        "controltower:DescribeManagedAccount",
        "organizations:DescribeOrganization",
    ),
    UPDATE: (
        "controltower:CreateManagedAccount",
        "controltower:DescribeManagedAccount",
        "organizations:DescribeOrganization",
    ),
    TERMINATE: ("controltower:DeregisterManagedAccount", "controltower:DescribeManagedAccount"),
}
"""What the product's own template calls in the name of who launches it."""


@shapes.answer(SERVICE, "ProvisionProduct")
def provision_product(call: Call, world: World) -> Mapping[str, Any]:
    """Begin to enroll the account of an e-mail address."""
    catalog, given = world.state(Catalog), call.parameters
    known = catalog.tokens.get((PROVISION, given["ProvisionToken"]))
    if known is not None:
        return {"RecordDetail": detail(catalog.records[known], catalog)}
    _check_product(call, world)
    artifact, parameters = _artifact(call, catalog), _parameters(given.get("ProvisioningParameters") or (), {})
    if any(each.name == given["ProvisionedProductName"] for each in catalog.provisioned.values()):
        message = f"A provisioned product with name {given['ProvisionedProductName']} already exists."
        raise AwsError("DuplicateResourceException", message)
    unit = account_factory.registered_unit(parameters["ManagedOrganizationalUnit"], world)
    _check_seen(parameters["AccountEmail"], world)
    _check_free(parameters["AccountEmail"], world)
    _in_the_name_of(call, PROVISION, world)
    number = world.number()
    ends = call.now + world.options.enrollment_seconds
    record = Record(f"rec-{number:013d}", PROVISION, f"pp-{number:013d}", call.now, ends, artifact.id, parameters, unit)
    catalog.provisioned[record.product] = Provisioned(
        id=record.product,
        name=given["ProvisionedProductName"],
        created=call.now,
        token=given["ProvisionToken"],
        artifact=artifact.id,
        caller=call.caller.arn,
        parameters=parameters,
        last=record,
    )
    return _accepted(record, given["ProvisionToken"], world)


@shapes.answer(SERVICE, "UpdateProvisionedProduct")
def update_provisioned_product(call: Call, world: World) -> Mapping[str, Any]:
    """Begin to put an enrolled account into an OU, another one or the same."""
    catalog, given = world.state(Catalog), call.parameters
    known = catalog.tokens.get((UPDATE, given["UpdateToken"]))
    if known is not None:
        return {"RecordDetail": detail(catalog.records[known], catalog)}
    product = _provisioned(given, world)
    if "ProductId" in given:
        _check_product(call, world)
    if product.status not in ("AVAILABLE", "TAINTED"):
        message = f"The provisioned product {product.id} is in status {product.status} and cannot be updated."
        raise AwsError("InvalidParametersException", message)
    artifact = _artifact(call, catalog)
    parameters = _parameters(given.get("ProvisioningParameters") or (), product.parameters)
    unit = account_factory.registered_unit(parameters["ManagedOrganizationalUnit"], world)
    _check_free(parameters["AccountEmail"], world)
    _in_the_name_of(call, UPDATE, world)
    ends = call.now + world.options.enrollment_seconds
    record = Record(f"rec-{world.number():013d}", UPDATE, product.id, call.now, ends, artifact.id, parameters, unit)
    return _accepted(record, given["UpdateToken"], world)


@shapes.answer(SERVICE, "TerminateProvisionedProduct")
def terminate_provisioned_product(call: Call, world: World) -> Mapping[str, Any]:
    """Begin to let an account go; the product disappears at the end. Only the record tells that AWS was busy."""
    catalog, given = world.state(Catalog), call.parameters
    product = _provisioned(given, world)
    known = catalog.tokens.get((TERMINATE, given["TerminateToken"]))
    if known is not None:
        return {"RecordDetail": detail(catalog.records[known], catalog)}
    _in_the_name_of(call, TERMINATE, world)
    busy = _is_busy(product.parameters["AccountEmail"], world)
    record = Record(
        id=f"rec-{world.number():013d}",
        type=TERMINATE,
        product=product.id,
        created=call.now,
        ends=call.now if busy else call.now + world.options.enrollment_seconds,
        artifact=product.artifact,
        parameters=product.parameters,
        unit="",
        error=account_factory.BUSY if busy else None,
    )
    return _accepted(record, given["TerminateToken"], world)


def _check_product(call: Call, world: World) -> None:
    role = permissions.role_of(call.caller)
    if call.parameters.get("ProductId") != organization.ACCOUNT_FACTORY_PRODUCT_ID:
        raise AwsError("ResourceNotFoundException", f"Product {call.parameters.get('ProductId')} not found.")
    if role in world.state(Catalog).strangers:
        message = f"No launch paths found for resource: {call.parameters['ProductId']}"
        raise AwsError("ResourceNotFoundException", message)
    if call.parameters.get("PathId", PATH_ID) != PATH_ID:
        raise AwsError("InvalidParametersException", f"Invalid path {call.parameters['PathId']}.")


def _artifact(call: Call, catalog: Catalog) -> Artifact:
    artifact = catalog.artifacts.get(str(call.parameters.get("ProvisioningArtifactId")))
    if artifact is None or not artifact.active:
        named = call.parameters.get("ProvisioningArtifactId")
        raise AwsError("ResourceNotFoundException", f"ProvisioningArtifact {named} not found.")
    return artifact


def _parameters(given: Any, previous: Mapping[str, str]) -> dict[str, str]:
    wanted = {
        each["Key"]: previous.get(each["Key"]) if each.get("UsePreviousValue") else each.get("Value") for each in given
    }
    unknown = sorted(wanted.keys() - set(PARAMETERS))
    if unknown:
        raise AwsError("InvalidParametersException", f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    # A product of long ago may not know its IAM Identity Center user any more.
    missing = [key for key in PARAMETERS if not wanted.get(key) and not (previous and key.startswith("SSOUser"))]
    if missing:
        raise AwsError("InvalidParametersException", f"Parameters: [{', '.join(missing)}] must have values")
    return {key: str(value) for key, value in wanted.items() if value}


def _provisioned(given: Mapping[str, Any], world: World) -> Provisioned:
    product_id = str(given.get("ProvisionedProductId"))
    product = world.named(lambda each: each.state(Catalog).provisioned.get(product_id))
    if product is None:
        message = f"Provisioned product {given.get('ProvisionedProductId')} not found."
        raise AwsError("ResourceNotFoundException", message)
    return product


def _check_seen(email: str, world: World) -> None:
    """Refuse an account that Control Tower does not see yet."""
    if account_factory.account_of(email, world) and not account_factory.account_of(email, world.as_seen()):
        raise AwsError("ResourceNotFoundException", f"The account with the email address {email} was not found.")


def _check_free(email: str, world: World) -> None:
    """Refuse a second operation on an account, and more at once than Control Tower does."""
    if _is_busy(email, world):
        raise AwsError("InvalidParametersException", account_factory.BUSY)


def _is_busy(email: str, world: World) -> bool:
    under_way = world.state(Catalog).open_records
    same = any(record.parameters["AccountEmail"].lower() == email.lower() for record in under_way)
    return same or len(under_way) >= world.options.control_tower_operations


def _in_the_name_of(call: Call, kind: str, world: World) -> None:
    forwarded = world.state(Catalog).forwarded
    for action in NEEDED[kind]:
        permissions.require(call, world, action, "*")
        key = (permissions.role_of(call.caller), action)
        forwarded[key] = forwarded.get(key, 0) + 1


def _accepted(record: Record, token: str, world: World) -> Mapping[str, Any]:
    catalog = world.state(Catalog)
    changed = {"last": record, "status": "UNDER_CHANGE", "message": None, "artifact": record.artifact}
    catalog.provisioned.change(record.product, **changed)
    catalog.tokens[record.type, token] = record.id
    begin(record, world)
    return {"RecordDetail": detail(record, catalog)}


def detail(record: Record, catalog: Catalog) -> dict[str, Any]:
    """Describe an operation as AWS does."""
    product = catalog.provisioned.get(record.product)
    failed = [{"Code": "InternalFailure", "Description": record.error}] if record.status == "FAILED" else []
    return {
        "RecordId": record.id,
        "Status": record.status,
        "CreatedTime": record.created,
        "UpdatedTime": record.created,
        "ProvisionedProductType": TYPE,
        "RecordType": record.type,
        "ProvisionedProductId": record.product,
        "ProductId": organization.ACCOUNT_FACTORY_PRODUCT_ID,
        "ProvisioningArtifactId": record.artifact,
        "PathId": PATH_ID,
        "RecordErrors": failed,
        **({"ProvisionedProductName": product.name} if product else {}),
    }
