"""`bootstrap --remove`: show what would be deleted, ask, and delete what --apply made, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tasks.aws.access_keys import AccessKeys, ListedKey
from tasks.bootstrap.blueprint import PLATFORM_TAG
from tasks.bootstrap.rotation import last_use
from tasks.errors import StepError
from workers.cli.installation.targets import (
    STACK,
    Applying,
    Target,
    ask,
    check_account,
    check_ours,
    delete,
    failed,
    say,
    settled,
)

QUESTION = "No worker must run any more, and people keep the access that they have in tenants' accounts. Delete this?"


def remove(wanted: Sequence[Target], applying: Applying, forget: Callable[[str], None]) -> list[dict[str, Any]]:
    """Delete the stacks, the last one first; returns what was deleted. Raises CommandFailed. Again is right.

    forget   is called with the id of each access key before that is deleted
    """
    try:
        for target in wanted:
            check_account(target.account, applying)
        for target in wanted:
            check_ours(target)
        there = [target for target in reversed(wanted) if settled(target) is not None]
        keys = {target.account.key: _keys(target, applying) for target in there}
        for target in there:
            _show(target, keys[target.account.key])
        if there and not applying.sure:
            ask(QUESTION)
        for target in there:
            _delete(target, keys[target.account.key], forget)
    except StepError as error:
        raise failed(error) from error
    return [{"account": target.account.key, "stack": STACK} for target in there]


Keys = Mapping[AccessKeys, Sequence[ListedKey]]


def _keys(target: Target, applying: Applying) -> Keys:
    """Return the keys of our users: AWS deletes no user that has any. Who only has such a name keeps theirs."""
    profile = applying.profiles[target.account.key]
    users = [AccessKeys(applying.clients, profile, applying.region, user.name) for user in target.account.users]
    return {user: user.listed() for user in users if user.tags().get(PLATFORM_TAG) == target.account.platform}


def _show(target: Target, keys: Keys) -> None:
    say(f"{target.account.key} account {target.account.id}: delete {STACK}, and what it made")
    for user, listed in keys.items():
        for key in listed:
            say(f"  access key {key.id} of {user.name}, which {last_use(key)}")


def _delete(target: Target, keys: Keys, forget: Callable[[str], None]) -> None:
    for user, listed in keys.items():
        for key in listed:
            forget(key.id)
            user.delete(key.id)
    delete(target)
