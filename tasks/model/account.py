"""An account of an organization, as AWS shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class AccountState(StrEnum):
    """`Account.State`; the older `Status` has a part of its values."""

    PENDING_ACTIVATION = "PENDING_ACTIVATION"
    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"
    PENDING_CLOSURE = "PENDING_CLOSURE"
    CLOSED = "CLOSED"


@dataclass(frozen=True)
class Account:
    """A member account as Organizations describes it."""

    id: str  # 12 digits
    arn: str
    name: str
    email: str
    state: AccountState
    joined_at: datetime | None  # aware; when it was created in or invited into the organization
    units: tuple[str, ...] = ()  # where it stands: its OU, the OUs above, the root last; (): AWS does not say
    invited: bool = False  # it was there before it joined, so nothing in it is still being made
