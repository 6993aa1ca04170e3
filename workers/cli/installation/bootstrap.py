"""The command `bootstrap`: write what an AWS organization needs before the connector can work in it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.arns import AccountId, partition_of
from config.catalog import CatalogError, load_catalog
from tasks.bootstrap.blueprint import METERING_USER, SERVICE_USER, Account, Wanted, blueprint
from tasks.bootstrap.cloudformation import PROTECTED_UNITS, template
from tasks.bootstrap.files import Files, files, yaml
from tasks.bootstrap.instructions import DOCUMENTS
from tasks.bootstrap.sign_in import BY_TOKEN, SignIn, Way
from tasks.bootstrap.starter import Starter, key_files, secret_file, secret_files
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.deploy import Applying, apply, ask, remove, targets
from workers.cli.installation.rotate import RotatedUser, rotate
from workers.cli.output import print_json

SECRET_BYTES = 32


@dataclass(frozen=True)
class Options:
    """What the command line said."""

    directory: Path
    platform: str
    region: str
    management: str
    meshcloud: str
    automation: str | None
    email: str
    sign_in: str
    issuer: str | None
    subject: str | None
    audience: str
    access_role: str
    unit: str | None
    identity_store: str | None
    instance: str | None
    permission_sets: tuple[str, ...]
    metering: bool
    apply: bool = False
    profiles: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    sure: bool = False
    rotate: bool = False
    remove: bool = False


def write_bootstrap(options: Options, *, as_json: bool) -> None:
    """Write the directory; what a person goes on with stays as it is. Raises CommandFailed."""
    wanted, starter = _wanted(options), _starter(options)
    if options.rotate:
        _rotated(options, wanted, as_json=as_json)
        return
    if options.remove:
        _removed(options, wanted, as_json=as_json)
        return
    made = files(wanted, starter)
    _check(made)
    try:
        written, kept = _write(options.directory, made, secret_files(wanted))
    except OSError as error:
        message = f"{error.filename} cannot be written ({error.strerror}): choose another directory"
        raise CommandFailed(message, ExitCode.USAGE) from error
    missing = [
        f"{DOCUMENTS}/{name}" for name in key_files(wanted) if not (options.directory / DOCUMENTS / name).exists()
    ]
    changes = _applied(options, wanted) if options.apply else None
    if as_json:
        told = {"directory": str(options.directory), "written": written, "kept": kept, "missing": missing}
        print_json({**told, "changes": changes})
        return
    for what, names in (("written", written), ("kept", kept), ("to be added", missing)):
        print("\n".join(f"{what:<12}{options.directory / name}" for name in names), end="\n" if names else "")
    print(f"Go on with {options.directory / 'README.md'}.")


def _rotated(options: Options, wanted: Wanted, *, as_json: bool) -> None:
    """Take the next step of rotating the users' keys, and write nothing else."""
    if not wanted.sign_in.is_user:
        raise CommandFailed(f"--rotate-keys: with --sign-in {wanted.sign_in.way} there are no keys", ExitCode.USAGE)
    profile = _pairs("--profile", "account", options.profiles).get("meshcloud", "meshcloud")
    files = [options.directory / DOCUMENTS / name for name in key_files(wanted)]
    names = (SERVICE_USER, METERING_USER)[: len(files) // 2]
    users = [RotatedUser(name, *files[2 * i : 2 * i + 2]) for i, name in enumerate(names)]

    def allowed(question: str) -> None:
        if not options.sure:
            ask(question)

    done = rotate(users, profile, options.region, allowed)
    if as_json:
        print_json({"keys": done})
        return
    for each in done:
        print(f"{each['user']}: {each['move']}{' ' + each['key'] if each['key'] else ''}: {each['why']}")


def _removed(options: Options, wanted: Wanted, *, as_json: bool) -> None:
    """Delete what --apply made; the directory stays."""
    accounts = blueprint(wanted)
    applying = _applying(options, accounts)
    nothing: dict[str, dict[str, str | None]] = {account.key: {} for account in accounts}
    removed = remove(targets(accounts, dict.fromkeys(nothing, ""), nothing, applying), applying)
    if as_json:
        print_json({"removed": removed})
        return
    for each in removed:
        print(f"{each['account']}: {each['stack']} is deleted")
    print(f"{options.directory} stays as it is." if removed else "There is nothing to remove.")


def _applying(options: Options, accounts: Iterable[Account]) -> Applying:
    keys, profiles = [account.key for account in accounts], _pairs("--profile", "account", options.profiles)
    if unknown := sorted(profiles.keys() - set(keys)):
        message = f"--profile {unknown[0]}=…: there is no such account; known: {', '.join(keys)}"
        raise CommandFailed(message, ExitCode.USAGE)
    return Applying(options.region, {key: profiles.get(key, key) for key in keys}, options.sure)


def _applied(options: Options, wanted: Wanted) -> list[dict[str, Any]]:
    """Deploy the templates; returns the changes that were made."""
    accounts = blueprint(wanted)
    applying = _applying(options, accounts)
    parameters: dict[str, dict[str, str | None]] = {
        account.key: {
            each.name: (options.directory / DOCUMENTS / secret_file(each)).read_text(encoding="utf-8").strip()
            for each in account.external_ids
        }
        for account in accounts
    }
    parameters["management"][PROTECTED_UNITS] = ",".join(options.protected) or None
    bodies = {account.key: yaml(template(account)) for account in accounts}
    return apply(targets(accounts, bodies, parameters, applying), applying)


def _wanted(options: Options) -> Wanted:
    for option, account in (
        ("--management-account", options.management),
        ("--meshcloud-account", options.meshcloud),
        ("--automation-account", options.automation),
    ):
        if account is not None:
            _account(option, account)
    if (options.identity_store is None) != (options.instance is None):
        raise CommandFailed("--identity-store and --instance go together: Identity Center shows both", ExitCode.USAGE)
    return Wanted(
        management_account=options.management,
        meshcloud_account=options.meshcloud,
        automation_account=options.automation,
        sign_in=_sign_in(options),
        partition=partition_of(options.region),
        access_role=options.access_role,
        instance=options.instance,
        metering=options.metering,
    )


def _account(option: str, account: str) -> None:
    try:
        TypeAdapter(AccountId).validate_python(account)
    except ValidationError as error:
        raise CommandFailed(f"{option} {account} must be an AWS account id of 12 digits", ExitCode.USAGE) from error


def _sign_in(options: Options) -> SignIn:
    if options.sign_in not in set(Way):
        message = f"--sign-in {options.sign_in} is not one of {', '.join(Way)}"
        raise CommandFailed(message, ExitCode.USAGE)
    way = Way(options.sign_in)
    if way in BY_TOKEN and not (options.issuer and options.subject):
        message = f"--sign-in {way} needs --issuer and --subject: whose tokens AWS takes, and for whom"
        raise CommandFailed(message, ExitCode.USAGE)
    issuer = options.issuer.removeprefix("https://").rstrip("/") if options.issuer else None
    return SignIn(way, issuer, options.subject, options.audience)


def _starter(options: Options) -> Starter:
    name, _, location = options.platform.partition(".")
    if not name or not location:
        raise CommandFailed(f"--platform {options.platform} must be <platform>.<location>", ExitCode.USAGE)
    return Starter(
        name=name,
        location=location,
        region=options.region,
        email=options.email,
        unit=options.unit,
        identity_store=options.identity_store,
        permission_sets=_pairs("--permission-set", "project role", options.permission_sets),
    )


def _pairs(option: str, what: str, texts: Iterable[str]) -> Mapping[str, str]:
    found = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise CommandFailed(f"{option} {text} must be <{what}>=…", ExitCode.USAGE)
        found[name] = value
    return found


def _check(made: Files) -> None:
    """Read the documents as a worker would, before anything is written: AWS's rules stand in the configuration."""
    with TemporaryDirectory() as folder:
        for name, text in made.begun.items():
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8")
        try:
            load_catalog([Path(folder)], secrets=False)
        except CatalogError as error:
            wrong = "\n".join(str(mistake).replace(f"{folder}/", "") for mistake in error.mistakes)
            raise CommandFailed(f"the options make no valid documents:\n{wrong}", ExitCode.USAGE) from error


def _write(directory: Path, made: Files, external_ids: Iterable[str]) -> tuple[list[str], list[str]]:
    """Write what is to be written; returns what was, and what was left as it is."""
    secret = {f"{DOCUMENTS}/{name}": f"{secrets.token_urlsafe(SECRET_BYTES)}\n" for name in external_ids}
    once = {**made.begun, **secret}
    kept = [name for name in once if (directory / name).exists()]
    texts = made.made | {name: text for name, text in once.items() if name not in kept}
    for name, text in texts.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name in secret:
            path.parent.chmod(0o700)
            path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")
    return sorted(texts), sorted(kept)
