"""The accounts that `bootstrap` deploys to, and what must be true before anything in them is touched."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from config.platform import DefaultAuth
from config.printable import printable
from tasks.aws.ambient import WRONG_CODES
from tasks.aws.clients import Clients
from tasks.aws.deployment import Deployment, Progress
from tasks.aws.stack_standing import Standing
from tasks.bootstrap.blueprint import Account
from tasks.errors import StepError, TransientError
from workers.cli.errors import CommandFailed, ExitCode

STACK = "meshstack-connector"
SHORTEST_SECONDS, LONGEST_SECONDS = 0.2, 3.0  # between two looks at a stack: the longer it takes, the more
PATIENCE_SECONDS = 900.0  # for one stack; IAM takes a minute
SILENT_SECONDS = 30.0  # less is a moment in which AWS or the network does not answer
EXPIRED = frozenset(  # of the SDK, and of AWS: who has not signed in for a while
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "SSOTokenLoadError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
    }
)


@dataclass(frozen=True)
class Applying:
    """How to apply."""

    region: str
    profiles: Mapping[str, str]  # account key -> profile
    sure: bool  # do not ask
    clients: Clients = field(default_factory=Clients)  # the same for all profiles


@dataclass(frozen=True)
class Target:
    """One account with what goes into it."""

    account: Account
    body: str  # of the template
    parameters: Mapping[str, str | None]  # None: as the stack has it
    deployment: Deployment


def targets(
    accounts: Iterable[Account],
    bodies: Mapping[str, str],
    parameters: Mapping[str, Mapping[str, str | None]],
    applying: Applying,
) -> tuple[Target, ...]:
    """Return what is to be deployed; bodies and parameters by account key."""
    return tuple(
        Target(account, bodies[account.key], parameters[account.key], _deployment(account, applying))
        for account in accounts
    )


def _deployment(account: Account, applying: Applying) -> Deployment:
    auth = DefaultAuth(profile=applying.profiles[account.key])
    return Deployment(applying.clients, auth, applying.region, STACK, account.mark)


def check_account(account: Account, applying: Applying) -> None:
    """Raise CommandFailed unless the profile signs in to the account: what has our names elsewhere is not ours."""
    profile = applying.profiles[account.key]
    try:
        found = _deployment(account, applying).account()
    except StepError as error:
        raise _not_in(account, profile, error) from error
    if found != account.id:
        message = f"profile {profile} signs in to account {found}, and the {account.key} account is {account.id}"
        remedy = f"name another one with --profile {account.key}=…, or correct --{account.key}-account"
        raise CommandFailed(f"{message}: {remedy}", ExitCode.USAGE)


def _not_in(account: Account, profile: str, error: StepError) -> CommandFailed:
    if error.code in EXPIRED:
        message = f"you are not signed in to the {account.key} account ({error.code})"
        remedy = f"aws sso login --profile {profile}, or new credentials for it"
        return CommandFailed(f"{message}: {remedy}, then run the same command again", ExitCode.USAGE)
    return failed(error, f"profile {profile} of the {account.key} account")


def check_organization(target: Target) -> None:
    """Raise CommandFailed unless this is the management account of an organization that may have control policies."""
    option = f"--management-account {target.account.id}"
    try:
        found = target.deployment.organization()
    except StepError as error:
        if error.code != "AWSOrganizationsNotInUseException":
            raise
        raise CommandFailed(f"{option} belongs to no organization: create one there first", ExitCode.USAGE) from error
    if found["MasterAccountId"] != target.account.id:
        message = f"{option} is a member of an organization that account {found['MasterAccountId']} manages"
        raise CommandFailed(f"{message}: name that one", ExitCode.USAGE)
    if found["FeatureSet"] != "ALL":
        message = f"the organization of {option} only shares its bill: enable all features in it first"
        raise CommandFailed(message, ExitCode.USAGE)


def check_ours(target: Target) -> None:
    """Raise CommandFailed if somebody else has a stack of our name: it is not updated, and not deleted."""
    stranger = target.deployment.stranger()
    if stranger is not None:
        message = f"the {target.account.key} account {target.account.id} has a stack {STACK} that is not ours"
        remedy = "If nobody needs it any more, delete it in CloudFormation, then run the same command again. Two"
        remedy = f"{remedy} platforms cannot share this account. Nothing was changed."
        raise CommandFailed(f"{message}: {printable(stranger)}\n{remedy}", ExitCode.FAILED)


def settled(target: Target) -> Standing | None:
    """Wait until CloudFormation has ended what it does, as after a run that was stopped; tells how the stack stands."""
    standing = target.deployment.standing()
    if standing is Standing.MOVING:
        say(f"{target.account.key} account: waiting until CloudFormation has ended what it does")
        wait(target, lambda: target.deployment.standing() is not Standing.MOVING)
        standing = target.deployment.standing()
    return standing


def delete(target: Target) -> None:
    """Delete the stack, and wait for it. Raises CommandFailed with CloudFormation's reason if it stays."""
    target.deployment.delete()
    say(f"{target.account.key} account: deleting {STACK}")
    wait(target, lambda: target.deployment.deletion() is not Progress.WORKING)
    if target.deployment.deletion() is Progress.FAILED:
        reason = printable(target.deployment.reason())
        raise CommandFailed(f"the stack of the {target.account.key} account stays: {reason}", ExitCode.FAILED)


def wait(target: Target, is_done: Callable[[], bool]) -> None:
    """Look until it is done. Raises CommandFailed if that takes too long, StepError if AWS does not answer."""
    began = answered = time.monotonic()
    while True:
        try:
            if is_done():
                return
            answered = time.monotonic()
        except TransientError:
            if time.monotonic() - answered >= SILENT_SECONDS:
                raise
        waited = time.monotonic() - began
        if waited >= PATIENCE_SECONDS:
            message = f"CloudFormation still works in the {target.account.key} account: run the same command again"
            raise CommandFailed(message, ExitCode.FAILED)
        time.sleep(min(max(waited / 10, SHORTEST_SECONDS), LONGEST_SECONDS))


def failed(error: StepError, where: str | None = None) -> CommandFailed:
    """Return how a command ends that AWS, or the SDK's configuration on this machine, does not let go on."""
    message = f"{where + ': ' if where else ''}{error.code}: {error.message}"
    if error.code in WRONG_CODES:
        return CommandFailed(f"{message}; name your own profiles with --profile ACCOUNT=PROFILE", ExitCode.MISTAKES)
    return CommandFailed(message, ExitCode.UNREACHABLE if isinstance(error, TransientError) else ExitCode.FAILED)


def ask(question: str) -> None:
    """Ask a person on the terminal; raises CommandFailed unless the answer is yes."""
    if not sys.stdin.isatty():
        raise CommandFailed(f"{question} Nobody can be asked here; use --yes", ExitCode.USAGE)
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CommandFailed("nothing was changed", ExitCode.MISTAKES)


def say(text: str) -> None:
    """Tell progress on stderr: stdout is for what was asked for."""
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()
