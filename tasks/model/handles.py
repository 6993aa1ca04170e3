"""What AWS gave us, and what we wrote down before a call; kept for each tenant."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from pydantic import TypeAdapter


@dataclass(frozen=True)
class Creation:
    """The write-ahead intent of one CreateAccount call, and its request id once AWS has given one."""

    attempt: int
    intended_at: datetime
    request_id: str | None = None  # car-…; None: the call may have been sent or not


@dataclass(frozen=True)
class AliasGiven:
    """The newest CreateAccountAlias, written ahead: AWS may have carried it out and not show it yet."""

    alias: str
    at: datetime


@dataclass(frozen=True)
class Group:
    """One of this tenant's groups in the identity store."""

    role: str  # the AWS role (platformGroupAlias) it stands for
    id: str | None  # None: looked for and not there
    permission_sets: tuple[str, ...] | None = None  # ARNs it may have in the tenant's account; None: not looked up yet
    people: tuple[str, ...] | None = None  # userNames that we may have put in and not taken out; None: not looked up
    put_in_at: datetime | None = None  # when somebody was about to be put in last
    marked_at: datetime | None = None  # when we made it, or adopted it: since then it says whose it is
    made_at: datetime | None = None  # when AWS made it for us; None: it was found
    project_roles: tuple[str, ...] = ()  # whose people it is for, as the mappings said last; none: nobody knows


@dataclass(frozen=True)
class PendingAssignment:
    """An account assignment whose creation or deletion has not been seen to end."""

    group_id: str
    permission_set: str
    request_id: str | None = None  # None: intended; the call may have been sent or not
    delete: bool = False
    sent_at: datetime | None = None
    plan: str | None = None  # digest of what was wanted and what of it missing; None: something was also too much


@dataclass(frozen=True)
class SettledAssignment:
    """An account assignment that AWS has just said to have made or deleted, which its lists may not show yet."""

    group_id: str
    permission_set: str
    stands: bool | None  # False: it was deleted; None: perhaps deleted since it was made
    at: datetime  # when we learned of it


@dataclass(frozen=True)
class SignInRole:
    """An IAM role of the tenant's account that has our trust: people sign in as it by federation."""

    project_roles: tuple[str, ...] = ()  # whose people it is for; none: nobody knows
    policies: tuple[str, ...] | None = None  # managed ones it may have, by name or ARN; None: not looked up yet
    given_at: datetime | None = None  # when we were about to give it one last


@dataclass(frozen=True)
class Deployment:
    """What a stack instance was last given. It holds while AWS names `operation` as the instance's last one."""

    digest: str  # of every parameter that a template could be given
    declared: str  # of those parameters that the StackSet's template declares
    operation: str  # OperationId
    sent_at: datetime | None = None  # written ahead of the call; None: AWS has shown the instance CURRENT since
    accepted: bool = False  # AWS has answered that it has the operation
    managed: bool = False  # and queues it behind others (managed execution), so it may be shown much later
    accounts: tuple[str, ...] = ()  # of other tenants, which our operation takes along
    leader: str | None = None  # the tenant whose operation takes us along, and who alone sends it


@dataclass(frozen=True)
class Absence:
    """Whom we looked for among the users of Identity Center in vain; they are not looked for in every run."""

    looked_at: datetime
    desired: str  # SHA-256 of the desired state that asked for them
    user_names: tuple[str, ...]


@dataclass(frozen=True)
class PeopleLook:
    """The newest look for the UserIds of a tenant's people."""

    began_at: datetime
    desired: str  # SHA-256 of the desired state that asked for them
    asked: tuple[str, ...] | None  # userNames that were asked for by now; None: all of them


@dataclass(frozen=True)
class Enrollment:
    """The account in Control Tower, or on its way there."""

    product: str | None = None  # pp-…: what Service Catalog has provisioned for it
    attempt: int = 1  # part of the token; a new one after a product is seen to be gone
    sent_at: datetime | None = None  # the newest request to Control Tower, written ahead; None: nothing is under way
    tried_at: datetime | None = None  # the newest request of all
    failing_since: datetime | None = None  # AWS has failed it ever since
    ended_at: datetime | None = None  # when we saw that AWS had ended that request
    absent_at: datetime | None = None  # when nothing was found in Control Tower and a place was queued for


