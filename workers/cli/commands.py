"""The face of every command: name, arguments, options and help. What a command does is imported when it runs.

So `--help`, a wrong option and the shell's completion answer at once: boto3, Celery and moto take seconds to import.
"""

# ruff: noqa: PLC0415 (see above)

from __future__ import annotations

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

DEFAULT_URL = "http://127.0.0.1:8080"

Url = Annotated[str, typer.Option("--url", envvar="CONNECTOR_URL", help="Where the connector's API listens.")]
Token = Annotated[str | None, typer.Option("--token", envvar="CONNECTOR_TOKEN", help="The API token.")]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help="A file that holds the API token.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until the replication has ended.")]
PlatformOption = Annotated[str | None, typer.Option("--platform", help="Only this <platform>.<location>.")]
TenantArgument = Annotated[str, typer.Argument(help="<workspace>.<project>.<platform>.<location>")]
OrdersFile = Annotated[Path, typer.Argument(help="YAML file with tenants; - reads stdin.")]


def apply(
    file: OrdersFile, wait: Wait = True, url: Url = DEFAULT_URL, token: Token = None, token_file: TokenFile = None
) -> None:
    """Order the tenants of a file and show their progress. Nothing is sent when the file holds a mistake."""
    from workers.cli.connection import Access
    from workers.cli.tenants import replicate

    raise typer.Exit(replicate.apply(file, Access(url, token, token_file), wait=wait))


