"""How the simulated AWS behaves: times, limits and strictness, changeable while it runs."""

from __future__ import annotations

from secrets import randbelow

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from workers.sandbox import organization
from workers.sandbox.aws.visibility_rules import Kind


class SimulatorOptions(BaseModel):
    """One setting of the simulator: all times in seconds by the wall clock, all rates in calls per second."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    creation_seconds: NonNegativeFloat = 2.0  # AWS: 13 s to minutes
    creations_in_flight: PositiveInt = 5
    role_delay_seconds: NonNegativeFloat = 1.0  # how long a new account's role cannot be assumed yet
    list_delay_seconds: NonNegativeFloat = 0.0  # how late a new account shows in ListAccounts
    closing_seconds: NonNegativeFloat = 1.0  # PENDING_CLOSURE -> SUSPENDED
    closures_in_flight: PositiveInt = 3
    closures_quota: NonNegativeInt = 1000  # closures that AWS allows in 30 days, from the simulator's start
    accounts_limit: PositiveInt = 10_000
    failing_creations: dict[str, str] = Field(default_factory=dict)  # email -> FailureReason
    foreign_emails: tuple[str, ...] = ()  # emails that belong to accounts elsewhere
    status_member: bool = True  # False: Account has State only, as after the retirement of Status

    assignment_seconds: NonNegativeFloat = 0.3
    assignments_in_flight: PositiveInt = 10
    stack_seconds: NonNegativeFloat = 0.5
    stack_operation_seconds: NonNegativeFloat = 0.5  # of a StackSet in one account and region

    enrollment_seconds: NonNegativeFloat = 0.5  # of every operation of Control Tower on an account; AWS: 20 minutes
    control_tower_operations: PositiveInt = 5  # at once

    cost_page_rows: PositiveInt = 5000  # groups on one page of Cost Explorer; AWS does not say how many
    cost_token_seconds: PositiveFloat = 3600.0  # a token for its next page holds so long

    names_ignore_case: bool = True  # of Identity Center's users and groups

    latency_seconds: NonNegativeFloat = 0.0  # of every call
    lag_seconds: NonNegativeFloat = 1.5  # readers see a write up to so much later; AWS: mostly within seconds
    lags: dict[Kind, NonNegativeFloat] = Field(default_factory=dict)  # kind of thing -> lag_seconds of its own
    memory_seconds: NonNegativeFloat = 0.0  # how old a view a request may ask for: see LATE_HEADER
    short_pages: float = Field(default=0.0, ge=0, lt=1)  # chance that a page of Organizations is short or empty
    rates: dict[str, PositiveFloat] = Field(default_factory=dict)  # "organizations:ListAccounts" or "organizations"
    burst_seconds: NonNegativeFloat = 1.0  # a rate's bucket holds this many seconds of calls, at least one call

    empty_organization: bool = False  # nothing of the connector is in it, only who administers it; not changeable
    enforce_policies: bool = False  # every call needs an Allow of the caller's identity policies
    optional_statements: bool = True  # seeded roles have the optional statements of their policies; not changeable
    verify_signatures: bool = True  # a wrong secret is refused with SignatureDoesNotMatch
    longest_session_seconds: PositiveInt = 43_200  # AWS: 12 hours; shorter ones end as soon as a test needs it
    service_user_secret: str = organization.SERVICE_USER_SECRET_KEY
    external_id: str = organization.EXTERNAL_ID
    automation_external_id: str = organization.AUTOMATION_EXTERNAL_ID
    scim_access_token: str = organization.SCIM_ACCESS_TOKEN
    scim_shows_external_ids: bool = True  # of a group that is read or listed; False: only in the answer to its creation
    seed: NonNegativeInt = Field(default_factory=lambda: randbelow(2**32))  # of lags, short pages and faults' chance

    def lag_of(self, kind: Kind) -> float:
        """Say by how much a write of this kind may be seen late."""
        return self.lags.get(kind, self.lag_seconds)