@dataclass(frozen=True)
class Doubt:
    """AWS may hold more of a tenant than the handles say: after a loss or restore of Redis, or a write that came late.

    It ends when everything was read once more, so long after `since` that AWS shows whatever it was asked before.
    """

    since: datetime | None = None  # when it was first noted that we cannot know; None: nobody has looked yet
    looked_at: datetime | None = None  # when all assignments of the account were last read in this doubt


@dataclass(frozen=True)
class Handles:
    """What we must remember of one tenant because AWS cannot tell it, or only at the cost of many calls."""

    email: str | None = None  # rendered once; never changes after the first CreateAccount
    account_name: str | None = None
    creation: Creation | None = None
    account_id: str | None = None
    account_arn: str | None = None  # as Organizations writes it: arn:aws:organizations::…:account/o-…/…
    account_created_at: datetime | None = None  # when it joined the organization
    alias: str | None = None
    alias_given: AliasGiven | None = None
    organizational_unit: str | None = None
    moved_at: datetime | None = None  # when we put it there
    moved_from: tuple[str, ...] = ()  # OUs that it left then and shortly before; AWS may show them for a while
    workspace_unit: str | None = None  # the OU of the workspace, where the landing zone names none
    access_stack: str | None = None  # StackId
    access_stack_attempt: str | None = None  # token of the operation whose end has not been seen yet
    former_access_stacks: tuple[str, ...] = ()  # StackIds: where landing zones had it before, and left it standing
    stack_set: str | None = None  # ARN of the StackSet whose instances these are
    stack_instances: dict[str, Deployment] = field(default_factory=dict)  # by region
    former_stack_sets: tuple[str, ...] = ()  # ARNs: landing zones had them before, and left their instances standing
    users: dict[str, str] = field(default_factory=dict)  # userName -> UserId
    people_look: PeopleLook | None = None  # when these were asked for; None: they are believed no more
    absence: Absence | None = None
    groups: dict[str, Group] = field(default_factory=dict)  # display name -> group
    pending_assignments: tuple[PendingAssignment, ...] = ()
    settled_assignments: tuple[SettledAssignment, ...] = ()  # of the last moments
    doubt: Doubt | None = field(default_factory=Doubt)  # None: all that the account has of us is in these handles
    sign_in_roles: dict[str, SignInRole] | None = None  # by name; None: not looked up yet
    sign_in_url: str | None = None
    enrollment: Enrollment | None = None  # None: never looked for
    vending_since: datetime | None = None  # the first look for the vending machine's tags; None: not waited for
    closing_since: datetime | None = None  # when CloseAccount was about to be sent
    closed_accounts: tuple[str, ...] = ()  # ids of accounts that this tenant had and that are closed

    @property
    def names(self) -> dict[str, str]:
        """What people call the users and groups in Identity Center, by id."""
        groups = {group.id: name for name, group in self.groups.items() if group.id is not None}
        return {**{user: name for name, user in self.users.items()}, **groups}

    def known_account(self) -> str:
        """Return the account's id; every step after wait_for_account has one, so its lack is a mistake of ours."""
        if self.account_id is None:
            raise ValueError("this step needs an account, and none is known yet")
        return self.account_id


def in_doubt(handles: Handles) -> Handles:
    """Return the handles without what makes us not look: AWS may have more than we remember.

    So it is after a loss or a restore of Redis, and when a call of ours may have come to AWS after somebody had looked.
    """
    groups = {
        name: group if group.id is None else replace(group, permission_sets=None, people=None, made_at=None)
        for name, group in handles.groups.items()
        if group.id is not None or group.people  # one that was about to be made may be there by now, with its people
    }
    made = tuple(replace(each, stands=None) for each in handles.settled_assignments if each.stands is not False)
    return replace(
        handles,
        people_look=None,
        groups=groups,
        settled_assignments=made,
        moved_from=(),
        sign_in_roles=None,
        doubt=Doubt(),
    )


def let_in_lately(handles: Handles, until: datetime) -> Handles:
    """Return the handles as if people had been put into every group until then: a call of before may have done it."""
    groups = {
        name: replace(group, put_in_at=max(group.put_in_at or until, until)) for name, group in handles.groups.items()
    }
    return replace(handles, groups=groups)


HANDLES = TypeAdapter(Handles)
