"""Whether AWS does not allow a call to the platform's own role, or refuses one tenant what it allows to the others.

One refusal alone does not tell. What was asked of the platform's own role, or with its SCIM token, is most likely
refused to every tenant alike: a statement of its policy is missing. But a policy may also allow the call for some
accounts, permission sets or OUs only. The difference shows in time: when the role may do it for somebody while this
tenant is refused, before and after, it is this tenant's own matter. So a refusal holds a tenant up at a gate that has
the action's name, and ends it as soon as that is seen. What a member account refuses is never the platform's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from tasks.aws.actions import NEEDED
from tasks.aws.fault_table import ALLOW, NOT_ALLOWED
from tasks.errors import CONTINUE, AccessDenied, RightRefused, StepError
from tasks.model.call import Intent
from tasks.model.lane import PERMISSION, permission_of, refused_of

APART = timedelta(seconds=1)  # uses are remembered only if they are that far apart
KEPT = 600  # of each action


class UsedRights:
    """When AWS has allowed this process what; one per process, and only a hint."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._used: dict[str, deque[datetime]] = {}  # by gate, the newest last; as many gates as actions

    def note(self, gate: str, now: datetime) -> None:
        """Remember that AWS has allowed what a gate is about."""
        with self._lock:
            used = self._used.setdefault(gate, deque(maxlen=KEPT))
            if not used or abs(now - used[-1]) >= APART:
                used.append(now)

    def between(self, gate: str, since: datetime, until: datetime) -> bool:
        """Tell whether AWS has allowed it at some time between these two."""
        with self._lock:
            return any(since <= at <= until for at in self._used.get(gate, ()))


@dataclass(frozen=True)
class Rights:
    """What a platform's own role may do, as its calls show."""

    platform: str
    used: UsedRights
    now: Callable[[], datetime]

    def allowed(self, service: str, operation: str) -> None:
        """Remember that AWS has done what was asked."""
        action = NEEDED.get((service, operation))
        if action is not None:
            self.used.note(permission_of(action, self.platform), self.now())

    def mark(self, failure: StepError, intent: Intent) -> None:
        """Name the gate of a call that AWS does not allow, if all tenants need it.

        An account assignment in the management account itself needs rights that none but its own tenant needs.
        """
        action, given = NEEDED.get((intent.service, intent.operation)), intent.arguments
        about_itself = intent.account_id in (given.get("TargetId", ""), given.get("AccountId", ""))
        if action is None or about_itself or failure.code not in NOT_ALLOWED:
            return
        if isinstance(failure, AccessDenied):
            failure.gate = permission_of(action, self.platform)


def judged(
    refused: AccessDenied, since: datetime | None, used: UsedRights, now: datetime, delay: timedelta
) -> StepError:
    """Return what a refusal is: the tenant's own, as it is, or one for which all tenants of the platform wait.

    since   when this tenant was refused it before, first; None: it never was
    delay   how long AWS may take until a changed policy applies everywhere
    """
    if refused.gate is None or (since is not None and used.between(refused.gate, since + delay, now - delay)):
        return refused
    waits = RightRefused(refused.code, refused.message, refused.request_id, _remedy(refused.remedy, refused.gate))
    waits.gate = refused.gate
    return waits


def _remedy(remedy: str, gate: str) -> str:
    """Say what to do, once for all: AWS has named the role already, and it has let us in."""
    action = refused_of(gate)[0].removeprefix(PERMISSION)
    if remedy == ALLOW.remedy:
        remedy = (
            f"Allow {action} in the policy of the role that AWS names (aws-connector policies prints what it needs). "
            "If a service control policy denies it, change that."
        )
    return f"{remedy.removesuffix('then retry.').rstrip(' ;,').removesuffix('.')}. {CONTINUE}"
