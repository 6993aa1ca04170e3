"""Work of several tenants that one operation of AWS does: who waits says what it wants, and who goes takes it along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tasks.model.handles import Deployment, Handles


@dataclass(frozen=True)
class Wants:
    """What a tenant that waits in line wants to be done in its account."""

    kind: str  # tenants of one kind want the same: one operation can do it for all
    account: str  # id
    regions: tuple[str, ...]
    digest: str  # as in Deployment
    declared: str  # as in Deployment


@dataclass(frozen=True)
class Batch:
    """An operation that is about to be sent, and takes others along."""

    kind: str
    operation: str  # its id
    sent_at: datetime
    most: int  # tenants taken along


def joined(handles: Handles, document: Mapping[str, Any]) -> Handles:
    """Return the handles of a tenant that was taken along, as `gather.lua` and `disband.lua` have noted it."""
    sent = dict(handles.stack_instances)
    if "refused" in document:
        kept = {region: each for region, each in sent.items() if each.operation != document["refused"]}
        return replace(handles, stack_instances=kept)
    deployment = Deployment(
        digest=document["digest"],
        declared=document["declared"],
        operation=document["operation"],
        sent_at=datetime.fromisoformat(document["sent_at"]),
        leader=document["leader"],
    )
    return replace(handles, stack_instances={**sent, **dict.fromkeys(document["regions"], deployment)})
