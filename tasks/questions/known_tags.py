"""The tag index as a plan sees it: what others have read must do, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from tasks.aws.run import NoTags
from tasks.state.store import Store


@dataclass(frozen=True)
class KnownTags(NoTags):
    """What is known of one organization, as `tasks.aws.run.TagIndex`."""

    store: Store
    organization: str  # its management account's id

    def accounts_of(self, tenant: str) -> frozenset[str]:
        """Return the ids of the accounts that are known to carry the tenant's name."""
        return self.store.tag_index.accounts_of(self.organization, tenant)
