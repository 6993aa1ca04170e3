"""The emails and names of an organization's accounts as its last ListAccounts showed them, shared for some minutes.

The first look for a new tenant's account nearly always finds nothing, and costs a call for 20 accounts: 100 orders in
an organization of 2,000 accounts would be 10,000 calls. So one lists for all, while the others wait in a lane; what is
found in a list of the last minutes is described afresh, and who finds neither email nor name there asks AWS for the
account at once. That makes no second account:

    an intent of ours stands in the record    then AWS is always asked (`accounts/creation.py`)
    Redis was lost, and the record with it    the list was lost too, and AWS is asked
    the account was made since the list       AWS refuses its email (EMAIL_ALREADY_EXISTS), and is asked then
    the tenant is in doubt                    no list of somebody else's is believed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.model.account import Account
from tasks.state.keys import Keys
from tasks.state.store import Store

BELIEVED = Keys.listed.ttl


@dataclass(frozen=True)
class SharedAccountLists:
    """The lists of one organization in Redis."""

    store: Store
    organization: str  # its management account's id
    believed: bool = True  # False: what others have listed tells nothing here

    def find(self, email: str, name: str) -> frozenset[str] | None:
        """Return the ids of accounts with this email or name in a list of the last minutes; None: there is none."""
        if not self.believed:
            return None
        found = self.store.account_lists.find(self.organization, [_email(email), _name(name)])
        return None if found is None else frozenset(account for ids in found if ids for account in ids.split())

    def share(self, accounts: Iterable[Account], began: datetime, now: datetime) -> None:
        """Tell the others what a whole ListAccounts showed that began then; the newest list counts."""
        ids: dict[str, list[str]] = {}
        for account in accounts:
            for member in (_email(account.email), _name(account.name)):
                ids.setdefault(member, []).append(account.id)
        left = BELIEVED - (now - began)
        if ids and left > timedelta():
            rows = {member: " ".join(accounts) for member, accounts in ids.items()}
            self.store.account_lists.share(self.organization, rows, left)


def _email(email: str) -> str:
    return f"email:{email.lower()}"


def _name(name: str) -> str:
    return f"name:{name}"
