"""Who the environment of the process signs in as, found by the SDK's own search.

On EKS that is Pod Identity or IRSA, on ECS the task role, on EC2 the instance profile, on a person's machine an SSO
profile. All of them are short-lived, made anew by the SDK, and stored nowhere by us.
Source: docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

from __future__ import annotations

from threading import Lock

from botocore.credentials import Credentials, ReadOnlyCredentials
from botocore.exceptions import ConfigParseError, PartialCredentialsError, ProfileNotFound

from tasks.aws.service_models import sdk_session
from tasks.errors import AccessDenied, TransientError

REMEDY = (
    "Give the worker's process an identity: EKS Pod Identity or IRSA, an ECS task role, an instance profile, or an SSO "
    "profile by AWS_PROFILE (docs/security.md); then retry."
)

WRONG = (ProfileNotFound, ConfigParseError, PartialCredentialsError)
WRONG_CODES = frozenset(each.__name__ for each in WRONG)
"""Codes of mistakes in the SDK's own configuration: AWS was not asked."""


class Ambient(Credentials):  # type: ignore[misc]  # botocore has no types
    """Credentials that are looked for when they are first needed; nobody waits for that under a lock of others."""

    def __init__(self, profile: str | None) -> None:
        """Look for nothing yet.

        profile  of the SDK's configuration files; None: AWS_PROFILE, and everywhere else where the SDK looks
        """
        super().__init__(access_key="", secret_key="", method="default")
        self._profile = profile
        self._finding = Lock()
        self._found: Credentials | None = None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return what to sign with. Raises TransientError when there is nothing yet, AccessDenied for a mistake."""
        with self._finding:
            if self._found is None:
                self._found = self._find()
        return self._found.get_frozen_credentials()

    def _find(self) -> Credentials:
        try:
            found = sdk_session(self._profile).get_credentials()
        except WRONG as error:
            message = f"the AWS SDK cannot sign in by its environment: {error}"
            raise AccessDenied(type(error).__name__, message, remedy=REMEDY) from error
        if found is None:  # a metadata service that does not answer yet looks the same
            message = "the platform document says auth.type: default, and the AWS SDK finds no credentials here"
            raise TransientError("NoCredentials", message, remedy=REMEDY)
        return found
