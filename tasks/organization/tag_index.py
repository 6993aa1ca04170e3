"""Which account of an organization carries which tenant's name: read once, shared by all workers, kept for long.

An account that nobody finds by email or name may be a tenant's all the same: it was imported, and Redis was lost since;
or its owner gave it another name and root email. Its tag tells, and AWS shows tags of one account at a time only. So
before an account is made for a tenant of whom nothing is known, the tags of the accounts that no record owns are read,
by one tenant's replication, a portion in each execution (`tasks/accounts/tagged.py`).

The first look at 5,000 accounts takes some minutes, later ones read only what is new: an account that a tenant's record
has is not read at all. Somebody who tags an account by hand after it was read, and neither its email nor its name is
the tenant's, is seen when what was read is KEPT old, or after some seconds without a running worker: Redis may have
come back then as it was before an account was taken over.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from tasks.aws.run import Unread
from tasks.organization.account_lists import BELIEVED
from tasks.state.keys import Keys
from tasks.state.store import Store
from tasks.state.tag_index import ReadTag

KEPT = Keys.tags.ttl


@dataclass(frozen=True)
class SharedTagIndex:
    """The index of one organization in Redis, as `tasks.aws.run.TagIndex`."""

    store: Store
    organization: str  # its management account's id

    def is_whole(self) -> bool:
        """Tell whether every account that a list of the last minutes showed has been read."""
        return self.store.tag_index.is_whole(self.organization)

    def accounts_of(self, tenant: str) -> frozenset[str]:
        """Return the ids of the accounts that carry the tenant's name."""
        return self.store.tag_index.accounts_of(self.organization, tenant)

    def take_turn(self, reader: str) -> bool:
        """Tell whether `reader` is the one who reads now; nobody else is, for a minute from each call and tag."""
        return self.store.tag_index.take_turn(self.organization, reader)

    def leave_turn(self, reader: str) -> None:
        """Let somebody else read at once, if it is the turn of `reader`."""
        self.store.tag_index.leave_turn(self.organization, reader)

    def begin(self, accounts: Collection[str], began: datetime) -> None:
        """Take in what a whole list showed that began then: what is not known of these accounts is to be read."""
        self.store.tag_index.begin(self.organization, self._unknown(accounts, began), len(accounts), began)

    def unread(self, most: int) -> Unread | None:
        """Return at most so many of the accounts that are to be read; None: nobody has begun."""
        look = self.store.tag_index.look(self.organization, most)
        return None if look is None else Unread(look.accounts, look.left, look.total)

    def note(self, account_id: str, tenant: str | None, now: datetime) -> None:
        """Remember whose name an account carries; None: nobody's."""
        self.store.tag_index.note(self.organization, account_id, ReadTag(now, tenant))

    def end(self, now: datetime) -> None:
        """All are read: the index is whole for some minutes from the beginning of the list on."""
        look = self.store.tag_index.look(self.organization, 0)
        began = look.began if look else now - BELIEVED  # it has just expired: nothing of it is believed
        self.store.tag_index.end(self.organization, began, BELIEVED - (now - began))

    def _unknown(self, accounts: Collection[str], now: datetime) -> set[str]:
        """Return the accounts that no tenant's record has, and whose tags nobody has read for long."""
        known = {
            account for account, tag in self.store.tag_index.read(self.organization).items() if now - tag.read_at < KEPT
        }
        for handles in self.store.tenants.handles():
            known |= {*handles.closed_accounts, *filter(None, [handles.account_id])}
        return set(accounts) - known
