"""Last step of a replication: say where the account is and how people get in."""

from __future__ import annotations

from dataclasses import replace

from tasks.aws import Aws
from tasks.model import Done, Handles, Outcome, Tenant


def report(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:  # noqa: ARG001 (every step has this signature)
    """Keep the sign-in URL for people and say what is there.

    Reads    nothing
    Writes   nothing
    Returns  Done; never Wait
    """
    access = tenant.platform.identity_center
    url = access.sign_in_url if access is not None else None
    name = f" ({handles.alias})" if handles.alias else ""
    entrance = f"; people sign in at {url}" if url else ""
    return Done(replace(handles, sign_in_url=url), f"account {handles.account_id}{name} is ready{entrance}")
