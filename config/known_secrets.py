"""Secrets that everybody knows, because they stand here: those of the sandbox.

They are defined here and not in the sandbox, so that production can refuse them without importing it.
"""

from __future__ import annotations

SERVICE_USER_ACCESS_KEY = "AKIASANDBOXREPLICATOR"
SERVICE_USER_SECRET_KEY = "sandbox-replicator-secret"  # noqa: S105  # of the sandbox only
METERING_USER_ACCESS_KEY = "AKIASANDBOXMETERING0"
METERING_USER_SECRET_KEY = "sandbox-metering-secret"  # noqa: S105  # of the sandbox only
DIRECT_USER_ACCESS_KEY = "AKIASANDBOXDIRECT000"
DIRECT_USER_SECRET_KEY = "sandbox-direct-secret"  # noqa: S105  # of the sandbox only
ADMINISTRATOR_ACCESS_KEY = "AKIASANDBOXADMIN0000"
ADMINISTRATOR_SECRET_KEY = "sandbox-administrator-secret"  # noqa: S105  # of the sandbox only
EXTERNAL_ID = "sandbox-external-id"
AUTOMATION_EXTERNAL_ID = "sandbox-automation-external-id"
SCIM_ACCESS_TOKEN = "sandbox-scim-access-token"  # noqa: S105  # of the sandbox only

KNOWN_SECRETS = frozenset(
    {
        *(SERVICE_USER_ACCESS_KEY, SERVICE_USER_SECRET_KEY),
        *(METERING_USER_ACCESS_KEY, METERING_USER_SECRET_KEY),
        *(DIRECT_USER_ACCESS_KEY, DIRECT_USER_SECRET_KEY),
        *(ADMINISTRATOR_ACCESS_KEY, ADMINISTRATOR_SECRET_KEY),
        *(EXTERNAL_ID, AUTOMATION_EXTERNAL_ID),
        SCIM_ACCESS_TOKEN,
    }
)
