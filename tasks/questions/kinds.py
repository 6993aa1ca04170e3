"""The kinds of questions, and what the text of a question says: what both sides know, who asks and who answers."""

from __future__ import annotations

import json

from tasks.model.desired import Desired, TenantId

HEALTH = "health"  # what is wrong with a platform (tasks/doctor/examination.py); the text is its name
PLAN = "plan"  # what a replication would change (tasks/questions/plan.py)
DRIFT = "drift"  # what differs from what is wanted (tasks/daily/drift_report.py); the text is the tenant's name


def plan_text(tenant: TenantId, desired: Desired | None) -> str:
    """Write the text of a question for a plan; desired None: what is stored at that moment."""
    document = None if desired is None else desired.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return json.dumps({"tenant": str(tenant), "desired": document})


def read_plan_text(text: str) -> tuple[TenantId, Desired | None]:
    """Read what `plan_text` wrote."""
    wanted = json.loads(text)
    desired = None if wanted["desired"] is None else Desired.model_validate(wanted["desired"])
    return TenantId.parse(wanted["tenant"]), desired
