"""The face of commands around an installation: name, arguments, options, help. The rest is imported when it runs."""

# ruff: noqa: PLC0415  # so that --help and a wrong option answer at once: botocore, Celery and moto take seconds

from __future__ import annotations

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer

from workers.cli.errors import ExitCode
from workers.cli.options import Json

DISTRIBUTION = "meshstack-aws-connector"


def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Documents or directories; default: CONNECTOR_CONFIG_DIR."),
    ] = None,
    render: Annotated[
        Path | None,
        typer.Option(
            "--render", metavar="FILE", help="Also show what the tenants in this file would be called in AWS."
        ),
    ] = None,
    secrets: Annotated[
        bool,
        typer.Option("--secrets/--no-secrets", help="Also check that the secrets are there, as a worker needs them."),
    ] = True,
    as_json: Json = False,
) -> ExitCode:
    """Check platform and landing zone documents.

    Finds every mistake in one run. Nothing is started or sent. A pull request is checked with --no-secrets.
    """
    from workers.cli.installation.validate import check_documents

    return check_documents(paths or [], render, secrets=secrets, as_json=as_json)


def policies(
    platform: Annotated[
        str | None,
        typer.Option("--platform", metavar="PLATFORM", help="Fill in this <platform>.<location>; default: ${…}."),
    ] = None,
    optional: Annotated[
        bool, typer.Option("--with-optional/--without-optional", help="With the statements that may be left out.")
    ] = True,
    external_ids: Annotated[
        bool, typer.Option("--external-ids", help="Fill in the platform's external ids too. They are secret.")
    ] = False,
    partition: Annotated[
        str,
        typer.Option("--partition", metavar="NAME", help="Without a platform: aws, aws-cn or aws-us-gov."),
    ] = "aws",
    units: Annotated[
        bool, typer.Option("--only-landing-zone-units", help="Allow moves into the landing zones' OUs only.")
    ] = False,
    guard_rail: Annotated[
        bool, typer.Option("--guard-rail", help="Print the service control policy that protects the roles instead.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print the IAM policies that the connector needs.

    For each account, with trust policies, and not more than the connector calls. --platform reads CONNECTOR_CONFIG_DIR.
    """
    from workers.cli.installation.policies import Wanted, show_guard_rail, show_policies

    wanted = Wanted(platform, partition, external_ids, optional, units)
    if guard_rail:
        show_guard_rail(wanted)
    else:
        show_policies(wanted, as_json=as_json)


def bootstrap(
    directory: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Where the files go.")],
    management_account: Annotated[
        str | None, typer.Option("--management-account", metavar="ID", help="12 digits. Needed in the first run.")
    ] = None,
    meshcloud_account: Annotated[
        str | None,
        typer.Option(
            "--meshcloud-account",
            metavar="ID",
            help="The account where the workers have their identity. Needed in the first run.",
        ),
    ] = None,
    account_email: Annotated[
        str | None,
        typer.Option(
            "--account-email",
            metavar="PATTERN",
            help="aws+#{workspaceIdentifier}.#{projectIdentifier}@…. Needed in the first run.",
        ),
    ] = None,
    automation_account: Annotated[
        str | None,
        typer.Option("--automation-account", metavar="ID", help="Owns StackSets and Lambda functions; default: none."),
    ] = None,
    platform: Annotated[
        str | None,
        typer.Option(
            "--platform", metavar="PLATFORM", help="<platform>.<location>, as in meshStack; default: aws.main."
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="REGION", help="Where Identity Center is; default: eu-central-1."),
    ] = None,
    sign_in: Annotated[
        str | None,
        typer.Option(
            "--sign-in",
            metavar="WAY",
            help="pod-identity, irsa, ecs, ec2, oidc, or user (stores a key); default: pod-identity.",
        ),
    ] = None,
    issuer: Annotated[
        str | None,
        typer.Option("--issuer", metavar="URL", help="With irsa and oidc: the issuer of the workers' tokens."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(
            "--subject",
            metavar="TEXT",
            help="With irsa and oidc: whose tokens, system:serviceaccount:<namespace>:<name>.",
        ),
    ] = None,
    audience: Annotated[
        str | None,
        typer.Option(
            "--audience",
            metavar="TEXT",
            help="With irsa and oidc: the audience of the tokens; default: sts.amazonaws.com.",
        ),
    ] = None,
    access_role: Annotated[
        str | None,
        typer.Option(
            "--access-role",
            metavar="NAME",
            help="The role that AWS creates in every new account; default: OrganizationAccountAccessRole.",
        ),
    ] = None,
    unit: Annotated[
        str | None, typer.Option("--unit", metavar="OU", help="The OU for new accounts; default: the root.")
    ] = None,
    identity_store: Annotated[
        str | None,
        typer.Option("--identity-store", metavar="ID", help="The id of Identity Center's identity store: d-…."),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance", metavar="ARN", help="The ARN of the Identity Center instance: arn:aws:sso:::instance/…."
        ),
    ] = None,
    permission_set: Annotated[
        list[str] | None,
        typer.Option(
            "--permission-set",
            metavar="ROLE=ARN",
            help="The permission set for a project role. Repeat the option for more.",
        ),
    ] = None,
    metering: Annotated[
        bool | None, typer.Option("--metering/--no-metering", help="Prepare for reading costs; default: yes.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Also deploy the templates. Shows what would change, and asks.")
    ] = False,
    profile: Annotated[
        list[str] | None,
        typer.Option(
            "--profile",
            metavar="ACCOUNT=NAME",
            help="Your AWS profile for meshcloud, management or automation; default: the profile of that name.",
        ),
    ] = None,
    protect: Annotated[
        list[str] | None,
        typer.Option(
            "--protect",
            metavar="OU",
            help="With --apply: attach the service control policy to this OU. Repeat the option for more.",
        ),
    ] = None,
    rotate_keys: Annotated[
        bool,
        typer.Option(
            "--rotate-keys",
            help="With --sign-in user: take the next step of rotating the access keys, and nothing else.",
        ),
    ] = False,
    remove: Annotated[
        bool, typer.Option("--remove", help="Delete what --apply created, and nothing else. The directory stays.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> ExitCode:
    """Write what an AWS organization needs for the connector.

    Writes CloudFormation templates and OpenTofu files for each account, and a matching platform document. Calls AWS
    only with --apply, --rotate-keys or --remove, and with your own AWS profiles. The directory remembers the options,
    so you need not repeat them.
    """
    from workers.cli.installation.bootstrap import Asked, run_bootstrap

    given = {
        "management_account": management_account,
        "meshcloud_account": meshcloud_account,
        "automation_account": automation_account,
        "account_email": account_email,
        "platform": platform,
        "region": region,
        "sign_in": sign_in,
        "issuer": issuer,
        "subject": subject,
        "audience": audience,
        "access_role": access_role,
        "unit": unit,
        "identity_store": identity_store,
        "instance": instance,
        "permission_set": permission_set or None,
        "metering": metering,
    }
    asked = Asked(
        directory=directory,
        apply=apply,
        profiles=tuple(profile or ()),
        protected=tuple(protect or ()),
        sure=yes,
        rotate_keys=rotate_keys,
        remove=remove,
    )
    return run_bootstrap(asked, given, as_json=as_json)


def api() -> None:
    """Run the API in the foreground.

    Set the address with CONNECTOR_API_HOST and CONNECTOR_API_PORT.
    """
    from workers.cli.installation.api import run_api

    run_api()


def sandbox(
    env_file: Annotated[
        Path | None,
        typer.Option("--env-file", metavar="FILE", help="Also write the environment to this file, e.g. .env."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="NAME=VALUE", help="How the simulated AWS behaves, e.g. creation_seconds=20."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run an embedded Redis and a simulated AWS, until Ctrl-C.

    Prints the environment to export.
    """
    from workers.cli.installation.sandbox import run_sandbox

    run_sandbox(env_file, option or [], as_json=as_json)


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Stay after the demo, with Flower, until Ctrl-C.")] = False,
    tenants: Annotated[
        Path | None, typer.Option("--tenants", metavar="FILE", help="Order these instead of the 12 examples.")
    ] = None,
) -> ExitCode:
    """Try everything on this machine with 12 example tenants.

    Starts a sandbox, the API, two workers and beat, shows what became of the tenants, and leaves no trace.
    """
    from workers.demo.run import run_demo

    return run_demo(keep=keep, tenants=tenants)


def version(as_json: Json = False) -> None:
    """Print the version."""
    installed = installed_version(DISTRIBUTION)
    if not as_json:
        typer.echo(installed)
        return
    from workers.cli.output import print_json

    print_json({"version": installed})


COMMANDS = (validate, policies, bootstrap, api, sandbox, demo, version)
