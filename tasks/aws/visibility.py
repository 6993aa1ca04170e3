"""What AWS may not show everywhere yet: things that were made, or learned of, a moment ago.

Organizations, IAM, the identity store and CloudFormation answer a read from copies that learn of a write within
seconds, sometimes minutes. So "not found" about a young thing is no answer. Whoever makes a thing notes its name here;
then, for as long as the visibility grace, the seam makes `NotReady` of "not found" for every call that names it. What
we have deleted for good may be shown still in the same way: for as long, the seam makes "not found" of such an answer.

Notes are shared by all workers (tasks/organization/young_things.py): one may wait for an OU that another has made.
Source: docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency;
docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Protocol


class YoungThings(Protocol):
    """The names of what is young, shared by all workers of an organization."""

    def note(self, names: Collection[str]) -> None:
        """Note that these were made now."""

    def forget(self, names: Collection[str]) -> None:
        """Note that these are gone: that they are not found is right."""

    def bury(self, name: str) -> None:
        """Note that this was deleted now: that it is shown is wrong."""

    def any_of(self, names: Collection[str]) -> bool:
        """Tell whether one of these was made less than the visibility grace ago."""

    def is_gone(self, name: str) -> bool:
        """Tell whether this was deleted less than the visibility grace ago."""


class NothingYoung:
    """Believe every "not found"."""

    def note(self, names: Collection[str]) -> None:
        """Note nothing."""

    def forget(self, names: Collection[str]) -> None:
        """Know of nothing."""

    def bury(self, name: str) -> None:
        """Note nothing."""

    def any_of(self, names: Collection[str]) -> bool:  # noqa: ARG002 (nothing is young)
        """Know of nothing."""
        return False

    def is_gone(self, name: str) -> bool:  # noqa: ARG002 (nothing was deleted)
        """Know of nothing."""
        return False


Path = tuple[str, ...]
MADE_BY_ANSWER: Mapping[tuple[str, str], Path] = {
    ("organizations", "create_organizational_unit"): ("OrganizationalUnit", "Id"),
    ("organizations", "create_policy"): ("Policy", "PolicySummary", "Id"),
    ("organizations", "create_account"): ("CreateAccountStatus", "Id"),
    ("organizations", "describe_create_account_status"): ("CreateAccountStatus", "AccountId"),
    ("identitystore", "create_group"): ("GroupId",),
    ("scim", "create_group"): ("resource", "id"),
    ("sso-admin", "create_account_assignment"): ("AccountAssignmentCreationStatus", "RequestId"),
    ("sso-admin", "delete_account_assignment"): ("AccountAssignmentDeletionStatus", "RequestId"),
    ("iam", "create_saml_provider"): ("SAMLProviderArn",),
    ("cloudformation", "create_stack"): ("StackId",),
    ("cloudformation", "create_stack_instances"): ("OperationId",),
    ("cloudformation", "update_stack_instances"): ("OperationId",),
    ("servicecatalog", "provision_product"): ("RecordDetail", "ProvisionedProductId"),
    ("servicecatalog", "terminate_provisioned_product"): ("RecordDetail", "RecordId"),
}
"""Where the answer of a call names what it has made, or what it shows to be new."""

MADE_BY_REQUEST: Mapping[tuple[str, str], str] = {
    ("iam", "create_role"): "RoleName",
    ("cloudformation", "create_stack"): "StackName",
    ("servicecatalog", "provision_product"): "ProvisionedProductName",
}
"""Which parameter names what a call makes."""

NAMED: Mapping[tuple[str, str], str] = {
    ("organizations", "create_organizational_unit"): "Name",
    ("organizations", "create_policy"): "Name",
    ("identitystore", "create_group"): "DisplayName",
    ("scim", "create_group"): "name",
}
"""Which parameter is what people call what a call makes, whose id its answer names."""

SOUGHT: Mapping[tuple[str, str], str] = {
    ("identitystore", "get_group_id"): "GroupId",
    ("identitystore", "get_user_id"): "UserId",
}
"""Where the answer has the id of what was sought by its name."""

DELETED: Mapping[tuple[str, str], str] = {
    ("iam", "delete_role"): "RoleName",
    ("identitystore", "delete_group"): "GroupId",
    ("scim", "delete_group"): "group_id",
}
"""Which parameter names what a call deletes at once: no answer shows it being deleted."""

SHOWN: Mapping[tuple[str, str], str] = {
    ("iam", "get_role"): "RoleName",
    ("identitystore", "describe_group"): "GroupId",
    ("scim", "get_group"): "group_id",
}
"""Which parameter names what a read shows, of these."""


def made(service: str, operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of what a call has made.

    answer  empty when nobody knows whether the call worked

    >>> list(made("iam", "create_role", {"RoleName": "admin"}, {}))
    ['admin']
    """
    parameter = MADE_BY_REQUEST.get((service, operation))
    if parameter is not None:
        yield str(parameters[parameter])
    found = _id_of(service, operation, answer)
    if found is not None:
        yield found


