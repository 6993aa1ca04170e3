"""What may happen to tenants of two platforms in one organization, and what must be true after it.

Two sentences are checked. After every step of the connector: nobody is in an account but by an order since the last
time of rest, and who the newest order withdraws is out as soon as its first step is done. At rest: exactly those whom
the newest order gives are in, and every tenant has one account of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, ClassVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tasks.model.desired import TenantId
from tasks.model.replication import State
from tasks.names import TENANT_TAG
from tasks.orders.deletion import NotPossible, approve, decline, request_deletion
from tasks.orders.producer import RequestRefused, replicate, replicate_again
from tasks.state import backup
from tests.properties.cloud import accounts_of, people_by_account
from tests.properties.house import House
from tests.properties.model import NARROW, RENAMED, SCIM, STORE, WIDE, Access, Order, given
from workers.sandbox.client import SimulatorClient

PEOPLE = ("alice", "bob", "carol")
ROLES = ("admin", "user", "reader")
PLACES = (("shop", STORE), ("blog", STORE), ("shop", SCIM))  # projects and platforms of the tenants
IMPORTED = ("one", "two")  # accounts that were there before
FAULTY = ("organizations", "identitystore", "sso-admin", "iam", "scim", "sts")
KINDS = ("error", "throttle", "lost_response", "reset", "malformed")
IMPOSSIBLE = ("AnotherAccount", "AnotherTenant", "OwnedByAnother")  # orders for an account that the tenant cannot have
NUMBERS = count(1)

tenants = st.sampled_from(PLACES)
orders = st.builds(
    Order,
    zone=st.sampled_from((WIDE, NARROW, RENAMED)),
    people=st.dictionaries(st.sampled_from(PEOPLE), st.frozensets(st.sampled_from(ROLES), min_size=1)),
)


@dataclass(frozen=True)
class Bench:
    """What all runs share: one simulator, one Redis."""

    simulator: SimulatorClient
    house: House


class Tenants(RuleBasedStateMachine):
    """One run, in a workspace of its own."""

    bench: ClassVar[Bench]

    def __init__(self) -> None:
        super().__init__()
        self.number = next(NUMBERS)
        self.workspace = f"w{self.number}"
        self.house.redis.flushall()
        self.simulator.clear_faults()
        self.simulator.show_everything()
        self.simulator.set_options(lag_seconds=0)
        self.simulator.operator("add_users", user_names=[self.user(each) for each in PEOPLE])
        self.orders: dict[tuple[str, str], Order | None] = {}
        self.allowed: dict[tuple[str, str], set[Access]] = {}
        self.imported: dict[str, str] = {}
        self.saved: tuple[str, ...] | None = None
        self.house.last = None
        self.house.after_step = self.nobody_is_in_too_early_or_too_long

    @property
    def house(self) -> House:
        return self.bench.house

    @property
    def simulator(self) -> SimulatorClient:
        return self.bench.simulator

    def user(self, person: str) -> str:
        """Name a person of this run as the identity store does."""
        return f"{person}.{self.workspace}@example.com"

    def id(self, tenant: tuple[str, str]) -> TenantId:
        return TenantId(self.workspace, *tenant)

    # What may happen.

    @initialize(orders=st.fixed_dictionaries(dict.fromkeys(PLACES[::2], orders)), rest=st.booleans())
    def begin(self, orders: Mapping[tuple[str, str], Order], rest: bool) -> None:
        """A tenant of each platform is there, or under way."""
        for tenant, order in orders.items():
            self.send(tenant, order)
        if rest:
            self.settle()

    @rule(tenant=tenants, order=orders)
    def order(self, tenant: tuple[str, str], order: Order) -> None:
        """Somebody orders a tenant, or changes who is in it."""
        self.send(tenant, order)

    @rule(tenant=tenants, order=orders, account=st.sampled_from(IMPORTED))
    def take_over(self, tenant: tuple[str, str], order: Order, account: str) -> None:
        """Somebody orders that an account becomes the tenant's, whether that is possible or not."""
        self.send(tenant, Order(order.zone, order.people, self.account(account)))

    @rule(tenant=tenants)
    def delete(self, tenant: tuple[str, str]) -> None:
        """Somebody asks to delete a tenant."""
        record = self.house.record(self.id(tenant))
        if record is not None:
            request_deletion(record, self.house.worker, by="machine")
            self.orders[tenant] = None

    @rule(tenant=tenants, word=st.sampled_from((approve, decline)))
    def decide(self, tenant: tuple[str, str], word: Callable[..., Any]) -> None:
        """Somebody approves or declines a deletion."""
        record = self.house.record(self.id(tenant))
        if record is None:
            return
        try:
            word(record, self.house.worker, by="machine")
        except NotPossible:
            return
        if word is decline:
            self.ordered(tenant, self.stored(tenant))

    @rule(executions=st.integers(1, 25))
    def work(self, executions: int) -> None:
        """The connector gets some way."""
        self.house.work(executions)

    @rule()
    def rest(self) -> None:
        """The connector does all that is to do."""
        self.settle()

    @rule(seconds=st.sampled_from((0.0, 0.2, 0.5)), seed=st.integers(0, 99))
    def lag(self, seconds: float, seed: int) -> None:
        """AWS shows what is written later, or sooner, from now on."""
        self.simulator.set_options(lag_seconds=seconds, seed=seed)

    @rule(service=st.sampled_from(FAULTY), kind=st.sampled_from(KINDS), skip=st.integers(0, 4))
    def fault(self, service: str, kind: str, skip: int) -> None:
        """AWS, or the way to it, fails once."""
        code = "ServiceException" if service == "organizations" else "InternalFailure"
        self.simulator.inject(service=service, kind=kind, code=code, skip=skip)

    @rule()
    def lose_messages(self) -> None:
        """The broker loses what is under way."""
        self.house.take()

    @rule()
    def deliver_again(self) -> None:
        """The broker delivers a message twice."""
        if self.house.last is not None:
            self.house.run(self.house.last, 1)

    @rule(person=st.sampled_from(PEOPLE))
    def make_anew(self, person: str) -> None:
        """The identity store loses a person, who comes back with another id."""
        self.settle()
        self.simulator.operator("remove_users", user_names=[self.user(person)])
        self.simulator.operator("add_users", user_names=[self.user(person)])
        self.repeat()

    @rule(person=st.sampled_from(PEOPLE))
    def rename(self, person: str) -> None:
        """A userName moves to another person; who had it before stays in until the next look."""
        self.settle()
        former = f"former{next(NUMBERS)}@example.com"
        for tenant in self.orders:
            self.allowed[tenant] |= {(former, what) for who, what in self.given(tenant) if who == self.user(person)}
        self.simulator.operator("rename_user", user_name=self.user(person), to=former)
        self.simulator.operator("add_users", user_names=[self.user(person)])
        self.simulator.show_everything()  # a look that comes before AWS shows it finds the name where it was
        self.repeat()

    @rule(tenant=tenants)
    def hand_over(self, tenant: tuple[str, str]) -> None:
        """Somebody tags a tenant's account as another's, and notices the mistake a day later."""
        self.settle()
        account = self.owners().get(tenant)
        if account is None or self.orders[tenant] is None:
            return
        self.simulator.operator("tag_account", account=account, tags={TENANT_TAG: "somebody.else.aws.sandbox"})
        self.replicate_daily(tenant)
        self.house.settle()
        there = people_by_account(self.simulator.state()).get(account, set())
        assert not there, f"{self.id(tenant)}: {there} are in an account that is another tenant's"
        self.simulator.operator("tag_account", account=account, tags={TENANT_TAG: str(self.id(tenant))})
        self.replicate_daily(tenant)
        self.settle()

    @rule()
    def back_up(self) -> None:
        """Somebody makes a backup."""
        self.settle()
        self.saved = tuple(backup.lines(self.house.store))

    @rule(restore=st.booleans())
    def lose_redis(self, restore: bool) -> None:
        """Redis is lost; perhaps an older backup is put back. Then all tenants are ordered again."""
        self.house.redis.flushall()
        if restore and self.saved is not None:
            backup.restore(self.house.store, backup.read(self.saved), merge=False)
        for tenant, order in self.orders.items():
            self.send_again(tenant, order)

    # What becomes of it.

    def send(self, tenant: tuple[str, str], order: Order) -> None:
        """Order a tenant; what is refused changes nothing."""
        people = [
            {"username": person, "euid": self.user(person), "roles": sorted(roles)}
            for person, roles in sorted(order.people.items())
        ]
        body: dict[str, Any] = {"landingZone": order.zone, "access": people}
        if order.account is not None:
            body["platformTenantId"] = order.account
        try:
            replicate(self.workspace, *tenant, body, again=True, connector=self.house.worker)
        except RequestRefused as refused:
            note(f"  refused: {refused}")
            return
        self.ordered(tenant, order)

    def send_again(self, tenant: tuple[str, str], order: Order | None) -> None:
        """Say the newest word once more, to a connector that may have forgotten it."""
        if order is not None:
            self.send(tenant, order)
        elif (record := self.house.record(self.id(tenant))) is not None and record.deletion is None:
            request_deletion(record, self.house.worker, by="machine")

    def ordered(self, tenant: tuple[str, str], order: Order) -> None:
        """Note the newest order of a tenant."""
        self.orders[tenant] = order
        self.allowed.setdefault(tenant, set()).update(self.given(tenant))

    def stored(self, tenant: tuple[str, str]) -> Order:
        """Return the order that a withdrawn deletion restores."""
        record = self.house.record(self.id(tenant))
        assert record is not None
        names = {self.user(person): person for person in PEOPLE}
        people = {names[each.euid or ""]: frozenset(each.roles) for each in record.desired.access}
        return Order(record.desired.landing_zone, people, record.desired.platform_tenant_id)

    def repeat(self) -> None:
        """Let the daily replication come."""
        for tenant in self.orders:
            self.replicate_daily(tenant)
        self.settle()

    def replicate_daily(self, tenant: tuple[str, str]) -> None:
        """Let the daily replication of one tenant come."""
        record = self.house.record(self.id(tenant))
        if self.orders[tenant] is not None and record is not None:
            replicate_again(record, self.house.worker, wake=True, daily=True)

    def account(self, name: str) -> str:
        """Return an account that was there before, made when it is first asked for."""
        if name not in self.imported:
            made = self.simulator.operator(
                "create_account", name=f"{self.workspace}.{name}", email=f"{name}@{self.workspace}.example.com"
            )
            self.imported[name] = made["account"]
        return self.imported[name]

    # What must be true.

    def given(self, tenant: tuple[str, str]) -> frozenset[Access]:
        """Return who may do what by a tenant's newest order, as AWS names people."""
        names = {person: self.user(person) for person in PEOPLE}
        found = given(self.orders.get(tenant), tenant[1])
        return frozenset((names.get(who, who), what) for who, what in found)

    def nobody_is_in_too_early_or_too_long(self) -> None:
        """Check what must be true after every step."""
        actual = people_by_account(self.simulator.state())
        for tenant in self.orders:
            record = self.house.record(self.id(tenant))
            there = actual.get(record.handles.account_id or "", set()) if record else set()
            strangers = there - self.allowed[tenant]
            assert not strangers, f"{self.id(tenant)}: {strangers} are in, and no order gives that"
            if self.has_withdrawn(tenant):
                withdrawn = {who for who, _ in there} - {who for who, _ in self.given(tenant)}
                people = {who for who in withdrawn if not who.startswith(("federated ", "former"))}
                assert not people, f"{self.id(tenant)}: {people} are in after the step that withdraws access"
                if record and record.handles.doubt is None:
                    wider = self.beyond(tenant, there)
                    assert not wider, f"{self.id(tenant)}: {wider} after the step that withdraws access"

    def beyond(self, tenant: tuple[str, str], there: set[Access]) -> set[Access]:
        """Return what roles for federation have that the newest order keeps, and gives other policies."""
        given = self.given(tenant)
        kept = {who for who, _ in given if who.startswith("federated ")}
        return {each for each in there - given if each[0] in kept}

    def has_withdrawn(self, tenant: tuple[str, str]) -> bool:
        """Tell whether the first step of the newest order is done."""
        found = self.house.replication(self.id(tenant))
        return found is not None and found.steps[0].state is State.SUCCEEDED

    def settle(self) -> None:
        """Let the connector do all that is to do, and check what must be true at rest."""
        self.house.settle()
        self.simulator.clear_faults()
        self.replicate_again_what_found_its_account()
        state = self.simulator.state()
        actual, owners = people_by_account(state), self.owners()
        for tenant in self.orders:
            self.check(tenant, actual.get(owners.get(tenant, ""), set()))
            assert len(accounts_of(state, str(self.id(tenant)))) <= 1, f"{self.id(tenant)} has two accounts"
            self.allowed[tenant] = set(self.given(tenant))
        assert len(set(owners.values())) == len(owners), f"an account has two tenants: {owners}"
        ownerless = set(self.imported.values()) - set(owners.values())
        assert not any(map(actual.get, ownerless)), "somebody is in an account that is no tenant's"

    def replicate_again_what_found_its_account(self) -> None:
        """Let the day come for those whose order failed when the account that they have was found again."""
        for tenant in self.orders:
            found, record = self.house.replication(self.id(tenant)), self.house.record(self.id(tenant))
            refused = found is not None and found.last_error is not None and found.last_error.code == "AnotherAccount"
            if refused and record is not None and record.handles.doubt is not None:
                self.replicate_daily(tenant)
        self.house.settle()

    def check(self, tenant: tuple[str, str], actual: set[Access]) -> None:
        """Compare one tenant's account with its newest order."""
        found, wanted = self.house.replication(self.id(tenant)), self.given(tenant)
        told = f"{self.id(tenant)} is {found and found.state}, {found and found.last_error}"
        if found is not None and found.last_error is not None and found.last_error.code in IMPOSSIBLE:
            wanted &= actual
        assert actual == wanted, f"{told}\ntoo much: {actual - wanted}\nmissing: {wanted - actual}"

    def owners(self) -> Mapping[tuple[str, str], str]:
        """Return the account of each tenant."""
        records = {tenant: self.house.record(self.id(tenant)) for tenant in self.orders}
        return {tenant: each.handles.account_id for tenant, each in records.items() if each and each.handles.account_id}

    def teardown(self) -> None:
        """End at rest."""
        self.settle()
        self.house.after_step = lambda: None
