"""How a plan answers reads: by AWS, with what is planned laid over the answer.

What only exists in the plan is answered from here: a new account is as AWS makes one. What AWS still does after a call
(an account, a stack, an assignment) counts as done well at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tasks.aws.calls import Response
from tasks.aws.planning.planned import (
    ACCOUNT,
    PREFIX,
    Members,
    Parameters,
    Planned,
    Role,
    Where,
    is_planned,
    stack_name,
)
from tasks.aws.scim import equals
from tasks.errors import AccessDenied, NotFound, NotReady, Refused

# ruff: noqa: ARG001 (all entries of the table have one signature)

NO_ENTITY, NO_PRODUCT, NO_STACK = "NoSuchEntity", "ResourceNotFoundException", "ValidationError"  # AWS's own codes
Ask = Callable[..., Response]  # sends a read to AWS: operation, **parameters
Read = Callable[[Planned, Where, Parameters, Ask], Members]


def _creation(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    if not is_planned(given["CreateAccountRequestId"]):
        return ask("describe_create_account_status", **given)
    status = {"Id": given["CreateAccountRequestId"], "State": "SUCCEEDED", "AccountId": ACCOUNT}
    return {"CreateAccountStatus": status}


def _account(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    account_id = given["AccountId"]
    found = planned.accounts.get(account_id)
    described = ask("describe_account", **given)["Account"] if found is None else found
    state = {"State": "SUSPENDED"} if account_id in planned.closed else {}
    return {"Account": {**described, **state}}


def _tags(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    resource = given["ResourceId"]
    answer = {} if is_planned(resource) else ask("list_tags_for_resource", **given)
    actual: dict[str, str | None] = {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())}
    planned.seen.setdefault(("tags", resource), {}).update(actual)
    changed = planned.tags.get(resource, {})
    shown = {key: value for key, value in actual.items() if key not in changed}
    if not answer.get("NextToken"):
        shown |= {key: value for key, value in changed.items() if value is not None}
    return {**answer, "Tags": [{"Key": key, "Value": value} for key, value in shown.items()]}


def _parents(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    child = given["ChildId"]
    if child in planned.parents:
        return {"Parents": [{"Id": planned.parents[child]}]}
    if is_planned(child):
        return {"Parents": [{"Id": ask("list_roots")["Roots"][0]["Id"]}]}
    return ask("list_parents", **given)


def _policies_of(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    return {"Policies": []} if is_planned(given["TargetId"]) else ask("list_policies_for_target", **given)


def _caller(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    role = Role() if where.account is None else planned.role(where, planned.access_role)
    if not where.is_planned:
        try:
            return ask("get_caller_identity", **given)
        except (AccessDenied, NotReady):
            if role.trust is None or where.account is None:
                raise
            planned.shut.add(where.account)
    return {"Account": where.account, "Arn": f"{planned.access_role} of {where.account}"}


def _memberships(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    if is_planned(given["GroupId"]):
        return {"GroupMemberships": []}
    answer = ask("list_group_memberships", **given)
    rows = {row["MembershipId"]: row for row in answer.get("GroupMemberships") or ()}
    planned.members |= {name: (row["MemberId"]["UserId"], given["GroupId"]) for name, row in rows.items()}
    left = [row for name, row in rows.items() if planned.members[name] not in planned.taken_out]
    return {**answer, "GroupMemberships": left}


def _scim_users(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    answer = ask("list_users", **given)
    taken_out = {user for user, group in planned.taken_out if given["condition"] == equals("groups.value", group)}
    return {**answer, "resources": [user for user in answer["resources"] if user["id"] not in taken_out]}


def _group(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    name, mark = planned.groups.get(given["GroupId"], (None, None))
    shown = {} if name is not None else ask("describe_group", **given)
    changed = {"DisplayName": name, "Description": mark}
    return {**shown, **{member: value for member, value in changed.items() if value is not None}}


def _scim_group(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    name, _ = planned.groups.get(given["group_id"], (None, None))
    shown = {"id": given["group_id"]} if name is not None else ask("get_group", **given)["resource"]
    return {"resource": _marked(planned, shown)}


def _scim_groups(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    answer = ask("list_groups", **given)
    return {**answer, "resources": [_marked(planned, shown) for shown in answer["resources"]]}


def _marked(planned: Planned, shown: Members) -> Members:
    name, mark = planned.groups.get(shown["id"], (None, None))
    changed = {"name": name, "external_id": mark}
    return {**shown, **{member: value for member, value in changed.items() if value is not None}}


def _assignments(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    account, permission_set = given["AccountId"], given["PermissionSetArn"]
    answer = {} if is_planned(account) else ask("list_account_assignments", **given)
    changed = {
        group: there for (of, arn, group), there in planned.assigned.items() if (of, arn) == (account, permission_set)
    }
    rows = [row for row in answer.get("AccountAssignments", ()) if row["PrincipalId"] not in changed]
    if not answer.get("NextToken"):
        rows += [{"PrincipalId": group, "PrincipalType": "GROUP"} for group, there in changed.items() if there]
    return {**answer, "AccountAssignments": rows}


def _provisioned(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    operation = "list_permission_sets_provisioned_to_account"
    return {"PermissionSets": []} if is_planned(given["AccountId"]) else ask(operation, **given)


def _assignment_status(member: str, request: str, operation: str) -> Read:
    def answer(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
        if not is_planned(given[request]):
            return ask(operation, **given)
        return {member: {"Status": "SUCCEEDED", "RequestId": given[request]}}

    return answer


def _stack(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    name = stack_name(given)
    key = (where.account, where.region, name)
    found = planned.stacks.get(key)
    if (key in planned.stacks or where.is_planned) and found is None:
        raise Refused(NO_STACK, f"Stack with id {given['StackName']} does not exist")
    if found is not None:
        return {"Stacks": [found]}
    answer = ask("describe_stacks", **given)
    rows = answer["Stacks"][0].get("Parameters") or ()
    planned.seen["stack", *key] = {row["ParameterKey"]: row.get("ParameterValue") for row in rows}
    return answer


def _instances(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    name, account = given["StackSetName"], given["StackInstanceAccount"]
    answer = {} if is_planned(account) else ask("list_stack_instances", **given)
    changed = planned.instances.get((name, account), {})
    rows = [row for row in answer.get("Summaries", ()) if row["Region"] not in changed]
    if not answer.get("NextToken"):
        done = {"Account": account, "Status": "CURRENT", "StackInstanceStatus": {"DetailedStatus": "SUCCEEDED"}}
        rows += [{**done, "Region": region, "LastOperationId": each} for region, each in changed.items()]
    return {**answer, "Summaries": rows}


def _role(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    name = given["RoleName"]
    role = planned.role(where, name)
    described = role.created
    if described is None and where.is_planned and name == planned.access_role:
        described = _fresh_access_role(planned)
    if role.deleted or (described is None and where.is_planned):
        raise NotFound(NO_ENTITY, f"The role with name {name} cannot be found.")
    described = ask("get_role", **given)["Role"] if described is None else described
    trust = {} if role.trust is None else {"AssumeRolePolicyDocument": role.trust}
    return {"Role": {**described, **trust}}


def _fresh_access_role(planned: Planned) -> Members:
    """The role as CreateAccount makes it. Source: AWS Organizations user guide, orgs_manage_accounts_access."""
    root = f"arn:{planned.platform.partition}:iam::{planned.platform.management_account_id}:root"
    allow = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [allow]}
    return {"RoleName": planned.access_role, "Path": "/", "AssumeRolePolicyDocument": trust}


def _role_policy(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    role = planned.role(where, given["RoleName"])
    document = role.inline.get(given["PolicyName"])
    if document is not None:
        return {"PolicyDocument": document}
    if where.is_planned or role.created is not None:
        raise NotFound(NO_ENTITY, f"The role policy with name {given['PolicyName']} cannot be found.")
    return ask("get_role_policy", **given)


def _attached(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    role = planned.role(where, given["RoleName"])
    attached = set(role.attached)
    if where.is_planned or role.created is not None:
        attached |= {planned.administrator} if where.is_planned and given["RoleName"] == planned.access_role else set()
    else:
        rows = ask("list_attached_role_policies", **given)["AttachedPolicies"]
        attached |= {row["PolicyArn"] for row in rows}
    return {"AttachedPolicies": [{"PolicyArn": arn} for arn in sorted(attached - role.detached)]}


def _aliases(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    aliases = [] if where.is_planned else ask("list_account_aliases", **given)["AccountAliases"]
    planned.seen["alias", where.account] = {"alias": aliases[0] if aliases else None}
    return {"AccountAliases": aliases}


def _policy(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    """A new account has AWS's own policies; under which path, only an account can tell."""
    if not where.is_planned:
        return ask("get_policy", **given)
    if ":iam::aws:policy/" not in given["PolicyArn"]:
        raise NotFound(NO_ENTITY, f"Policy {given['PolicyArn']} does not exist.")
    return {"Policy": {"Arn": given["PolicyArn"]}}


