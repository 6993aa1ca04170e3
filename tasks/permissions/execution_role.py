"""The role by which Control Tower works in an account that it is to enroll.

Source: docs.aws.amazon.com/controltower/latest/userguide/enrollment-prerequisites.html
"""

from __future__ import annotations

from tasks.aws import Aws
from tasks.errors import AccessDenied
from tasks.model.desired import Tenant


def prepare_execution_role(tenant: Tenant, account_id: str, aws: Aws) -> None:
    """Make the role by which Control Tower works in the account, unless it is there; raises AccessDenied."""
    role, partition = aws.execution_role(account_id), tenant.platform.partition
    root = f"arn:{partition}:iam::{tenant.platform.management_account_id}:root"
    allow = {"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}
    try:
        if role.trust() is None:
            role.create({"Version": "2012-10-17", "Statement": [allow]}, "Lets AWS Control Tower govern this account.")
        if not role.is_administrator():
            role.make_administrator()
    except AccessDenied as denied:
        remedy = (
            f"Create the role AWSControlTowerExecution in account {account_id}, with AdministratorAccess and trust in "
            f"{root}; or allow the call (OptionalControlTowerExecutionRole of the published policies). In an OU that "
            "Control Tower governs, nobody can create it: move the account to the root first. Then retry."
        )
        raise AccessDenied(denied.code, denied.message, denied.request_id, remedy) from denied
