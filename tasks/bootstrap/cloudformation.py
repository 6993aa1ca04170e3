"""The blueprint of an account as a CloudFormation template.

Source: docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference (AWS::IAM::Role, ::User, ::InstanceProfile,
AWS::Organizations::Policy)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from config.policy_document import PolicyDocument
from tasks.bootstrap.blueprint import (
    MARKS,
    PLATFORM_TAG,
    STACK_SET_EXECUTION,
    Account,
    ControlPolicy,
    ExternalId,
    Role,
    User,
    Wanted,
    execution_trust,
)

Template = dict[str, Any]
VERSION = "2010-09-09"
PROTECTED_UNITS = "ProtectedUnits"


def template(account: Account) -> Template:
    """Return the template that prepares an account. It names its roles, so it needs CAPABILITY_NAMED_IAM."""
    resources: Template = {}
    for user in account.users:
        resources[_logical(user.name)] = _user(user, account.platform)
    for role in account.roles:
        resources[_logical(role.name)] = _role(role)
        if role.profile:
            resources[f"{_logical(role.name)}Profile"] = _profile(role)
    for policy in account.control_policies:
        resources["ControlPolicy"] = _control_policy(policy)
    parameters = {each.name: _secret(each) for each in account.external_ids}
    if account.control_policies:
        parameters[PROTECTED_UNITS] = {
            "Type": "CommaDelimitedList",
            "Default": "",
            "Description": "OUs of the tenants' accounts (ou-…, separated by commas) that the policy protects",
        }
    conditions = {"ProtectsUnits": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": PROTECTED_UNITS}]}, ""]}]}}
    return {
        "AWSTemplateFormatVersion": VERSION,
        "Description": account.mark,
        **({"Parameters": parameters} if parameters else {}),
        **({"Conditions": conditions} if account.control_policies else {}),
        "Resources": resources,
        "Outputs": {
            f"{name}Arn": {"Value": {"Fn::GetAtt": [name, "Arn"]}}
            for name, each in resources.items()
            if each["Type"] in ("AWS::IAM::Role", "AWS::IAM::User")
        },
    }


def execution_template(wanted: Wanted, automation_account: str) -> Template:
    """Return the access stack that lets StackSets of the automation account into a tenant's account."""
    role = Role(
        STACK_SET_EXECUTION,
        "StackSets of the automation account work in this account by it",
        execution_trust(wanted, automation_account),
        {},
    )
    made = _role(role)
    made["Properties"]["ManagedPolicyArns"] = [f"arn:{wanted.partition}:iam::aws:policy/AdministratorAccess"]
    return {
        "AWSTemplateFormatVersion": VERSION,
        "Description": "Lets StackSets of the automation account into this account",
        "Resources": {"ExecutionRole": made},
    }


def _user(user: User, platform: str) -> Template:
    tags = [{"Key": PLATFORM_TAG, "Value": platform}]
    properties = {"UserName": user.name, "Policies": _policies(user.policies), "Tags": tags}
    return {"Type": "AWS::IAM::User", "Properties": properties}


def _role(role: Role) -> Template:
    properties = {
        "RoleName": role.name,
        "Description": role.description,
        "AssumeRolePolicyDocument": filled(role.trust),
        **({"Policies": _policies(role.policies)} if role.policies else {}),
    }
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _profile(role: Role) -> Template:
    properties = {"InstanceProfileName": role.name, "Roles": [{"Ref": _logical(role.name)}]}
    return {"Type": "AWS::IAM::InstanceProfile", "Properties": properties}


def _control_policy(policy: ControlPolicy) -> Template:
    properties = {
        "Name": policy.name,
        "Description": policy.description,
        "Type": "SERVICE_CONTROL_POLICY",
        "Content": filled(policy.content),
        "TargetIds": {"Fn::If": ["ProtectsUnits", {"Ref": PROTECTED_UNITS}, {"Ref": "AWS::NoValue"}]},
    }
    return {"Type": "AWS::Organizations::Policy", "Properties": properties}


def _policies(policies: Mapping[str, PolicyDocument]) -> list[Template]:
    return [{"PolicyName": name, "PolicyDocument": filled(document)} for name, document in policies.items()]


def _secret(external_id: ExternalId) -> Template:
    # Letters that IAM takes. Source: AssumeRole, ExternalId
    shape = {"MinLength": 16, "MaxLength": 1224, "AllowedPattern": r"[\w+=,.@:\/-]*"}
    return {"Type": "String", "NoEcho": True, "Description": external_id.what, **shape}


def filled(value: Any) -> Any:
    """Return a policy with a reference to the parameter in place of each external id."""
    if isinstance(value, str):
        return {"Ref": MARKS[value].name} if value in MARKS else str(value)
    if isinstance(value, Mapping):
        return {key: filled(each) for key, each in value.items()}
    return [filled(each) for each in value] if isinstance(value, Iterable) else value


def _logical(name: str) -> str:
    """Name a resource: letters and digits only.

    >>> _logical("meshfed-service-user")
    'MeshfedServiceUser'
    """
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[^A-Za-z0-9]", name))
