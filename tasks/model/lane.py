"""AWS's limits by name: of work that is in flight (lanes), and of calls (rates).

In Redis, and where people read it, a lane or a rate is named `<kind> in <account or StackSet>`.
"""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """An AWS limit on work that is still in flight after the call that started it."""

    ACCOUNT_CREATION = "account creation"  # per organization
    ACCOUNT_ASSIGNMENT = "account assignment"  # per Identity Center instance
    ACCOUNT_CLOSURE = "account closure"  # per organization
    STACK_SET_OPERATION = "StackSet operation"  # per StackSet
    CONTROL_TOWER = "Control Tower operation"  # per organization
    ACCOUNT_LIST = "the list of accounts"  # per organization; ours: one reads what all others wait for
    UNIT_LIST = "the list of OUs"  # the same


class Calls(StrEnum):
    """An AWS limit on how often an API is called, per organization."""

    ORGANIZATIONS = "Organizations calls"
    IDENTITY_CENTER = "Identity Center calls"


SIGN_IN, QUOTA = "sign-in to ", "quota "


def sign_in_to(what: str, platform: str) -> str:
    """Return the gate at which a platform's tenants wait while AWS refuses its sign-in to something.

    >>> sign_in_to("the management account", "aws.sandbox")
    'sign-in to the management account of aws.sandbox'
    """
    return f"{SIGN_IN}{what} of {platform}"


def is_gate(lane: str) -> bool:
    """Tell whether a lane is a gate: no limit, but where tenants wait together for what AWS refuses to all."""
    return lane.startswith((SIGN_IN, QUOTA))


def refused_of(gate: str) -> tuple[str, str]:
    """Return what AWS refuses at a gate, and to which platform or organization.

    >>> refused_of("sign-in to AWS of aws.sandbox")
    ('sign-in to AWS', 'aws.sandbox')
    """
    what, _, where = gate.rpartition(" of ")
    return what, where


def ours(lane: str) -> bool:
    """Tell whether a lane is a share of the workers' threads, and no limit of AWS (lua/shared/threads.lua)."""
    return lane.startswith("threads of ")


def kind_of(limit: str) -> str:
    """Return what kind of limit a lane or a rate is, without the ids of accounts in its name.

    >>> kind_of("account creation in 111111111111"), kind_of("threads of aws.sandbox")
    ('account creation', 'threads of aws.sandbox')
    """
    return limit.partition(" in ")[0]
