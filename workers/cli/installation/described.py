"""What an organization is like, as the options of `bootstrap` say it. A file in the directory keeps it.

So a later run, such as `aws-connector bootstrap aws-main --rotate-keys`, needs none of these options again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from config.arns import AccountId, partition_of
from tasks.bootstrap.blueprint import Wanted
from tasks.bootstrap.files import yaml
from tasks.bootstrap.sign_in import BY_TOKEN, SignIn, Way
from tasks.bootstrap.starter import Starter
from workers.cli.errors import CommandFailed, ExitCode

REMEMBERED = "bootstrap.yaml"
"""In the directory: the options of the last run that wrote it, by their names."""


@dataclass(frozen=True)
class Described:
    """One organization, in the words of the command line; each field is an option. Nothing in it is secret."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # of the file, which a person may edit

    management_account: str
    meshcloud_account: str
    account_email: str
    automation_account: str | None = None
    platform: str = "aws.main"
    region: str = "eu-central-1"
    sign_in: str = "pod-identity"
    issuer: str | None = None
    subject: str | None = None
    audience: str = "sts.amazonaws.com"
    access_role: str = "OrganizationAccountAccessRole"
    unit: str | None = None
    identity_store: str | None = None
    instance: str | None = None
    permission_set: list[str] | None = None
    metering: bool = True

    @property
    def text(self) -> str:
        """Write down what is not as it is by default, as the file of the directory."""
        said = {name: value for name, value in asdict(self).items() if value != _default(name)}
        what = "# What `aws-connector bootstrap` was told. An option that you give again replaces its line.\n"
        return what + yaml({_option(name): value for name, value in said.items()})

    def wanted(self) -> Wanted:
        """Return what is to be prepared. Raises CommandFailed."""
        for account in ("management_account", "meshcloud_account", "automation_account"):
            _check_account(account, getattr(self, account))
        if self.meshcloud_account == self.management_account:
            message = "--meshcloud-account must not be the management account: workers sign in elsewhere"
            raise CommandFailed(message, ExitCode.USAGE)
        if (self.identity_store is None) != (self.instance is None):
            message = "--identity-store and --instance go together: Identity Center shows both"
            raise CommandFailed(message, ExitCode.USAGE)
        return Wanted(
            platform=self.platform,
            management_account=self.management_account,
            meshcloud_account=self.meshcloud_account,
            automation_account=self.automation_account,
            sign_in=self._sign_in(),
            partition=partition_of(self.region),
            access_role=self.access_role,
            instance=self.instance,
            metering=self.metering,
        )

    def _sign_in(self) -> SignIn:
        if self.sign_in not in set(Way):
            raise CommandFailed(f"--sign-in {self.sign_in} is not one of {', '.join(Way)}", ExitCode.USAGE)
        way = Way(self.sign_in)
        if way in BY_TOKEN and not (self.issuer and self.subject):
            message = f"--sign-in {way} needs --issuer and --subject: whose tokens AWS takes, and for whom"
            raise CommandFailed(message, ExitCode.USAGE)
        issuer = self.issuer.removeprefix("https://").rstrip("/") if self.issuer else None
        return SignIn(way, issuer, self.subject, self.audience)

    def starter(self) -> Starter:
        """Return what the documents say besides. Raises CommandFailed."""
        name, _, location = self.platform.partition(".")
        if not name or not location:
            raise CommandFailed(f"--platform {self.platform} must be <platform>.<location>", ExitCode.USAGE)
        return Starter(
            name=name,
            location=location,
            region=self.region,
            email=self.account_email,
            unit=self.unit,
            identity_store=self.identity_store,
            permission_sets=pairs("--permission-set", "project role", self.permission_set or ()),
        )


def described(directory: Path, given: Mapping[str, Any]) -> Described:
    """Return what the directory remembers, with what was given now in its place. Raises CommandFailed.

    given  by field of Described; None: not given
    """
    file = directory / REMEMBERED
    said = {**_read(file), **{_option(name): value for name, value in given.items() if value is not None}}
    for each in fields(Described):
        if each.default is MISSING and _option(each.name) not in said:
            message = f"--{_option(each.name)} is needed: there is no {file} that remembers it"
            raise CommandFailed(message, ExitCode.USAGE)
    return _of(said, file)


def remembered(directory: Path) -> Described | None:
    """Return what the directory remembers; None: nothing. Raises CommandFailed."""
    file = directory / REMEMBERED
    return _of(_read(file), file) if file.exists() else None


def _of(said: Mapping[str, Any], file: Path) -> Described:
    try:
        return TypeAdapter(Described).validate_python({name.replace("-", "_"): value for name, value in said.items()})
    except ValidationError as error:
        wrong = [f"{_option(str(each['loc'][0]))}: {each['msg']}" for each in error.errors()]
        raise CommandFailed("\n".join([f"{file} cannot be used:", *wrong]), ExitCode.USAGE) from error


def _read(file: Path) -> dict[str, Any]:
    if not file.exists():
        return {}
    try:
        read = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise CommandFailed(f"{file} cannot be read: {error}", ExitCode.USAGE) from error
    if not isinstance(read, dict):
        raise CommandFailed(f"{file} must hold options, such as `region: eu-central-1`", ExitCode.USAGE)
    return {str(name): value for name, value in read.items()}


def pairs(option: str, what: str, texts: Iterable[str]) -> Mapping[str, str]:
    """Return what an option that is repeated says, each time as <what>=…. Raises CommandFailed."""
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise CommandFailed(f"{option} {text} must be <{what}>=…", ExitCode.USAGE)
        found[name] = value
    return found


def _check_account(field: str, account: str | None) -> None:
    if account is None:
        return
    try:
        TypeAdapter(AccountId).validate_python(account)
    except ValidationError as error:
        message = f"--{_option(field)} {account} must be an AWS account id of 12 digits"
        raise CommandFailed(message, ExitCode.USAGE) from error


def _option(field: str) -> str:
    return field.replace("_", "-")


def _default(field: str) -> Any:
    return next(each.default for each in fields(Described) if each.name == field)
