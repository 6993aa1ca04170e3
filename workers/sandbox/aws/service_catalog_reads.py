"""What the simulated Service Catalog tells: the product and its versions, provisioned products and records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workers.sandbox import organization
from workers.sandbox.aws import permissions, shapes
from workers.sandbox.aws.call import AwsError, Call
from workers.sandbox.aws.paging import page
from workers.sandbox.aws.service_catalog import SERVICE, detail
from workers.sandbox.aws.service_catalog_state import PATH_ID, TYPE, Catalog, Provisioned
from workers.sandbox.aws.world import World

ARNS = f"arn:aws:servicecatalog:{organization.REGION}:{organization.MANAGEMENT_ACCOUNT_ID}"
FIELDS = {"physicalId": "PhysicalId", "name": "Name", "id": "Id", "type": "Type", "status": "Status"}
"""The searchable fields that are simulated -> member of the answer."""


@shapes.answer(SERVICE, "DescribeProduct")
def describe_product(call: Call, world: World) -> Mapping[str, Any]:
    """Describe the account factory to those who may launch it; they see active versions only."""
    catalog, product_id = world.state(Catalog), call.parameters.get("Id")
    if product_id != organization.ACCOUNT_FACTORY_PRODUCT_ID:
        raise AwsError("ResourceNotFoundException", f"Product {product_id} not found.")
    if permissions.role_of(call.caller) in catalog.strangers:
        raise AwsError("ResourceNotFoundException", f"No launch paths found for resource: {product_id}")
    return {
        "ProductViewSummary": {
            "Id": "prodview-sandbox00001",
            "ProductId": product_id,
            "Name": "AWS Control Tower Account Factory",
            "Owner": "AWS Control Tower",
            "Type": "CLOUD_FORMATION_TEMPLATE",
            "HasDefaultPath": False,
        },
        "ProvisioningArtifacts": [
            {"Id": each.id, "Name": each.name, "CreatedTime": each.created, "Guidance": each.guidance}
            for each in catalog.artifacts.values()
            if each.active
        ],
        "Budgets": [],
        "LaunchPaths": [{"Id": PATH_ID, "Name": "AWS Control Tower Account Factory Portfolio"}],
    }


@shapes.answer(SERVICE, "DescribeRecord")
def describe_record(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one operation."""
    catalog = world.state(Catalog)
    record = catalog.records.get(call.parameters["Id"])
    if record is None:
        raise AwsError("ResourceNotFoundException", f"Record {call.parameters['Id']} not found.")
    product = catalog.provisioned.get(record.product)
    account = product.account if product else None
    outputs = [{"OutputKey": "AccountId", "OutputValue": account}] if account else []
    return {"RecordDetail": detail(record, catalog), "RecordOutputs": outputs}


@shapes.answer(SERVICE, "DescribeProvisionedProduct")
def describe_provisioned_product(call: Call, world: World) -> Mapping[str, Any]:
    """Describe one provisioned product, by its id or its name."""
    given = call.parameters
    if ("Id" in given) == ("Name" in given):
        raise AwsError("InvalidParametersException", "Exactly one of Id and Name must be provided.")
    for product in world.state(Catalog).provisioned.values():
        if given.get("Id", product.id) == product.id and given.get("Name", product.name) == product.name:
            return {"ProvisionedProductDetail": _shown(product)}
    raise AwsError("ResourceNotFoundException", f"Provisioned product {given.get('Id', given.get('Name'))} not found.")


@shapes.answer(SERVICE, "SearchProvisionedProducts")
def search_provisioned_products(call: Call, world: World) -> Mapping[str, Any]:
    """Search by fields, all of which must fit; without the access level Account only the caller's own."""
    queries = (call.parameters.get("Filters") or {}).get("SearchQuery") or []
    everything = (call.parameters.get("AccessLevelFilter") or {}).get("Key", "User") == "Account"
    found = [
        {**_shown(product), "PhysicalId": product.account}
        for product in world.state(Catalog).provisioned.values()
        if everything or product.caller == call.caller.arn
    ]
    for query in queries:
        found = [each for each in found if _fits(query, each)]
    paged = {"NextToken": call.parameters.get("PageToken"), "MaxResults": call.parameters.get("PageSize") or None}
    shown, more = page(found, lambda each: str(each["Id"]), paged, error_code="InvalidParametersException")
    token = {"NextPageToken": more["NextToken"]} if more else {}
    return {"ProvisionedProducts": shown, "TotalResultsCount": len(found), **token}


def _fits(query: str, product: Mapping[str, Any]) -> bool:
    key, separator, value = query.partition(":")
    if not separator:
        return any(query in str(member) for member in product.values())
    if key not in FIELDS:
        raise AwsError("InvalidParametersException", f"Invalid search field {key}.")
    return str(product.get(FIELDS[key]) or "").startswith(value)  # AWS matches the beginnings of words


def _shown(product: Provisioned) -> dict[str, Any]:
    return {
        "Id": product.id,
        "Name": product.name,
        "Arn": f"{ARNS}:stack/{product.name}/{product.id}",
        "Type": TYPE,
        "Status": product.status,
        "StatusMessage": product.message,
        "CreatedTime": product.created,
        "IdempotencyToken": product.token,
        "LastRecordId": product.last.id,
        "LastProvisioningRecordId": product.last.id,
        "LastSuccessfulProvisioningRecordId": product.last_success,
        "ProductId": organization.ACCOUNT_FACTORY_PRODUCT_ID,
        "ProvisioningArtifactId": product.artifact,
    }
