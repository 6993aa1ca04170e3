"""What a planned write changes for the reads after it, and how it is answered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO

from tasks.aws.planning.planned import (
    ACCOUNT,
    PREFIX,
    Members,
    Parameters,
    Planned,
    Role,
    Where,
    stack_name,
)

# ruff: noqa: ARG001 (all entries of the table have one signature)

Write = Callable[[Planned, Where, Parameters], Members | None]
UNIT_ID = re.compile(r"\((ou-[^)]+)\)")  # how the account factory is told an OU: Name (ou-…)


def _create_account(planned: Planned, where: Where, given: Parameters) -> Members:
    planned.accounts[ACCOUNT] = {
        "Id": ACCOUNT,
        "Arn": ACCOUNT,
        "Name": given["AccountName"],
        "Email": given["Email"],
        "State": "ACTIVE",
    }
    planned.tags[ACCOUNT] = {tag["Key"]: tag["Value"] for tag in given.get("Tags", ())}
    return {"CreateAccountStatus": {"Id": f"{PREFIX}creation", "State": "IN_PROGRESS"}}


def _tag(planned: Planned, where: Where, given: Parameters) -> None:
    tags = {tag["Key"]: tag["Value"] for tag in given["Tags"]}
    planned.tags.setdefault(given["ResourceId"], {}).update(tags)


def _untag(planned: Planned, where: Where, given: Parameters) -> None:
    planned.tags.setdefault(given["ResourceId"], {}).update(dict.fromkeys(given["TagKeys"]))


def _move(planned: Planned, where: Where, given: Parameters) -> None:
    planned.parents[given["AccountId"]] = given["DestinationParentId"]


def _create_unit(planned: Planned, where: Where, given: Parameters) -> Members:
    unit = f"{PREFIX}unit-{given['Name']}"
    planned.names[unit] = given["Name"]
    planned.parents[unit] = given["ParentId"]
    return {"OrganizationalUnit": {"Id": unit, "Name": given["Name"]}}


def _create_policy(planned: Planned, where: Where, given: Parameters) -> Members:
    policy = f"{PREFIX}policy-{given['Name']}"
    planned.names[policy] = given["Name"]
    return {"Policy": {"PolicySummary": {"Id": policy, "Name": given["Name"], "Description": given["Description"]}}}


def _close(planned: Planned, where: Where, given: Parameters) -> None:
    planned.closed.add(given["AccountId"])


def _create_group(planned: Planned, where: Where, given: Parameters) -> Members:
    by_scim = where.service == "scim"
    name, mark = given["name" if by_scim else "DisplayName"], given["external_id" if by_scim else "Description"]
    group = f"{PREFIX}group-{name}"
    planned.names[group] = name
    planned.groups[group] = (name, mark)
    return {"resource": {"id": group}} if by_scim else {"GroupId": group}


def _mark_group(planned: Planned, where: Where, given: Parameters) -> None:
    planned.groups[given["GroupId"]] = (None, given["Operations"][0]["AttributeValue"])


def _take_out(planned: Planned, where: Where, given: Parameters) -> None:
    planned.taken_out.add(planned.members[given["MembershipId"]])


def _patch_group(planned: Planned, where: Where, given: Parameters) -> None:
    if given.get("external_id") is not None:
        planned.groups[given["group_id"]] = (None, given["external_id"])
    elif given["change"] == "remove":
        planned.taken_out |= {(user, given["group_id"]) for user in given["user_ids"]}


def _assign(member: str, *, there: bool) -> Write:
    def answer(planned: Planned, where: Where, given: Parameters) -> Members:
        planned.assigned[given["TargetId"], given["PermissionSetArn"], given["PrincipalId"]] = there
        return {member: {"Status": "IN_PROGRESS", "RequestId": f"{PREFIX}{len(planned.assigned)}"}}

    return answer


def _deploy_stack(planned: Planned, where: Where, given: Parameters) -> Members:
    name = stack_name(given)
    partition = planned.platform.partition
    is_id = str(given["StackName"]).startswith("arn:")
    stack = (
        str(given["StackName"])
        if is_id
        else f"arn:{partition}:cloudformation:{where.region}:{where.account}:stack/{name}/planned"
    )
    planned.stacks[where.account, where.region, name] = {
        "StackId": stack,
        "StackName": name,
        "CreationTime": datetime.now(UTC),
        "StackStatus": "UPDATE_COMPLETE" if is_id else "CREATE_COMPLETE",
        "Parameters": given["Parameters"],
        "Tags": given["Tags"],
    }
    return {"StackId": stack}


def _delete_stack(planned: Planned, where: Where, given: Parameters) -> None:
    planned.stacks[where.account, where.region, stack_name(given)] = None


def _deploy_instances(planned: Planned, where: Where, given: Parameters) -> None:
    for account in given["Accounts"]:
        regions = planned.instances.setdefault((given["StackSetName"], account), {})
        regions |= dict.fromkeys(given["Regions"], given["OperationId"])


def _create_role(planned: Planned, where: Where, given: Parameters) -> None:
    trust = json.loads(given["AssumeRolePolicyDocument"])
    tags = given.get("Tags", [])
    shown = {"RoleName": given["RoleName"], "Path": given["Path"], "AssumeRolePolicyDocument": trust, "Tags": tags}
    planned.roles[where.account, given["RoleName"]] = Role(created=shown)


def _set_trust(planned: Planned, where: Where, given: Parameters) -> None:
    planned.role(where, given["RoleName"]).trust = json.loads(given["PolicyDocument"])


def _put_policy(planned: Planned, where: Where, given: Parameters) -> None:
    planned.role(where, given["RoleName"]).inline[given["PolicyName"]] = json.loads(given["PolicyDocument"])


def _attach(planned: Planned, where: Where, given: Parameters) -> None:
    role = planned.role(where, given["RoleName"])
    role.attached.add(given["PolicyArn"])
    role.detached.discard(given["PolicyArn"])


def _detach(planned: Planned, where: Where, given: Parameters) -> None:
    role = planned.role(where, given["RoleName"])
    role.detached.add(given["PolicyArn"])
    role.attached.discard(given["PolicyArn"])


def _delete_role(planned: Planned, where: Where, given: Parameters) -> None:
    planned.roles[where.account, given["RoleName"]] = Role(deleted=True)


def _provision(planned: Planned, where: Where, given: Parameters) -> Members:
    product = f"{PREFIX}product"
    detail = {"Id": product, **_available()}
    planned.products |= {product: detail, given["ProvisionedProductName"]: detail}
    return _govern(planned, product, given)


def _update_product(planned: Planned, where: Where, given: Parameters) -> Members:
    product = given["ProvisionedProductId"]
    planned.products[product] = {"Id": product, **_available()}
    return _govern(planned, product, given)


def _available() -> Members:
    record = f"{PREFIX}record"
    return {"Status": "AVAILABLE", "LastRecordId": record, "LastSuccessfulProvisioningRecordId": record}


def _govern(planned: Planned, product: str, given: Parameters) -> Members:
    """Control Tower puts the tenant's account where it is told."""
    wanted = {row["Key"]: row.get("Value") for row in given["ProvisioningParameters"]}
    unit = UNIT_ID.search(wanted.get("ManagedOrganizationalUnit") or "")
    if unit is not None and planned.account is not None:
        planned.parents[planned.account] = unit[1]
    return {"RecordDetail": {"ProvisionedProductId": product}}


