"""Calls in words: one sentence for each write that is planned, with what AWS has now where that is known, or was sent.

Every write of `tasks/aws/actions.py` has its sentence; a test compares the two tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from config.platform import Platform
from config.printable import short
from tasks.aws.planning.planned import ACCOUNT, Change, Planned, stack_name
from tasks.model.call import Intent
from tasks.permissions.group_proof import GroupProof

LONGEST = 300  # characters of a sentence that is kept

Words = Callable[[Any], str]  # what people call an id
Sentence = Callable[[Change, Words, Planned], str]


def sentence(change: Change, names: Mapping[str, str], planned: Planned) -> str:
    """Say what a call changes; `names` has what people call users and groups, by id."""
    known = {**names, **planned.names, ACCOUNT: "the new account"}

    def words(value: Any) -> str:
        return known.get(str(value), str(value))

    return SENTENCES[change.service, change.operation](change, words, planned)


def sent(intent: Intent, names: Mapping[str, str], platform: Platform) -> str | None:
    """Say what a call that is about to be sent changes, in at most some 300 characters; what AWS has now is not known.

    None where that cannot be said: a sentence must never keep a call from being sent, least of all one that takes
    access away.
    """
    given = {**intent.arguments, **intent.about}
    change = Change(intent.service, intent.operation, intent.account_id, "", given)

    def words(value: Any) -> str:
        return names.get(str(value), str(value))

    try:
        say = BRIEFLY.get((intent.service, intent.operation)) or SENTENCES[intent.service, intent.operation]
        said = short(say(change, words, Planned(platform)))
    except Exception:  # noqa: BLE001 (as above)
        return None
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}…"


def _tagged(change: Change, words: Words, _: Planned) -> str:
    rows = [
        _changed(tag["Key"], tag["Value"], change.before.get(tag["Key"], _NOTHING)) for tag in change.parameters["Tags"]
    ]
    return f"tag {words(change.parameters['ResourceId'])}: {', '.join(rows)}"


def _untagged(change: Change, words: Words, _: Planned) -> str:
    rows = [f"{key} (currently {change.before.get(key)})" for key in change.parameters["TagKeys"]]
    return f"remove tags from {words(change.parameters['ResourceId'])}: {', '.join(rows)}"


def _joined(change: Change, words: Words, _: Planned) -> str:
    return f"add {words(change.parameters['MemberId']['UserId'])} to group {words(change.parameters['GroupId'])}"


def _left(change: Change, words: Words, planned: Planned) -> str:
    given = change.parameters
    about = given.get("UserId") or given["MembershipId"], given.get("GroupId", "?")
    user, group = planned.members.get(given["MembershipId"], about)
    return f"remove {words(user)} from group {words(group)}"


def _adopted(change: Change, words: Words, _: Planned) -> str:
    given = change.parameters
    group = given.get("GroupId") or given["group_id"]
    proof = given.get("external_id") or given["Operations"][0]["AttributeValue"]
    return f"adopt group {words(group)} for {GroupProof.read(proof)}"


def _patched(change: Change, words: Words, _: Planned) -> str:
    if change.parameters.get("external_id") is not None:
        return _adopted(change, words, _)
    people = ", ".join(words(user) for user in change.parameters["user_ids"])
    verb, way = ("add", "to") if change.parameters["change"] == "add" else ("remove", "from")
    return f"{verb} {people} {way} group {words(change.parameters['group_id'])}"


def _assignment(verb: str, way: str) -> Sentence:
    def say(change: Change, words: Words, _: Planned) -> str:
        given = change.parameters
        arn, group = words(given["PermissionSetArn"]), words(given["PrincipalId"])
        return f"{verb} permission set {arn} {way} group {group} in {words(given['TargetId'])}"

    return say


def _stack(change: Change, words: Words, _: Planned) -> str:
    verb = change.operation.partition("_")[0]
    wanted = {row["ParameterKey"]: row["ParameterValue"] for row in change.parameters["Parameters"]}
    rows = list(_differences(wanted, change.before))
    more = f": {', '.join(rows)}" if rows else ": template" if verb == "update" else ""
    return f"{verb} stack {stack_name(change.parameters)} in {words(change.account_id)}, {change.region}{more}"


def _stack_gone(change: Change, words: Words, _: Planned) -> str:
    return f"delete stack {stack_name(change.parameters)} in {words(change.account_id)}, {change.region}"


def _instances(change: Change, words: Words, _: Planned) -> str:
    given = change.parameters
    verb = change.operation.partition("_")[0]
    rows = [f"{row['ParameterKey']} = {words(row['ParameterValue'])}" for row in given["ParameterOverrides"]]
    where = f"{words(given['Accounts'][0])}, {', '.join(given['Regions'])}"
    return f"{verb} instances of StackSet {given['StackSetName']} in {where}{': ' if rows else ''}{', '.join(rows)}"


def _of_accounts(change: Change, words: Words, _: Planned) -> str:
    given = change.parameters
    verb, accounts = change.operation.partition("_")[0], given["Accounts"]
    where = f"{words(accounts[0])}{f' and {len(accounts) - 1} more' if len(accounts) > 1 else ''}"
    return f"{verb} instances of StackSet {words(given['StackSetName'])} in {where}, {', '.join(given['Regions'])}"


def _alias(change: Change, words: Words, _: Planned) -> str:
    row = _changed("alias", change.parameters["AccountAlias"], change.before.get("alias") or _NOTHING)
    return f"set in {words(change.account_id)} {row}"


def _enrolled(text: str) -> Sentence:
    def say(change: Change, _: Words, __: Planned) -> str:
        wanted = {row["Key"]: row.get("Value", "") for row in change.parameters["ProvisioningParameters"]}
        return text.format(wanted.get("ManagedOrganizationalUnit", ""))

    return say


def _on(text: str, *members: str) -> Sentence:
    """Make a sentence of parameters alone."""

    def say(change: Change, words: Words, _: Planned) -> str:
        return text.format(*(words(change.parameters.get(member)) for member in members), here=words(change.account_id))

    return say


_NOTHING = object()


def _changed(name: str, value: str, before: object) -> str:
    return f"{name} = {value}" if before is _NOTHING else f"{name} = {value} (currently {before})"


def _differences(wanted: Mapping[str, str], before: Mapping[str, str | None]) -> Iterator[str]:
    for name, value in wanted.items():
        if before.get(name, _NOTHING) not in (value, "****"):  # how AWS shows a NoEcho parameter
            yield _changed(name, value, before.get(name, _NOTHING))
    for name in before.keys() - wanted.keys():
        yield f"without {name}"


SENTENCES: Mapping[tuple[str, str], Sentence] = {
    ("organizations", "create_account"): _on("create account {} with email {}", "AccountName", "Email"),
    ("organizations", "tag_resource"): _tagged,
    ("organizations", "untag_resource"): _untagged,
    ("organizations", "move_account"): _on(
        "move {} from {} to {}", "AccountId", "SourceParentId", "DestinationParentId"
    ),
    ("organizations", "create_organizational_unit"): _on("create OU {} in {}", "Name", "ParentId"),
    ("organizations", "close_account"): _on("close account {}", "AccountId"),
    ("organizations", "create_policy"): _on("create service control policy {}", "Name"),
    ("organizations", "update_policy"): _on("update service control policy {}", "PolicyId"),
    ("organizations", "attach_policy"): _on("attach service control policy {} to {}", "PolicyId", "TargetId"),
    ("identitystore", "create_group"): _on("create group {}", "DisplayName"),
    ("identitystore", "update_group"): _adopted,
    ("identitystore", "delete_group"): _on("delete group {}", "GroupId"),
    ("identitystore", "create_group_membership"): _joined,
    ("identitystore", "delete_group_membership"): _left,
    ("scim", "create_group"): _on("create group {}", "name"),
    ("scim", "delete_group"): _on("delete group {}", "group_id"),
    ("scim", "patch_group"): _patched,
    ("sso-admin", "create_account_assignment"): _assignment("give", "to"),
    ("sso-admin", "delete_account_assignment"): _assignment("take", "from"),
    ("cloudformation", "create_stack"): _stack,
    ("cloudformation", "update_stack"): _stack,
    ("cloudformation", "delete_stack"): _stack_gone,
    ("cloudformation", "create_stack_instances"): _instances,
    ("cloudformation", "update_stack_instances"): _instances,
    ("iam", "create_account_alias"): _alias,
    ("iam", "create_role"): _on("create role {} in {here}", "RoleName"),
    ("iam", "delete_role"): _on("delete role {} in {here}", "RoleName"),
    ("iam", "delete_role_policy"): _on("delete policy {} of role {} in {here}", "PolicyName", "RoleName"),
    ("iam", "update_assume_role_policy"): _on("set the trust policy of role {} in {here}", "RoleName"),
    ("iam", "put_role_policy"): _on("write policy {} of role {} in {here}", "PolicyName", "RoleName"),
    ("iam", "attach_role_policy"): _on("attach {} to role {} in {here}", "PolicyArn", "RoleName"),
    ("iam", "detach_role_policy"): _on("detach {} from role {} in {here}", "PolicyArn", "RoleName"),
    ("iam", "create_saml_provider"): _on("create SAML provider {} in {here}", "Name"),
    ("iam", "update_saml_provider"): _on("update SAML provider {}", "SAMLProviderArn"),
    ("servicecatalog", "provision_product"): _enrolled("enroll the account in Control Tower, in {}"),
    ("servicecatalog", "update_provisioned_product"): _enrolled("let Control Tower move the account to {}"),
    ("servicecatalog", "terminate_provisioned_product"): _on("undo the failed enrollment {}", "ProvisionedProductId"),
    ("lambda", "invoke"): _on("run Lambda function {}", "FunctionName"),
}

BRIEFLY: Mapping[tuple[str, str], Sentence] = {
    ("organizations", "untag_resource"): lambda change, words, _: (
        f"remove tags from {words(change.parameters['ResourceId'])}: {', '.join(change.parameters['TagKeys'])}"
    ),
    ("cloudformation", "create_stack"): _on("create stack {} in {here}", "StackName"),
    ("cloudformation", "update_stack"): _on("update stack {} in {here}", "StackName"),
    ("cloudformation", "delete_stack"): _on("delete stack {} in {here}", "StackName"),
    ("cloudformation", "create_stack_instances"): _of_accounts,
    ("cloudformation", "update_stack_instances"): _of_accounts,
}
"""Of calls that were sent: without the region, and without what was there before, which nobody has read for it."""
