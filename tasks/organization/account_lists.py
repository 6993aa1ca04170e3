"""The emails and names of an organization's accounts as its last ListAccounts showed them, shared for some minutes.

The first look for a new tenant's account nearly always finds nothing, and costs a call for 20 accounts: 100 orders in
an organization of 2,000 accounts would be 10,000 calls. So whoever lists tells the others, and who finds neither email
nor name in a list of the last minutes asks AWS for the account at once. That makes no second account:

    an intent of ours stands in the record    then AWS is always asked (`accounts/creation.py`)
    Redis was lost, and the record with it    the list was lost too, and AWS is asked
    the account was made since the list       AWS refuses its email (EMAIL_ALREADY_EXISTS), and is asked then
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

    def lacks(self, email: str, name: str) -> bool:
        """Tell whether a list of the last minutes has neither; False when there is no such list."""
        return self.store.account_lists.lacks(self.organization, [_email(email), _name(name)])

    def share(self, accounts: Iterable[Account], began: datetime, now: datetime) -> None:
        """Tell the others what a whole ListAccounts showed that began then; the newest list counts."""
        members = {member for account in accounts for member in (_email(account.email), _name(account.name))}
        left = BELIEVED - (now - began)
        if members and left > timedelta():
            self.store.account_lists.share(self.organization, members, left)


def _email(email: str) -> str:
    return f"email:{email.lower()}"


def _name(name: str) -> str:
    return f"name:{name}"