def _terminate(planned: Planned, where: Where, given: Parameters) -> Members:
    product = given["ProvisionedProductId"]
    planned.products[product] = None
    return {"RecordDetail": {"ProvisionedProductId": product}}


def _invoke(planned: Planned, where: Where, given: Parameters) -> Members:
    return {"Payload": BytesIO(b"null")}


def _noted(planned: Planned, where: Where, given: Parameters) -> None:
    """Note the write and no more: the rest of the plan looks as before, and nobody reads its answer."""


WRITES: Mapping[tuple[str, str], Write] = {
    ("organizations", "create_account"): _create_account,
    ("organizations", "tag_resource"): _tag,
    ("organizations", "untag_resource"): _untag,
    ("organizations", "move_account"): _move,
    ("organizations", "create_organizational_unit"): _create_unit,
    ("organizations", "create_policy"): _create_policy,
    ("organizations", "update_policy"): _noted,
    ("organizations", "attach_policy"): _noted,
    ("organizations", "close_account"): _close,
    ("identitystore", "create_group"): _create_group,
    ("identitystore", "update_group"): _mark_group,
    ("identitystore", "delete_group"): _noted,
    ("identitystore", "create_group_membership"): _noted,
    ("identitystore", "delete_group_membership"): _take_out,
    ("scim", "create_group"): _create_group,
    ("scim", "delete_group"): _noted,
    ("scim", "patch_group"): _patch_group,
    ("sso-admin", "create_account_assignment"): _assign("AccountAssignmentCreationStatus", there=True),
    ("sso-admin", "delete_account_assignment"): _assign("AccountAssignmentDeletionStatus", there=False),
    ("cloudformation", "create_stack"): _deploy_stack,
    ("cloudformation", "update_stack"): _deploy_stack,
    ("cloudformation", "delete_stack"): _delete_stack,
    ("cloudformation", "create_stack_instances"): _deploy_instances,
    ("cloudformation", "update_stack_instances"): _deploy_instances,
    ("iam", "create_account_alias"): _noted,
    ("iam", "create_role"): _create_role,
    ("iam", "update_assume_role_policy"): _set_trust,
    ("iam", "put_role_policy"): _put_policy,
    ("iam", "attach_role_policy"): _attach,
    ("iam", "detach_role_policy"): _detach,
    ("iam", "delete_role"): _delete_role,
    ("iam", "delete_role_policy"): _noted,
    ("iam", "create_saml_provider"): _noted,
    ("iam", "update_saml_provider"): _noted,
    ("servicecatalog", "provision_product"): _provision,
    ("servicecatalog", "update_provisioned_product"): _update_product,
    ("servicecatalog", "terminate_provisioned_product"): _terminate,
    ("lambda", "invoke"): _invoke,
}
"""Every write of `tasks/aws/actions.py`: what it changes for the rest of the plan, and the answer that a step reads."""
