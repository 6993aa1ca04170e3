"""The automation account's StackSets, with no more than the four calls that the published policy allows.

DescribeStackSet, ListStackInstances, CreateStackInstances, UpdateStackInstances: so how far an operation is, is read
from the instances and not from the operation. Source: docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tasks.aws.calls import Calls
from tasks.aws.statuses import known


class InstanceStatus(StrEnum):
    """StackInstanceStatus: whether an instance has what its StackSet has now."""

    CURRENT = "CURRENT"
    OUTDATED = "OUTDATED"
    INOPERABLE = "INOPERABLE"


class DetailedStatus(StrEnum):
    """StackInstanceDetailedStatus: how the last operation went for the instance."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    INOPERABLE = "INOPERABLE"
    SKIPPED_SUSPENDED_ACCOUNT = "SKIPPED_SUSPENDED_ACCOUNT"
    FAILED_IMPORT = "FAILED_IMPORT"


@dataclass(frozen=True)
class StackInstance:
    """One account's instance in one region."""

    status: InstanceStatus
    detail: DetailedStatus | None = None  # None: AWS does not say
    operation: str | None = None  # the last operation that touched it; None: AWS does not say
    reason: str | None = None


@dataclass(frozen=True)
class StackSetSummary:
    """What a write must know of a StackSet."""

    self_managed: bool
    parameters: frozenset[str]  # the names that its template declares
    managed_execution: bool = False  # AWS queues operations that are in each other's way; else it refuses them


@dataclass(frozen=True)
class InstanceOperation:
    """One CreateStackInstances or UpdateStackInstances, the same for every account."""

    create: bool
    accounts: tuple[str, ...]  # ids
    regions: tuple[str, ...]
    id: str  # [a-zA-Z0-9][-a-zA-Z0-9]*, at most 128 characters
    overrides: Mapping[str, str]


class StackSets:
    """The StackSets of one administrator account in one region."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @property
    def request_id(self) -> str | None:
        """The AWS request id of the newest answer, for errors that AWS reports in an answer."""
        return self._calls.request_id

    def instances(self, name: str, account_id: str) -> dict[str, StackInstance]:
        """Return the account's instances by region. ListStackInstances, all pages."""
        listed = self._calls.pages(
            "list_stack_instances", "Summaries", StackSetName=name, StackInstanceAccount=account_id
        )
        # Compared once more: another account's instance must never pass for ours.
        return {item["Region"]: _instance(item) for item in listed if item["Account"] == account_id}

    def all_instances(self, name: str) -> dict[str, dict[str, StackInstance]]:
        """Return every account's instances, by account and region. ListStackInstances, 1 call for 100 of them."""
        found: dict[str, dict[str, StackInstance]] = {}
        for item in self._calls.pages("list_stack_instances", "Summaries", StackSetName=name):
            found.setdefault(item["Account"], {})[item["Region"]] = _instance(item)
        return found

    def describe(self, name: str) -> StackSetSummary:
        """Return what the StackSet declares; NotFound when there is none. DescribeStackSet."""
        stack_set = self._calls.read("describe_stack_set", StackSetName=name)["StackSet"]
        return StackSetSummary(
            self_managed=stack_set.get("PermissionModel", "SELF_MANAGED") == "SELF_MANAGED",
            parameters=frozenset(item["ParameterKey"] for item in stack_set.get("Parameters") or ()),
            managed_execution=bool((stack_set.get("ManagedExecution") or {}).get("Active")),
        )

    def start(self, name: str, operation: InstanceOperation) -> None:
        """Start an operation; Conflict (OperationIdAlreadyExistsException) says that AWS has it already."""
        self._calls.write(
            "create_stack_instances" if operation.create else "update_stack_instances",
            StackSetName=name,
            Accounts=list(operation.accounts),
            Regions=list(operation.regions),
            ParameterOverrides=_overrides(operation.overrides),
            # All regions and accounts at once: one that fails must not cancel the others, and the lane is free sooner.
            OperationPreferences={
                "RegionConcurrencyType": "PARALLEL",
                "FailureTolerancePercentage": 100,
                "MaxConcurrentPercentage": 100,
            },
            OperationId=operation.id,
        )


def _overrides(values: Mapping[str, str]) -> Sequence[Mapping[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": text} for key, text in values.items()]


def _instance(answer: Mapping[str, Any]) -> StackInstance:
    detail = (answer.get("StackInstanceStatus") or {}).get("DetailedStatus")
    return StackInstance(
        status=known(InstanceStatus, answer["Status"]),
        detail=known(DetailedStatus, detail) if detail else None,
        operation=answer.get("LastOperationId"),
        reason=answer.get("StatusReason"),
    )
