"""Service Catalog as far as Control Tower's account factory needs it: one product, provisioned once for each account.

A token makes a request idempotent: AWS answers a token that it knows with the record it has. What goes wrong after a
request was taken stands in the record and in the status of the provisioned product.
Every method may raise any StepError of `tasks/aws/faults.py`.
Source: docs.aws.amazon.com/servicecatalog/latest/dg/API_Reference.html;
docs.aws.amazon.com/controltower/latest/userguide/automated-provisioning-walkthrough.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.aws.calls import Calls
from tasks.aws.statuses import known
from tasks.errors import NotFound, Refused

BUSY = re.compile(
    r"operation is (currently )?in progress|too many concurrent|maximum number of concurrent", re.IGNORECASE
)
GIVE_ACCESS = (
    "Correct enrollmentConfiguration.accountFactoryProductId of the platform document, or give the connector's role "
    "access to the portfolio of Control Tower's account factory in Service Catalog; then retry."
)
WHOLE_ACCOUNT = {"Key": "Account", "Value": "self"}  # what others have provisioned too


class ProductStatus(StrEnum):
    """`ProvisionedProductStatus`."""

    AVAILABLE = "AVAILABLE"
    UNDER_CHANGE = "UNDER_CHANGE"
    TAINTED = "TAINTED"  # the last update failed
    ERROR = "ERROR"
    PLAN_IN_PROGRESS = "PLAN_IN_PROGRESS"


@dataclass(frozen=True)
class Launch:
    """How the product is launched."""

    product: str  # prod-…
    artifact: str  # pa-…: its version
    path: str  # lpv2-… or lpv3-…: the portfolio by which we may


@dataclass(frozen=True)
class ProvisionedProduct:
    """What was launched for one account."""

    id: str  # pp-…
    status: ProductStatus
    last_record: str  # rec-…: of the newest request
    succeeded_once: bool


@dataclass(frozen=True)
class Failure:
    """Why a request came to nothing, as its record says."""

    code: str
    message: str
    told_by: str | None  # the AWS request id of the answer

    @property
    def busy(self) -> bool:
        """Tell whether Control Tower only had something else to do."""
        return is_busy(self.message)


class ServiceCatalog:
    """The management account's Service Catalog in Control Tower's home region."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def launch(self, product_id: str) -> Launch:
        """Return the version to launch: the newest of those that AWS recommends. DescribeProduct, 1 call."""
        try:
            described = self._calls.read("describe_product", Id=product_id)
        except NotFound as missing:
            raise NotFound(missing.code, missing.message, missing.request_id, GIVE_ACCESS) from missing
        artifacts = [each for each in described["ProvisioningArtifacts"] if each.get("Guidance") != "DEPRECATED"]
        paths = described.get("LaunchPaths") or ()
        if not artifacts or not paths:
            message = f"product {product_id} has no {'launch path' if artifacts else 'version'} for the connector"
            raise NotFound("NoLaunchPath", message, self._calls.request_id, GIVE_ACCESS)
        return Launch(product_id, max(artifacts, key=lambda each: each["CreatedTime"])["Id"], paths[0]["Id"])

    def find(self, provisioned_id: str) -> ProvisionedProduct | None:
        """Return a provisioned product; None when it is gone. DescribeProvisionedProduct, 1 call."""
        return self._described(Id=provisioned_id)

    def find_named(self, name: str) -> ProvisionedProduct | None:
        """Return the provisioned product of that name; None when there is none. DescribeProvisionedProduct, 1 call."""
        return self._described(Name=name)

    def find_of_account(self, account_id: str) -> ProvisionedProduct | None:
        """Return the provisioned product that whoever has made for an account; None when none is listed.

        SearchProvisionedProducts, 1 call for 100; DescribeProvisionedProduct, 0 or 1, for the list may be late.
        """
        for listed in self._search(f"physicalId:{account_id}"):
            if listed.get("PhysicalId") == account_id:  # AWS searches for words, not for equality
                return self.find(listed["Id"])
        return None

    def provision(self, name: str, launch: Launch, parameters: Mapping[str, str], token: str) -> str | None:
        """Launch the product and return what is provisioned, pp-…; None: Control Tower is busy and took nothing."""
        return self._requested(
            "provision_product",
            ProductId=launch.product,
            ProvisioningArtifactId=launch.artifact,
            PathId=launch.path,
            ProvisionedProductName=name,
            ProvisioningParameters=[{"Key": key, "Value": value} for key, value in parameters.items()],
            ProvisionToken=token,
        )

    def update(
        self, product: ProvisionedProduct, launch: Launch, parameters: Mapping[str, str | None], token: str
    ) -> str | None:
        """Ask for other parameters, None for what they were; None: Control Tower is busy and took nothing."""
        rows = [
            {"Key": key, "UsePreviousValue": True} if value is None else {"Key": key, "Value": value}
            for key, value in parameters.items()
        ]
        return self._requested(
            "update_provisioned_product",
            ProvisionedProductId=product.id,
            ProductId=launch.product,
            ProvisioningArtifactId=launch.artifact,
            PathId=launch.path,
            ProvisioningParameters=rows,
            UpdateToken=token,
        )

    def terminate(self, product: ProvisionedProduct, token: str) -> str | None:
        """Ask AWS to let go of what is provisioned; None: Control Tower is busy and took nothing."""
        return self._requested("terminate_provisioned_product", ProvisionedProductId=product.id, TerminateToken=token)

    def failure(self, product: ProvisionedProduct) -> Failure:
        """Return why the last request came to nothing. DescribeRecord, 1 call."""
        errors = self._calls.read("describe_record", Id=product.last_record)["RecordDetail"].get("RecordErrors") or ()
        code = errors[0].get("Code") if errors else None
        message = "; ".join(each.get("Description") or "AWS gives no reason" for each in errors)
        return Failure(code or product.status.value, message or "AWS gives no reason", self._calls.request_id)

    def _described(self, **by: str) -> ProvisionedProduct | None:
        try:
            detail = self._calls.read("describe_provisioned_product", **by)["ProvisionedProductDetail"]
        except NotFound:
            return None
        return ProvisionedProduct(
            id=detail["Id"],
            status=known(ProductStatus, detail["Status"]),
            last_record=detail["LastRecordId"],
            succeeded_once=bool(detail.get("LastSuccessfulProvisioningRecordId")),
        )

    def _search(self, query: str) -> Iterator[Any]:
        page: dict[str, str] = {}
        while True:
            answer = self._calls.read(
                "search_provisioned_products",
                AccessLevelFilter=WHOLE_ACCOUNT,
                Filters={"SearchQuery": [query]},
                PageSize=100,
                **page,
            )
            yield from answer["ProvisionedProducts"]
            if not answer.get("NextPageToken"):
                return
            page = {"PageToken": answer["NextPageToken"]}

    def _requested(self, operation: str, **parameters: Any) -> str | None:
        try:
            return str(self._calls.write(operation, **parameters)["RecordDetail"]["ProvisionedProductId"])
        except Refused as refused:
            if is_busy(refused.message):
                return None
            raise


def is_busy(message: str) -> bool:
    """Tell whether Control Tower refuses only because it has something else to do.

    >>> is_busy("…, because another AWS Control Tower operation is in progress. Try again later.")
    True
    >>> is_busy("The parent organizational unit 'Sandbox' is not enrolled in AWS Control Tower.")
    False
    """
    return BUSY.search(message) is not None