def _absent(operation: str, what: str) -> Read:
    """Something that an account has when it is older than a plan."""

    def answer(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
        if where.is_planned:
            raise NotFound(NO_ENTITY, f"The new account has no {what}.")
        return ask(operation, **given)

    return answer


def _roles(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    return {"Roles": []} if where.is_planned else ask("list_roles", **given)


def _product(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    by = given.get("Id") or given["Name"]
    if by not in planned.products and PREFIX not in by:
        detail: Members = ask("describe_provisioned_product", **given)["ProvisionedProductDetail"]
        if detail["Id"] not in planned.products:
            return {"ProvisionedProductDetail": detail}
        changed = planned.products[detail["Id"]]
        found = None if changed is None else {**detail, **changed}
    else:
        found = planned.products.get(by)
    if found is None:
        raise NotFound(NO_PRODUCT, f"Provisioned product {by} not found.")
    return {"ProvisionedProductDetail": found}


def _search(planned: Planned, where: Where, given: Parameters, ask: Ask) -> Members:
    planned_account = any(PREFIX in query for query in given["Filters"]["SearchQuery"])
    return {"ProvisionedProducts": []} if planned_account else ask("search_provisioned_products", **given)


READS: Mapping[tuple[str, str], Read] = {
    ("organizations", "describe_create_account_status"): _creation,
    ("organizations", "describe_account"): _account,
    ("organizations", "list_tags_for_resource"): _tags,
    ("organizations", "list_parents"): _parents,
    ("organizations", "list_policies_for_target"): _policies_of,
    ("sts", "get_caller_identity"): _caller,
    ("identitystore", "list_group_memberships"): _memberships,
    ("identitystore", "describe_group"): _group,
    ("scim", "list_users"): _scim_users,
    ("scim", "get_group"): _scim_group,
    ("scim", "list_groups"): _scim_groups,
    ("sso-admin", "list_account_assignments"): _assignments,
    ("sso-admin", "list_permission_sets_provisioned_to_account"): _provisioned,
    ("sso-admin", "describe_account_assignment_creation_status"): _assignment_status(
        "AccountAssignmentCreationStatus",
        "AccountAssignmentCreationRequestId",
        "describe_account_assignment_creation_status",
    ),
    ("sso-admin", "describe_account_assignment_deletion_status"): _assignment_status(
        "AccountAssignmentDeletionStatus",
        "AccountAssignmentDeletionRequestId",
        "describe_account_assignment_deletion_status",
    ),
    ("cloudformation", "describe_stacks"): _stack,
    ("cloudformation", "list_stack_instances"): _instances,
    ("iam", "get_role"): _role,
    ("iam", "get_role_policy"): _role_policy,
    ("iam", "list_attached_role_policies"): _attached,
    ("iam", "list_account_aliases"): _aliases,
    ("iam", "get_policy"): _policy,
    ("iam", "get_saml_provider"): _absent("get_saml_provider", "SAML provider"),
    ("iam", "list_roles"): _roles,
    ("servicecatalog", "describe_provisioned_product"): _product,
    ("servicecatalog", "search_provisioned_products"): _search,
}
