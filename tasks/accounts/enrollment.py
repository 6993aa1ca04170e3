"""How an account gets into Control Tower, stays there, and moves.

    nothing ──ProvisionProduct──► UNDER_CHANGE ──► AVAILABLE in the right OU: done
       ▲                            │    ▲            │ elsewhere: UpdateProvisionedProduct, which moves the account
       │                            ▼    │            ▼
       └─TerminateProvisionedProduct─ ERROR      TAINTED (an update failed): the update again

Control Tower moves the accounts that it governs by itself: MoveAccount would make them drift. So `move_to_ou` leaves
them alone and there is one mover. A new account is enrolled from the root, because in a registered OU a guard rail of
Control Tower forbids to make the role that enrollment needs.

The request is written ahead and has a token made of what it asks, so that asking twice is asking once; what it made is
found by its name, which AWS shows at once. A product that has worked once is never terminated, since that would take
the account out of Control Tower.
Source: docs.aws.amazon.com/controltower/latest/userguide/enroll-account.html and updating-account-factory-accounts.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto

from config.platform import Enrollment as Settings
from tasks.accounts.units import stands_in
from tasks.aws import Aws, Lane
from tasks.aws.service_catalog import Failure, Launch, ProductStatus, ProvisionedProduct
from tasks.digest import digest
from tasks.errors import Conflict, PermanentError, Throttled, TransientError
from tasks.model.desired import Tenant
from tasks.model.handles import Enrollment, Handles
from tasks.model.replication import Done, Outcome, Wait
from tasks.permissions.execution_role import prepare_execution_role

SHOWN_SOON = timedelta(seconds=5)  # between two looks at what AWS does not show yet
LOOK_AGAIN = timedelta(hours=1)  # for which an account that was not in Control Tower may queue without another look
SSO_USER = ("SSOUserEmail", "SSOUserFirstName", "SSOUserLastName")


class Next(Enum):
    """What is to be done."""

    NOTHING = auto()
    WAIT = auto()
    PROVISION = auto()
    MOVE = auto()
    REPAIR = auto()
    TERMINATE = auto()


def decide(product: ProvisionedProduct | None, *, in_place: bool) -> Next:
    """Return what is to be done with what Service Catalog has for the account."""
    if product is None:
        return Next.PROVISION
    match product.status:
        case ProductStatus.UNDER_CHANGE | ProductStatus.PLAN_IN_PROGRESS:
            return Next.WAIT
        case ProductStatus.AVAILABLE:
            return Next.NOTHING if in_place else Next.MOVE
        case ProductStatus.TAINTED | ProductStatus.ERROR:
            return Next.REPAIR if product.succeeded_once else Next.TERMINATE


@dataclass(frozen=True)
class Enrolling:
    """One account's way into Control Tower."""

    tenant: Tenant
    handles: Handles
    aws: Aws
    settings: Settings
    unit: str

    @property
    def account(self) -> str:
        """The account's id."""
        return self.handles.known_account()

    def run(self) -> Outcome:
        """Read, decide, write."""
        enrollment = self.handles.enrollment or Enrollment()
        if self._queues(enrollment):
            self._enter()  # while others are before us nothing is asked of AWS
        enrollment, product = self._found(enrollment)
        parent = self.aws.organizations.parent_of(self.account) if _available(product) else ""
        in_place = bool(parent) and stands_in(parent, self.unit, self.tenant, self.aws)
        following = decide(product, in_place=in_place)
        if product is None:
            return self._provision(enrollment)
        if following is Next.NOTHING:
            return self._done(enrollment, product, parent)
        if following is Next.WAIT:
            return self._wait(enrollment, product)
        if following is Next.MOVE and (late := self._shown_late(enrollment)):
            return late
        if following is not Next.MOVE:
            enrollment = self._failed(enrollment, product)
        return self._terminate(enrollment, product) if following is Next.TERMINATE else self._move(enrollment, product)

    def leave(self) -> None:
        """Give the place among the organization's operations back; again is fine."""
        self.aws.leave(Lane.CONTROL_TOWER, self.settings.management_account_id, str(self.tenant.id))

    def _enter(self) -> None:
        self.aws.enter(Lane.CONTROL_TOWER, self.settings.management_account_id, str(self.tenant.id))

    def _queues(self, enrollment: Enrollment) -> bool:
        return enrollment.absent_at is not None and self.aws.now() - enrollment.absent_at < LOOK_AGAIN

    def _with(self, enrollment: Enrollment) -> Handles:
        return replace(self.handles, enrollment=enrollment)

    def _found(self, enrollment: Enrollment) -> tuple[Enrollment, ProvisionedProduct | None]:
        """What Service Catalog has for the account: known, made by us, or by somebody else long ago."""
        catalog = self.aws.service_catalog
        if enrollment.product is not None:
            product = catalog.find(enrollment.product)
            if product is not None:
                return enrollment, product
            enrollment = replace(enrollment, product=None, sent_at=None, attempt=enrollment.attempt + 1)
        product = catalog.find_named(self._name) or catalog.find_of_account(self.account)
        return replace(enrollment, product=product.id if product else None), product

    @property
    def _name(self) -> str:
        return f"meshstack-{self.account}"

    def _done(self, enrollment: Enrollment, product: ProvisionedProduct, parent: str) -> Done:
        if enrollment.sent_at is not None or enrollment.absent_at is not None:
            self.leave()
        handles = replace(self.handles, organizational_unit=parent, enrollment=_settled(enrollment))
        return Done(handles, f"enrolled in {parent} as {product.id}")

    def _wait(self, enrollment: Enrollment, product: ProvisionedProduct) -> Wait:
        since = () if enrollment.sent_at is None else (enrollment.sent_at,)
        return Wait(
            self._with(enrollment), f"Control Tower is working on account {self.account} ({product.id})", since=since
        )

    def _shown_late(self, enrollment: Enrollment) -> Wait | None:
        """Wait while AWS may show where the account was before the request that has just ended; None: it does not."""
        ended_at = enrollment.ended_at or self.aws.now()
        if enrollment.sent_at is None or self.aws.now() - ended_at >= self.aws.visibility_grace:
            return None
        self.leave()
        handles = self._with(replace(enrollment, ended_at=ended_at))
        return Wait(handles, f"AWS does not show yet where Control Tower has put account {self.account}", SHOWN_SOON)

    def _failed(self, enrollment: Enrollment, product: ProvisionedProduct) -> Enrollment:
        """Note the failure of the last request; raises it when the window is over."""
        failure = self.aws.service_catalog.failure(product)
        if failure.busy:
            return replace(enrollment, sent_at=None)
        since = self.aws.now() if enrollment.failing_since is None else enrollment.failing_since + self.aws.late
        if self.aws.now() - since >= timedelta(minutes=self.settings.retry_window_minutes):
            self.aws.remember(self._with(_settled(enrollment)))
            raise _given_up(failure, self.account, self.settings)
        return replace(enrollment, sent_at=None, failing_since=since)

    def _provision(self, enrollment: Enrollment) -> Outcome:
        pause = self._pause(enrollment)
        if pause is not None:
            return pause
        if not self._queues(enrollment):
            if self.account in self._never_enrolled():
                return Done(self._with(_settled(enrollment)), f"account {self.account} is Control Tower's own")
            enrollment = replace(enrollment, absent_at=self.aws.now())
            self.aws.remember(self._with(enrollment))
        self._enter()
        prepare_execution_role(self.tenant, self.account, self.aws)
        launch, parameters = self._launch(), self._parameters()
        token = digest("provision", parameters, str(enrollment.attempt))
        return self._send(
            enrollment,
            f"enrolling account {self.account} in {parameters['ManagedOrganizationalUnit']}",
            lambda: self.aws.service_catalog.provision(self._name, launch, parameters, token),
        )

    def _move(self, enrollment: Enrollment, product: ProvisionedProduct) -> Outcome:
        pause = self._pause(enrollment)
        if pause is not None:
            return pause
        self._enter()
        launch, unit = self._launch(), self._unit_name()
        previous = dict.fromkeys(("AccountEmail", "AccountName", *SSO_USER))
        parameters = {**previous, "ManagedOrganizationalUnit": unit}
        token = digest("update", product.id, product.last_record, unit)
        return self._send(
            enrollment,
            f"Control Tower is moving account {self.account} to {unit}",
            lambda: self.aws.service_catalog.update(product, launch, parameters, token),
        )

    def _terminate(self, enrollment: Enrollment, product: ProvisionedProduct) -> Outcome:
        self._enter()
        token = digest("terminate", product.id, product.last_record)
        return self._send(
            enrollment,
            f"undoing the failed enrollment {product.id} of account {self.account}, to try again",
            lambda: self.aws.service_catalog.terminate(product, token),
        )

    def _pause(self, enrollment: Enrollment) -> Wait | None:
        """Wait between two requests, without a place; None: it is long enough since the last one."""
        left = enrollment.tried_at + self.aws.enrollment_pause - self.aws.now() if enrollment.tried_at else timedelta()
        if left <= timedelta():
            return None
        self.leave()
        handles = self._with(replace(enrollment, sent_at=None, absent_at=None))
        return Wait(handles, f"Control Tower will be asked again for account {self.account} after a pause", left)

    def _send(self, enrollment: Enrollment, note: str, request: Callable[[], str | None]) -> Outcome:
        now = self.aws.now()
        ahead = replace(enrollment, sent_at=now, tried_at=now, ended_at=None, absent_at=None)
        self.aws.remember(self._with(ahead))
        try:
            product = request()
        except Conflict as conflict:
            raise TransientError(conflict.code, conflict.message, conflict.request_id) from conflict
        except (Throttled, PermanentError):  # AWS took nothing
            self.aws.remember(self._with(enrollment))
            raise
        if product is None:
            handles = self._with(replace(enrollment, sent_at=None, absent_at=None))
            return Wait(handles, "another operation of Control Tower is in progress", self.aws.enrollment_pause)
        return Wait(self._with(replace(ahead, product=product)), note, since=(now,))

    def _never_enrolled(self) -> frozenset[str]:
        own = self.aws.control_tower.own_accounts()
        return own | {self.settings.management_account_id}

    def _launch(self) -> Launch:
        return self.aws.service_catalog.launch(self.settings.account_factory_product_id)

    def _unit_name(self) -> str:
        """The OU as the account factory wants it: nested ones need the id, and the others may have it."""
        return f"{self.aws.organizations.unit_name(self.unit)} ({self.unit})"

    def _parameters(self) -> dict[str, str]:
        """What the product asks for. By another address than AWS has, Control Tower would make another account."""
        account = self.aws.organizations.account(self.account)
        user = (self.settings.sso_user_email or account.email, self.tenant.id.workspace, self.tenant.id.project)
        return {
            "AccountEmail": account.email,
            "AccountName": account.name,
            "ManagedOrganizationalUnit": self._unit_name(),
            **dict(zip(SSO_USER, user, strict=True)),
        }


def _available(product: ProvisionedProduct | None) -> bool:
    return product is not None and product.status is ProductStatus.AVAILABLE


def _settled(enrollment: Enrollment) -> Enrollment:
    """Return the enrollment with nothing under way and nothing failing."""
    return replace(enrollment, sent_at=None, tried_at=None, ended_at=None, failing_since=None, absent_at=None)


def _given_up(failure: Failure, account_id: str, settings: Settings) -> PermanentError:
    return PermanentError(
        failure.code,
        f"Control Tower could not enroll account {account_id} within {settings.retry_window_minutes} minutes: "
        f"{failure.message}",
        failure.told_by,
        "Fix what AWS names in the account or in Control Tower, then retry: the failed enrollment is undone first.",
    )
