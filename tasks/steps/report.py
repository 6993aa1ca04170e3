"""Last step of a replication: say where the account is and how people get in."""

from __future__ import annotations

import re
from dataclasses import replace

from tasks.aws import Aws
from tasks.model.desired import Tenant
from tasks.model.handles import Handles
from tasks.model.replication import Done, Outcome

ACCESS_PORTAL = re.compile(r"https://[^/]+\.awsapps\.(com|cn)/start/?")


def report(tenant: Tenant, handles: Handles, aws: Aws) -> Outcome:  # noqa: ARG001 (every step has this signature)
    """Keep the sign-in URL for people and say what is there.

    Reads    nothing
    Writes   nothing
    Returns  Done; never Wait
    """
    url = sign_in_address(tenant, handles.account_id)
    name = f" ({handles.alias})" if handles.alias else ""
    entrance = f"; people sign in at {url}" if url else ""
    return Done(replace(handles, sign_in_url=url), f"account {handles.account_id}{name} is ready{entrance}")


def sign_in_address(tenant: Tenant, account_id: str | None) -> str | None:
    """Return where people sign in to the account: the platform's address; in AWS's access portal the account's own.

    Source: docs.aws.amazon.com/singlesignon/latest/userguide/createshortcutlink.html
    """
    access = tenant.platform.identity_center or tenant.platform.identity_federation
    url = access.sign_in_url if access is not None else None
    if url is None or account_id is None or not ACCESS_PORTAL.fullmatch(url):
        return url
    return f"{url.rstrip('/')}/#/console?account_id={account_id}"
