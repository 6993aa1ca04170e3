"""The access keys of an IAM user, as a person rotates them with their own profile.

This acts with the rights of whoever asks, never with the connector's: it passes no seam, and no policy of ours allows
it.
Source: docs.aws.amazon.com/IAM/latest/APIReference (ListAccessKeys, CreateAccessKey, UpdateAccessKey, DeleteAccessKey,
GetAccessKeyLastUsed, GetUser, TagUser)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from tasks.aws.ambient import Ambient
from tasks.aws.clients import Clients
from tasks.aws.faults import translate, translate_unanswered
from tasks.errors import NotFound


@dataclass(frozen=True)
class ListedKey:
    """One access key."""

    id: str
    active: bool
    created_at: datetime
    last_used: datetime | None


@dataclass(frozen=True)
class NewKey:
    """A key that was made a moment ago; AWS shows its secret once."""

    id: str
    secret: str = field(repr=False)


class AccessKeys:
    """The keys of one user, in the account that a profile signs in to."""

    def __init__(self, clients: Clients, profile: str | None, region: str, user: str) -> None:
        self._iam = clients.acting("iam", region, Ambient(profile))
        self.name = user

    def listed(self) -> list[ListedKey]:
        """Return the user's keys, at most two. Raises StepError."""
        found = self._call("list_access_keys", UserName=self.name)["AccessKeyMetadata"]
        return [self._with_last_use(each) for each in found]

    def create(self) -> NewKey:
        """Make another key. Raises StepError."""
        made = self._call("create_access_key", UserName=self.name)["AccessKey"]
        return NewKey(made["AccessKeyId"], made["SecretAccessKey"])

    def switch_off(self, key: str) -> None:
        """Let nobody use a key (its id) until it is switched on again. Raises StepError."""
        self._call("update_access_key", UserName=self.name, AccessKeyId=key, Status="Inactive")

    def delete(self, key: str) -> None:
        """Delete a key (its id) for good. Raises StepError."""
        self._call("delete_access_key", UserName=self.name, AccessKeyId=key)

    def tags(self) -> dict[str, str]:
        """Return the tags of the user; none of one that does not exist. Raises StepError."""
        try:
            user = self._call("get_user", UserName=self.name)["User"]
        except NotFound:
            return {}
        return {each["Key"]: each["Value"] for each in user.get("Tags", ())}

    def tag(self, name: str, value: str) -> None:
        """Write a tag of the user. Raises StepError."""
        self._call("tag_user", UserName=self.name, Tags=[{"Key": name, "Value": value}])

    def _with_last_use(self, key: Any) -> ListedKey:
        used = self._call("get_access_key_last_used", AccessKeyId=key["AccessKeyId"]).get("AccessKeyLastUsed", {})
        active = key["Status"] == "Active"
        return ListedKey(key["AccessKeyId"], active, key["CreateDate"], used.get("LastUsedDate"))

    def _call(self, operation: str, **parameters: Any) -> Any:
        try:
            return getattr(self._iam, operation)(**parameters)
        except ClientError as error:
            raise translate("iam", error) from error
        except (BotoCoreError, HTTPClientError) as error:
            raise translate_unanswered("iam", operation, error) from error
