"""What a simulated AWS operation is given and what it may answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.sandbox.aws.world import World


@dataclass(frozen=True)
class Caller:
    """Who signed the request, found by its access key."""

    account_id: str
    arn: str  # arn:aws:iam::<id>:user/<name> or arn:aws:sts::<id>:assumed-role/<role>/<session>


@dataclass(frozen=True)
class Call:
    """One decoded request: names and parameters as in botocore's service model."""

    service: str  # botocore's service name: organizations, cloudformation, sso-admin, identitystore, iam, sts
    operation: str  # CreateAccount
    parameters: Mapping[str, Any]
    caller: Caller
    region: str
    now: float  # seconds since the epoch, by the simulator's clock


class AwsError(Exception):
    """An answer in AWS's own error shape."""

    def __init__(self, code: str, message: str, status: int = 400, fields: Mapping[str, Any] | None = None) -> None:
        super().__init__(code, message, status, fields)
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})  # further members of the error shape: Reason, RetryAfterSeconds


Handler = Callable[["Call", "World"], Mapping[str, Any]]
"""An operation: answers the members of botocore's output shape, or raises AwsError."""


@dataclass
class Operations:
    """The operations that the simulator answers itself; all others go to moto."""

    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict)

    def answer(self, service: str, operation: str) -> Callable[[Handler], Handler]:
        """Register a handler: @operations.answer("organizations", "CreateAccount")."""

        def register(handler: Handler) -> Handler:
            self.handlers[service, operation] = handler
            return handler

        return register


operations = Operations()
