"""`bootstrap --apply`: show what CloudFormation would change in each account, ask, and do it in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from config.printable import printable
from tasks.aws.deployment import Change, Progress
from tasks.aws.stack_standing import Standing
from tasks.errors import StepError
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.targets import (
    STACK,
    Applying,
    Target,
    ask,
    check_account,
    check_organization,
    check_ours,
    delete,
    failed,
    say,
    settled,
    wait,
)

Changes = Mapping[str, Sequence[Change]]  # account key -> what would change


def apply(wanted: Sequence[Target], applying: Applying) -> list[dict[str, Any]]:
    """Deploy; returns the changes that were made. Raises CommandFailed. Again is right: it goes on where it was."""
    try:
        _check(wanted, applying)
        _clear(wanted, applying)
        changes = _agreed(wanted, applying)
        for target in wanted:
            if changes[target.account.key]:
                _execute(target)
    except StepError as error:
        raise failed(error) from error
    return [{"account": account_key, **asdict(change)} for account_key, found in changes.items() for change in found]


def _check(wanted: Sequence[Target], applying: Applying) -> None:
    """See that each account is the one that is meant, and what has our names in it ours. Changes nothing."""
    for target in wanted:
        check_account(target.account, applying)
        if target.account.key == "management":
            check_organization(target)
    for target in wanted:
        check_ours(target)


def _clear(wanted: Sequence[Target], applying: Applying) -> None:
    """Delete what was never built, which AWS lets nobody update; asks before."""
    standings = [(target, settled(target)) for target in wanted]
    for target, standing in standings:
        if standing in (Standing.HALF_DELETED, Standing.STUCK):
            raise CommandFailed(_stuck(target, standing), ExitCode.FAILED)
    broken = [target for target, standing in standings if standing is Standing.HALF_BUILT]
    for target in broken:
        where = f"{target.account.key} account {target.account.id}"
        say(f"{where}: {STACK} was never built ({target.deployment.status()}) and must be deleted first")
    if broken and not applying.sure:
        ask("Delete it?")
    for target in broken:
        delete(target)


def _stuck(target: Target, standing: Standing) -> str:
    where = f"the stack of the {target.account.key} account is in {target.deployment.status()}"
    if standing is Standing.HALF_DELETED:
        return f"{where}: finish that with --remove, then run the same command again"
    reason = printable(target.deployment.reason())
    remedy = f"aws cloudformation continue-update-rollback --stack-name {STACK} --profile …"
    return f"{where}: {reason}\nCorrect that, run `{remedy}`, then the same command again."


def _agreed(wanted: Sequence[Target], applying: Applying) -> Changes:
    """Prepare, show and ask. However this ends without a yes, also by Ctrl-C, nothing of it stays."""
    try:
        changes = {target.account.key: _prepared(target) for target in wanted}
        _decide(wanted, changes, applying)
    except BaseException:
        for target in wanted:
            with suppress(StepError):  # why it ended matters more; the next run may leave its own
                target.deployment.discard()
        raise
    return changes


def _prepared(target: Target) -> tuple[Change, ...]:
    target.deployment.prepare(target.body, target.parameters)
    wait(target, target.deployment.is_prepared)
    return target.deployment.changes()


def _decide(wanted: Sequence[Target], changes: Changes, applying: Applying) -> None:
    """Show the changes on stderr and ask; raises CommandFailed unless the answer is yes."""
    for target in wanted:
        found, where = changes[target.account.key], f"{target.account.key} account {target.account.id}"
        say(where if found else f"{where}: nothing to change")
        for change in found:
            replaced = " (replaced)" if change.replaced else ""
            say(f"  {change.action:<8}{change.kind:<28}{change.name}{replaced}")
    if any(changes.values()) and not applying.sure:
        ask("Make these changes?")


def _execute(target: Target) -> None:
    target.deployment.execute()
    say(f"{target.account.key} account: deploying {STACK}")
    wait(target, lambda: target.deployment.progress() is not Progress.WORKING)
    if target.deployment.progress() is Progress.FAILED:
        message = f"the {target.account.key} account was not prepared: {printable(target.deployment.reason())}"
        raise CommandFailed(
            f"{message}\nCorrect it and run the same command again; it continues from here.", ExitCode.FAILED
        )
