"""What becomes of the handles when a call of ours may have come to AWS after somebody else had looked.

A worker may stand still, for longer than its lease, between the last check of the lease and the sending of a write.
Another one has then finished the replication, perhaps a newer one too, when that write comes to AWS. Most of it the
next replication sees and repairs, as it would a change by hand. But what we remember as absent is not looked for.
"""

from __future__ import annotations

from dataclasses import replace

from tasks.model.desired import Tenant
from tasks.model.handles import Handles


def without_absences(handles: Handles, tenant: Tenant) -> Handles:
    """Return the handles without what is not to be looked for: groups and IAM roles that a late call may have made."""
    present = {name: group for name, group in handles.groups.items() if group.id is not None}
    federated = handles.federated_roles if tenant.platform.identity_federation is None else None
    return replace(handles, groups=present, federated_roles=federated)