def _id_of(service: str, operation: str, answer: Mapping[str, Any]) -> str | None:
    found: Any = answer
    for member in MADE_BY_ANSWER.get((service, operation), ()):
        found = found.get(member) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None


def named(service: str, operation: str, parameters: Mapping[str, Any], answer: Mapping[str, Any]) -> dict[str, str]:
    """Return what people call what a call has made or found, by its id.

    >>> named("identitystore", "create_group", {"DisplayName": "admins"}, {"GroupId": "g-1"})
    {'g-1': 'admins'}
    >>> sought = {"AlternateIdentifier": {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": "alice"}}}
    >>> named("identitystore", "get_user_id", sought, {"UserId": "u-1"})
    {'u-1': 'alice'}
    >>> named("scim", "list_groups", {}, {"resources": [{"id": "g-1", "name": "admins"}]})
    {'g-1': 'admins'}
    """
    if (service, operation) == ("scim", "list_groups"):
        return {each["id"]: each["name"] for each in answer.get("resources", ())}
    if (service, operation) in SOUGHT:
        name = parameters["AlternateIdentifier"].get("UniqueAttribute", {}).get("AttributeValue")
        return {answer[SOUGHT[service, operation]]: str(name)} if name else {}
    parameter, found = NAMED.get((service, operation)), _id_of(service, operation, answer)
    return {} if parameter is None or found is None else {found: str(parameters[parameter])}


def gone(operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of what a call has deleted; a stack is deleted by its ARN, and looked for by its name.

    >>> list(gone("delete_stack", {"StackName": "arn:aws:cloudformation:eu-west-1:111111111111:stack/access/0f"}))
    ['arn:aws:cloudformation:eu-west-1:111111111111:stack/access/0f', 'access']
    """
    if operation.startswith(("delete_", "terminate_")):
        for name in texts(parameters):
            yield name
            yield from name.split("/")[1:2]


def missed(parameters: Mapping[str, Any], message: str) -> list[str]:
    """Return the names of what AWS may not have found: those that its message names, all of them where it names none.

    >>> missed({"InstanceArn": "arn:aws:sso:::instance/i-1", "TargetId": "123456789012"}, "instance i-1 not found")
    ['arn:aws:sso:::instance/i-1']
    >>> missed({"IdentityStoreId": "d-1", "GroupId": "g"}, "GROUP not found.")
    ['d-1', 'g']
    """
    names = list(texts(parameters))
    return [name for name in names if name.rpartition("/")[2] in message] or names


def texts(parameters: Any) -> Iterator[str]:
    """Yield every text in the parameters of a call.

    >>> sorted(texts({"GroupId": "g", "MemberId": {"UserId": "u"}, "Regions": ["eu"], "MaxResults": 3}))
    ['eu', 'g', 'u']
    """
    match parameters:
        case str():
            yield parameters
        case Mapping():
            for value in parameters.values():
                yield from texts(value)
        case list() | tuple():
            for value in parameters:
                yield from texts(value)
