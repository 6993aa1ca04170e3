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
    """Begin to enrol the account of an e-mail address."""
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
    product = _provisioned(given, catalog)
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
    product.artifact = artifact.id
    ends = call.now + world.options.enrollment_seconds
    record = Record(f"rec-{world.number():013d}", UPDATE, product.id, call.now, ends, artifact.id, parameters, unit)
    return _accepted(record, given["UpdateToken"], world)


@shapes.answer(SERVICE, "TerminateProvisionedProduct")
def terminate_provisioned_product(call: Call, world: World) -> Mapping[str, Any]:
    """Begin to let an account go; the product disappears at the end."""
    catalog, given = world.state(Catalog), call.parameters
    product = _provisioned(given, catalog)
    known = catalog.tokens.get((TERMINATE, given["TerminateToken"]))
    if known is not None:
        return {"RecordDetail": detail(catalog.records[known], catalog)}
    _check_free(product.parameters["AccountEmail"], world)
    _in_the_name_of(call, TERMINATE, world)
    ends = call.now + world.options.enrollment_seconds
    number = f"rec-{world.number():013d}"
    record = Record(number, TERMINATE, product.id, call.now, ends, product.artifact, product.parameters, "")
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


def _provisioned(given: Mapping[str, Any], catalog: Catalog) -> Provisioned:
    product = catalog.provisioned.get(str(given.get("ProvisionedProductId")))
    if product is None:
        message = f"Provisioned product {given.get('ProvisionedProductId')} not found."
        raise AwsError("ResourceNotFoundException", message)
    return product


def _check_free(email: str, world: World) -> None:
    """Refuse a second operation on an account, and more at once than Control Tower does."""
    under_way = world.state(Catalog).open_records
    same = any(record.parameters["AccountEmail"].lower() == email.lower() for record in under_way)
    if same or len(under_way) >= world.options.control_tower_operations:
        raise AwsError("InvalidParametersException", account_factory.BUSY)


def _in_the_name_of(call: Call, kind: str, world: World) -> None:
    forwarded = world.state(Catalog).forwarded
    for action in NEEDED[kind]:
        permissions.require(call, world, action, "*")
        key = (permissions.role_of(call.caller), action)
        forwarded[key] = forwarded.get(key, 0) + 1


def _accepted(record: Record, token: str, world: World) -> Mapping[str, Any]:
    catalog = world.state(Catalog)
    product = catalog.provisioned[record.product]
    product.last, product.status, product.message = record, "UNDER_CHANGE", None
    catalog.tokens[record.type, token] = record.id
    begin(record, world)
    return {"RecordDetail": detail(record, catalog)}


def detail(record: Record, catalog: Catalog) -> dict[str, Any]:
    """Describe an operation as AWS does."""
    product = catalog.provisioned.get(record.product)
    failed = [{"Code": "InternalFailure", "Description": record.error}] if record.error else []
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
