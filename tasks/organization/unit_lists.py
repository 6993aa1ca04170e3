"""The organizational units below an organization's root as the last list showed them, shared for some minutes.

A new tenant whose landing zone names no OU stands in the OU of its workspace, which is looked for by its name: 1 call
for 20 of them. So one lists for all, while the others wait in a lane. What a list of the last minutes shows is a hint:

    a name is not in it, and its OU was made since   AWS refuses a second one of that name, then all are listed afresh
    an OU is in it, and was deleted since            AWS does not move an account there, then the list is forgotten
    we make an OU                                    the list is forgotten
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tasks.aws.organizations import Unit
from tasks.aws.run import BelowRoot
from tasks.state.keys import Keys
from tasks.state.store import Store

BELIEVED = Keys.units.ttl
ROOT = "root"


@dataclass(frozen=True)
class SharedUnitLists:
    """The lists of one organization in Redis."""

    store: Store
    organization: str  # its management account's id

    def find(self, name: str) -> BelowRoot | None:
        """Return the root, and the OU of this name below it, by a list of the last minutes; None: there is none."""
        found = self.store.unit_lists.find(self.organization, [ROOT, _name(name)])
        return None if found is None or found[0] is None else BelowRoot(found[0], found[1])

    def share(self, root: str, units: Iterable[Unit], began: datetime, now: datetime) -> None:
        """Tell the others what a whole list showed that began then; the newest list counts."""
        left = BELIEVED - (now - began)
        if left > timedelta():
            rows = {ROOT: root} | {_name(unit.name): unit.id for unit in units}
            self.store.unit_lists.share(self.organization, rows, left)

    def forget(self) -> None:
        """Let the next one list afresh."""
        self.store.unit_lists.forget(self.organization)


def _name(name: str) -> str:
    return f"name:{name}"
