"""The IAM alias of an account: its name in the sign-in address. Source: docs.aws.amazon.com/IAM/latest/APIReference."""

from __future__ import annotations

from tasks.aws.calls import Calls


class AccountAliases:
    """The alias of one member account; AWS allows one."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def find(self) -> str | None:
        """Return the account's alias, None when it has none."""
        aliases = self._calls.read("list_account_aliases")["AccountAliases"]  # at most one, so never a second page
        return str(aliases[0]) if aliases else None

    def set(self, alias: str) -> None:
        """Give the account this alias; AWS drops the previous one by itself. Conflict when any AWS account has it."""
        self._calls.write("create_account_alias", AccountAlias=alias)
