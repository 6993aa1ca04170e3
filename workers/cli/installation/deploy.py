"""`bootstrap --apply`: show what CloudFormation would change in each account, ask, and do it in order."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from config.platform import DefaultAuth
from config.printable import printable
from tasks.aws.access_keys import AccessKeys
from tasks.aws.ambient import WRONG_CODES
from tasks.aws.clients import Clients
from tasks.aws.deployment import NEVER_BUILT, Change, Deployment, Progress
from tasks.bootstrap.blueprint import Account
from tasks.errors import StepError, TransientError
from workers.cli.errors import CommandFailed, ExitCode

STACK = "meshstack-connector"
LOOK_SECONDS = 1.0  # between two looks at a stack
PATIENCE_SECONDS = 900.0  # for one stack; IAM takes a minute


@dataclass(frozen=True)
class Target:
    """One account with what goes into it."""

    account: Account
    body: str  # of the template
    parameters: Mapping[str, str | None]  # None: as the stack has it
    deployment: Deployment


@dataclass(frozen=True)
class Applying:
    """How to apply."""

    region: str
    profiles: Mapping[str, str]  # account key -> profile
    sure: bool  # do not ask


def targets(
    accounts: Iterable[Account],
    bodies: Mapping[str, str],
    parameters: Mapping[str, Mapping[str, str | None]],
    applying: Applying,
) -> tuple[Target, ...]:
    """Return what is to be deployed; bodies and parameters by account key."""
    clients = Clients()
    return tuple(
        Target(
            account,
            bodies[account.key],
            parameters[account.key],
            Deployment(clients, DefaultAuth(profile=applying.profiles[account.key]), applying.region, STACK),
        )
        for account in accounts
    )


def apply(wanted: Sequence[Target], applying: Applying) -> list[dict[str, Any]]:
    """Deploy; returns the changes that were made. Raises CommandFailed. Again is right: it goes on where it was."""
    try:
        for target in wanted:
            check_account(target.account, applying)
        changes = {target.account.key: _prepared(target) for target in wanted}
        _decide(wanted, changes, applying)
        for target in wanted:
            if changes[target.account.key]:
                _execute(target)
    except StepError as error:
        raise failed(error) from error
    return [{"account": account_key, **asdict(change)} for account_key, found in changes.items() for change in found]


def remove(wanted: Sequence[Target], applying: Applying, forget: Callable[[str], None]) -> list[dict[str, Any]]:
    """Delete the stacks, the last one first; returns what was deleted. Raises CommandFailed. Again is right.

    forget   is called with the id of each access key before that is deleted
    """
    try:
        for target in wanted:
            check_account(target.account, applying)
        there = [target for target in reversed(wanted) if target.deployment.status() is not None]
        for target in there:
            say(f"{target.account.key} account {target.account.id}: delete {STACK}, and what it made")
        if there and not applying.sure:
            ask("No worker must run any more. Delete these stacks?")
        for target in there:
            _delete(target, applying, forget)
    except StepError as error:
        raise failed(error) from error
    return [{"account": target.account.key, "stack": STACK} for target in there]


def check_account(account: Account, applying: Applying) -> None:
    """Raise CommandFailed unless the profile signs in to the account: what has our names elsewhere is not ours."""
    profile = applying.profiles[account.key]
    try:
        found = Deployment(Clients(), DefaultAuth(profile=profile), applying.region, STACK).account()
    except StepError as error:
        raise failed(error) from error
    if found != account.id:
        message = f"profile {profile} signs in to account {found}, and the {account.key} account is"
        raise CommandFailed(f"{message} {account.id}: name another one with --profile", ExitCode.USAGE)


def failed(error: StepError, about: str | None = None) -> CommandFailed:
    """Say what AWS, or the SDK's configuration on this machine, says; `about` whom it says it."""
    message = f"{about}: {error.code}: {error.message}" if about else f"{error.code}: {error.message}"
    if error.code in WRONG_CODES:
        return CommandFailed(f"{message}; name your own profiles with --profile ACCOUNT=PROFILE", ExitCode.MISTAKES)
    return CommandFailed(message, ExitCode.UNREACHABLE if isinstance(error, TransientError) else ExitCode.FAILED)


def _delete(target: Target, applying: Applying, forget: Callable[[str], None]) -> None:
    profile = applying.profiles[target.account.key]
    for user in target.account.users:  # AWS deletes no user that has keys
        AccessKeys(Clients(), profile, applying.region, user.name).delete_all(forget)
    target.deployment.clear()
    say(f"{target.account.key} account: deleting {STACK}")
    _wait(target, lambda: target.deployment.status() in (None, "DELETE_FAILED"))
    if target.deployment.status() is not None:
        reason = printable(target.deployment.reason())
        raise CommandFailed(f"the stack of the {target.account.key} account stays: {reason}", ExitCode.FAILED)


def _prepared(target: Target) -> tuple[Change, ...]:
    if target.deployment.status() in NEVER_BUILT:
        target.deployment.clear()
        _wait(target, lambda: target.deployment.status() is None)
    target.deployment.prepare(target.body, target.parameters)
    _wait(target, target.deployment.is_prepared)
    return target.deployment.changes()


def _decide(wanted: Sequence[Target], changes: Mapping[str, Sequence[Change]], applying: Applying) -> None:
    """Show the changes on stderr and ask; raises CommandFailed unless the answer is yes."""
    for target in wanted:
        found = changes[target.account.key]
        say(
            f"{target.account.key} account {target.account.id}: {'nothing to change' if not found else ''}".rstrip(": ")
        )
        for change in found:
            replaced = " (replaced)" if change.replaced else ""
            say(f"  {change.action:<8}{change.kind:<28}{change.name}{replaced}")
    if applying.sure or not any(changes.values()):
        return
    try:
        ask("Make these changes?")
    except CommandFailed:
        for target in wanted:
            if changes[target.account.key]:
                target.deployment.discard()
        raise


def ask(question: str) -> None:
    """Ask a person on the terminal; raises CommandFailed unless the answer is yes."""
    if not sys.stdin.isatty():
        raise CommandFailed(f"{question} Nobody can be asked here; use --yes", ExitCode.USAGE)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed("nothing was changed", ExitCode.MISTAKES)


def _execute(target: Target) -> None:
    target.deployment.execute()
    say(f"{target.account.key} account: deploying {STACK}")
    _wait(target, lambda: target.deployment.progress() is not Progress.WORKING)
    if target.deployment.progress() is Progress.FAILED:
        message = f"the {target.account.key} account was not prepared: {printable(target.deployment.reason())}"
        raise CommandFailed(
            f"{message}\nCorrect it and run the same command again; it continues from here.", ExitCode.FAILED
        )


def _wait(target: Target, is_done: Callable[[], bool]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() >= ends:
            message = f"CloudFormation still works in the {target.account.key} account: run the same command again"
            raise CommandFailed(message, ExitCode.FAILED)
        time.sleep(LOOK_SECONDS)


def say(text: str) -> None:
    """Tell progress on stderr: stdout is for what was asked for."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()