def status(
    tenant: Annotated[str | None, typer.Argument(help="One tenant; without it, all of them.")] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again: one tenant until it ends.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON; with --watch one line for each change.")] = False,
    state: Annotated[str | None, typer.Option("--state", help="Only tenants in this state, e.g. FAILED.")] = None,
    workspace: Annotated[str | None, typer.Option("--workspace", help="Only tenants of this workspace.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Show where tenants stand: account, state, and for one tenant every step with its note and error."""
    from workers.cli.connection import Access
    from workers.cli.tenants.status import Wanted, show_status

    wanted = Wanted(tenant, state, workspace)
    raise typer.Exit(show_status(wanted, Access(url, token, token_file), watch=watch, as_json=as_json))


def retry(
    tenant: TenantArgument,
    first: Annotated[
        str | None, typer.Option("--from", metavar="STEP", help="Begin with this step; those before are skipped.")
    ] = None,
    wait: Wait = True,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Replicate a tenant again with the desired state that is stored; one that waits for its next try tries now."""
    from workers.cli.connection import Access
    from workers.cli.tenants import replicate

    raise typer.Exit(replicate.retry(tenant, Access(url, token, token_file), wait=wait, first=first))


def history(
    tenant: TenantArgument,
    most: Annotated[int, typer.Option("--most", min=1, max=200, help="How many, the newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with every step.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Show the replications of a tenant: when, who asked, how they ended."""
    from workers.cli.connection import Access
    from workers.cli.tenants.history import show_history

    show_history(tenant, Access(url, token, token_file), most=most, as_json=as_json)


def pause(
    what: Annotated[
        str | None, typer.Argument(metavar="[TENANT|PLATFORM]", help="Without it: show what is paused.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for whoever looks.")] = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Run nothing for a tenant or a platform until it is resumed; orders are stored, a step that runs ends first."""
    from workers.cli.connection import Access
    from workers.cli.operations import pauses

    pauses.pause(what, reason, Access(url, token, token_file))


def resume(
    what: Annotated[str, typer.Argument(metavar="TENANT|PLATFORM", help="What was paused.")],
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Resume what was paused: it goes on where it stood, with the newest order."""
    from workers.cli.connection import Access
    from workers.cli.operations import pauses

    pauses.resume(what, Access(url, token, token_file))


def audit(
    since: Annotated[str | None, typer.Option("--since", help="Only since then, e.g. 2026-01-31 (UTC).")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", help="Only this tenant's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one line for each write.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Show every write to AWS: who asked, for what, with which arguments, and how it ended."""
    from workers.cli.connection import Access
    from workers.cli.operations.audit import show_audit

    show_audit(since, tenant, Access(url, token, token_file), as_json=as_json)


def backup(file: Annotated[Path | None, typer.Argument(help="Where to; without it to stdout.")] = None) -> None:
    """Write orders, account ids, deletion requests, pauses and records as JSON lines. Reads CONNECTOR_REDIS_URL."""
    from workers.cli.operations import backup as command

    command.save(file)


def restore(
    file: Annotated[Path, typer.Argument(help="A backup; - reads stdin.")],
    merge: Annotated[bool, typer.Option("--merge", help="Add what Redis lacks; what is there stays.")] = False,
) -> None:
    """Put a backup into an empty Redis, after every line was checked. Writes to CONNECTOR_REDIS_URL."""
    from workers.cli.operations import backup as command

    command.restore(file, merge=merge)


def rollout(
    landing_zone: Annotated[str | None, typer.Argument(help="The landing zone; or --watch ID.")] = None,
    platform: Annotated[
        str | None, typer.Option("--platform", help="Only tenants of this <platform>.<location>.")
    ] = None,
    watch: Annotated[
        str | None, typer.Option("--watch", metavar="ID", help="Start nothing; look at a rollout that was started.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until all have ended.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, one line for each change.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Replicate every tenant of a landing zone, after it was changed. It goes on when this command ends."""
    from workers.cli.connection import Access
    from workers.cli.tenants.rollout import Wanted, show_rollout

    wanted = Wanted(landing_zone, platform, watch)
    raise typer.Exit(show_rollout(wanted, Access(url, token, token_file), wait=wait, as_json=as_json))


def cancel(
    what: Annotated[str, typer.Argument(metavar="TENANT|REPLICATION", help="A tenant, or the id of a replication.")],
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Cancel a replication: at once, or after the call to AWS that runs now. The account stays as it is."""
    from workers.cli.connection import Access
    from workers.cli.tenants import replicate

    replicate.cancel(what, Access(url, token, token_file))


def delete(
    tenant: TenantArgument,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until it has ended.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Delete a tenant: access ends now; after the approval its groups are deleted and its account is closed."""
    from workers.cli.connection import Access
    from workers.cli.tenants import replicate

    raise typer.Exit(replicate.delete(tenant, Access(url, token, token_file), wait=wait))


def approve(
    tenant: TenantArgument, wait: Wait = True, url: Url = DEFAULT_URL, token: Token = None, token_file: TokenFile = None
) -> None:
    """Approve the request to delete a tenant. This cannot be undone."""
    from workers.cli.connection import Access
    from workers.cli.tenants import replicate

    raise typer.Exit(replicate.approve(tenant, Access(url, token, token_file), wait=wait))


def decline(
    tenant: TenantArgument, wait: Wait = True, url: Url = DEFAULT_URL, token: Token = None, token_file: TokenFile = None
) -> None:
    """Decline the request to delete a tenant, and give its people their access back."""
    from workers.cli.connection import Access
    from workers.cli.tenants import replicate

    raise typer.Exit(replicate.decline(tenant, Access(url, token, token_file), wait=wait))


def drift(
    platform: PlatformOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Show tenants whose actual state differs, or differed at the last daily look: what, and since when."""
    from workers.cli.connection import Access
    from workers.cli.operations.drift import show_drift

    show_drift(platform, Access(url, token, token_file), as_json=as_json)


def unmanaged(
    platform: PlatformOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Show the accounts of the organizations that no tenant owns, as they were listed last."""
    from workers.cli.connection import Access
    from workers.cli.operations.unmanaged import show_unmanaged

    show_unmanaged(platform, Access(url, token, token_file), as_json=as_json)


def plan(
    what: Annotated[str, typer.Argument(metavar="TENANT|FILE", help="A tenant, or a YAML file with tenants; - stdin.")],
    as_json: Annotated[bool, typer.Option("--json", help="As a JSON list with one plan for each tenant.")] = False,
    url: Url = DEFAULT_URL,
    token: Token = None,
    token_file: TokenFile = None,
) -> None:
    """Show what a replication would change; nothing is. Exit codes: 0 nothing, 2 something, 3 it would fail."""
    from workers.cli.connection import Access
    from workers.cli.tenants.plan import show_plans

    raise typer.Exit(show_plans(what, Access(url, token, token_file), as_json=as_json))


def api() -> None:
    """Run the API in the foreground, as the environment says."""
    from workers.cli.installation.api import run_api

    run_api()


def sandbox(
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="Also write the environment to this file (honcho reads .env).")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="How the simulated AWS behaves, e.g. creation_seconds=20."),
    ] = None,
) -> None:
    """Run the sandbox alone (Redis-protocol server and AWS simulator) and print the environment to export."""
    from workers.cli.installation.sandbox import run_sandbox

    run_sandbox(env_file, option or [])


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay after the demo, with Flower, until Ctrl-C.")] = False,
    tenants: Annotated[Path | None, typer.Option("--tenants", help="Order these instead of the 12 examples.")] = None,
) -> None:
    """Start everything on this machine, order 12 example tenants, show what became of them, end without a trace."""
    from workers.demo.run import run_demo

    raise typer.Exit(run_demo(keep=keep, tenants=tenants))


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Documents or directories; default: CONNECTOR_CONFIG_DIR."),
    ] = None,
    render: Annotated[
        Path | None, typer.Option("--render", help="Also show what the tenants of this file, as of apply, would get.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Check platform and landing zone documents: every mistake in one run, and nothing is started or sent."""
    from workers.cli.installation.validate import check_documents

    raise typer.Exit(check_documents(paths or [], render, as_json=as_json))


def policies(
    platform: Annotated[
        str | None,
        typer.Option("--platform", help="Fill in this <platform>.<location> of CONNECTOR_CONFIG_DIR; else ${…}."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All documents as one JSON object.")] = False,
    optional: Annotated[
        bool, typer.Option("--with-optional/--without-optional", help="With the statements that may be left out.")
    ] = True,
    external_ids: Annotated[
        bool, typer.Option("--external-ids", help="Fill in the platform's external ids too. They are secret.")
    ] = False,
    partition: Annotated[
        str, typer.Option("--partition", help="Of documents without a platform: aws, aws-cn or aws-us-gov.")
    ] = "aws",
    units: Annotated[
        bool, typer.Option("--only-landing-zone-units", help="Accounts may be moved into the landing zones' OUs only.")
    ] = False,
    guard_rail: Annotated[
        bool, typer.Option("--guard-rail", help="Print the service control policy that protects the roles instead.")
    ] = False,
) -> None:
    """Print the IAM policies and trust policies that the connector needs, for each account: no more than it calls."""
    from workers.cli.installation.policies import Wanted, show_guard_rail, show_policies

    wanted = Wanted(platform, partition, external_ids, optional, units)
    if guard_rail:
        show_guard_rail(wanted)
    else:
        show_policies(wanted, as_json=as_json)


def doctor(
    platform: Annotated[
        str | None, typer.Option("--platform", help="Only this <platform>.<location>; else all of them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """Look at everything that replications need, in AWS and in our own house; changes nothing. Exit code 1: errors."""
    from workers.cli.operations.doctor import show_health

    raise typer.Exit(show_health(platform, as_json=as_json))


def notifications(
    test: Annotated[
        bool, typer.Option("--test", help="Send a test message and say what the receiver answered.")
    ] = False,
) -> None:
    """Show the messages to people that the receiver has not taken, and why, or send a test message."""
    from workers.cli.operations.notifications import send_test, show_waiting

    send_test() if test else show_waiting()


def version() -> None:
    """Print the version."""
    typer.echo(installed_version("meshstack-aws-connector"))


ALL = (
    apply,
    plan,
    status,
    retry,
    history,
    pause,
    resume,
    audit,
    backup,
    restore,
    rollout,
    cancel,
    delete,
    approve,
    decline,
    drift,
    unmanaged,
    api,
    sandbox,
    demo,
    validate,
    policies,
    doctor,
    notifications,
    version,
)
