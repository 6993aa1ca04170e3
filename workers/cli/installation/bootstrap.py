"""The command `bootstrap`: write what an AWS organization needs before the connector can work in it."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config.catalog import Catalog, CatalogError, load_catalog
from tasks.bootstrap.blueprint import METERING_USER, SERVICE_USER, Account, Wanted, blueprint, fitted
from tasks.bootstrap.cloudformation import PROTECTED_UNITS, template
from tasks.bootstrap.files import files, yaml
from tasks.bootstrap.instructions import DOCUMENTS
from tasks.bootstrap.starter import SECRETS, key_files, secret_file, secret_files
from tasks.doctor.finding import Finding, Level
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.check import examined
from workers.cli.installation.deploy import apply
from workers.cli.installation.described import REMEMBERED, Described, described, pairs, remembered
from workers.cli.installation.key_pair import KeyPair
from workers.cli.installation.removal import remove
from workers.cli.installation.rotate import RotatedUser, first_keys, forget, rotate
from workers.cli.installation.targets import Applying, ask, check_account, targets
from workers.cli.installation.whole_files import alone_in, secret_mode, write_whole
from workers.cli.operations.doctor import plain, show_finding
from workers.cli.output import print_json

SECRET_BYTES = 32


@dataclass(frozen=True)
class Asked:
    """What is to be done, and where."""

    directory: Path
    apply: bool = False
    profiles: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()
    sure: bool = False
    rotate_keys: bool = False
    remove: bool = False

    @property
    def documents(self) -> Path:
        """Where the connector's documents stand."""
        return self.directory / DOCUMENTS


@dataclass(frozen=True)
class Applied:
    """What --apply has done, and what the doctor says of it."""

    changes: list[dict[str, Any]]
    keys: list[dict[str, Any]]
    findings: list[Finding] | None  # None: this machine cannot sign in as the workers do

    @property
    def code(self) -> ExitCode:
        """How the command ends."""
        wrong = any(finding.level is Level.ERROR for finding in self.findings or ())
        return ExitCode.MISTAKES if wrong else ExitCode.DONE


def run_bootstrap(asked: Asked, given: Mapping[str, Any], *, as_json: bool) -> ExitCode:
    """Do what was asked; what a person goes on with stays as it is. Raises CommandFailed.

    given  the options that describe the organization, by field of Described; None: not given
    """
    chosen = [name for name in ("apply", "rotate_keys", "remove") if getattr(asked, name)]
    if len(chosen) > 1:
        both = " and ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise CommandFailed(f"{both}: choose one", ExitCode.USAGE)
    found = described(asked.directory, given)
    if asked.rotate_keys or asked.remove:
        with alone_in(asked.directory) if asked.directory.exists() else nullcontext():
            (_rotated if asked.rotate_keys else _removed)(asked, found, as_json=as_json)
        return ExitCode.DONE
    begun = _to_begin(asked, found)
    wanted = _fitted(asked, found, begun)
    told = _written(asked, wanted, found, begun)
    if not as_json:
        _show_files(asked, told)
    done = None
    if asked.apply:
        with alone_in(asked.directory):
            done = _applied(asked, wanted, found)
    if as_json:
        print_json({**told, **_plain(done)})
    else:
        _show_end(asked, found, done)
    return ExitCode.DONE if done is None else done.code


def _to_begin(asked: Asked, found: Described) -> dict[str, str]:
    """Return the documents to write: those that are not there, or that nobody has changed since they were written."""
    before = remembered(asked.directory)
    written = {} if before is None else files(before.wanted(), before.starter()).begun

    def untouched(name: str) -> bool:
        path = asked.directory / name
        return not path.exists() or path.read_text(encoding="utf-8") == written.get(name)

    return {name: text for name, text in files(found.wanted(), found.starter()).begun.items() if untouched(name)}


def _fitted(asked: Asked, found: Described, begun: Mapping[str, str]) -> Wanted:
    """Return what is wanted, with what somebody has added to the documents since. They are read as a worker would."""
    with TemporaryDirectory() as folder:
        place = Path(folder, DOCUMENTS)
        if asked.documents.is_dir():
            shutil.copytree(asked.documents, place, ignore=shutil.ignore_patterns(SECRETS))
        for name, text in begun.items():
            write_whole(Path(folder) / name, text)
        platform = _catalog(place).platforms.get(found.platform)
    if platform is None:
        message = f"{asked.documents} describes no platform {found.platform}: correct it, or say --platform"
        raise CommandFailed(message, ExitCode.USAGE)
    return fitted(found.wanted(), platform)


def _catalog(folder: Path) -> Catalog:
    try:
        return load_catalog([folder], secrets=False)
    except CatalogError as error:
        wrong = "\n".join(str(mistake).replace(f"{folder}/", "") for mistake in error.mistakes)
        raise CommandFailed(f"the documents would not be valid:\n{wrong}", ExitCode.USAGE) from error


def _written(asked: Asked, wanted: Wanted, found: Described, begun: Mapping[str, str]) -> dict[str, Any]:
    """Write the directory; tells what was written, kept, and is missing."""
    made = files(wanted, found.starter())
    own = [*made.begun, *(f"{DOCUMENTS}/{name}" for name in secret_files(wanted))]
    kept = [name for name in own if (asked.directory / name).exists() and name not in begun]
    secret = {name: f"{secrets.token_urlsafe(SECRET_BYTES)}\n" for name in own if name not in (*kept, *begun)}
    texts = {**made.made, **begun, REMEMBERED: found.text}
    try:
        for name, text in texts.items():
            write_whole(asked.directory / name, text)
        for name, text in secret.items():
            _write_secret(asked.directory / name, text)
    except OSError as error:
        message = f"{error.filename} cannot be written ({error.strerror}): choose another directory"
        raise CommandFailed(message, ExitCode.USAGE) from error
    missing = [f"{DOCUMENTS}/{name}" for name in key_files(wanted) if not (asked.documents / name).exists()]
    done = {"written": sorted([*texts, *secret]), "kept": sorted(kept), "missing": missing}
    return {"directory": str(asked.directory), **done}


def _write_secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(path, text, secret_mode(path.parent))


def _show_files(asked: Asked, told: Mapping[str, Any]) -> None:
    missing = () if asked.apply else told["missing"]  # it makes them
    for what, names in (("written", told["written"]), ("kept", told["kept"]), ("to be added", missing)):
        print("\n".join(f"{what:<12}{asked.directory / name}" for name in names), end="\n" if names else "")


def _show_end(asked: Asked, found: Described, done: Applied | None) -> None:
    if done is None:
        print(f"Go on with {asked.directory / 'README.md'}.")
        return
    for each in done.keys:
        print(f"{each['user']}: {each['move']} {each['key']}")
    if done.findings is None:
        print("This machine does not sign in as the workers do. Where one runs, check everything: aws-connector doctor")
        return
    print(found.platform)
    for finding in done.findings:
        show_finding(finding)


def _plain(done: Applied | None) -> dict[str, Any]:
    if done is None:
        return {"changes": None, "keys": None, "findings": None}
    findings = None if done.findings is None else plain(done.findings)
    return {"changes": done.changes, "keys": done.keys, "findings": findings}


def _rotated(asked: Asked, found: Described, *, as_json: bool) -> None:
    """Take the next step of rotating the users' keys, and write nothing else."""
    wanted = found.wanted()
    if not wanted.sign_in.is_user:
        raise CommandFailed(f"--rotate-keys: with --sign-in {wanted.sign_in.way} there are no keys", ExitCode.USAGE)

    def allowed(question: str) -> None:
        if not asked.sure:
            ask(question)

    accounts = blueprint(wanted)
    applying = _applying(asked, accounts, found.region)
    for account in accounts:
        if account.users:
            check_account(account, applying)
    done = rotate(_users(asked, wanted), applying, allowed)
    if as_json:
        print_json({"keys": done})
        return
    for each in done:
        print(f"{each['user']}: {each['move']}{' ' + each['key'] if each['key'] else ''}: {each['why']}")


def _users(asked: Asked, wanted: Wanted) -> list[RotatedUser]:
    """Return the users with the files of their keys; none where workers run as a role."""
    paths = [asked.documents / name for name in key_files(wanted)]
    names = (SERVICE_USER, METERING_USER)[: len(paths) // 2]
    return [RotatedUser(name, wanted.platform, KeyPair(*paths[2 * i : 2 * i + 2])) for i, name in enumerate(names)]


def _removed(asked: Asked, found: Described, *, as_json: bool) -> None:
    """Delete what --apply made; the directory stays, without the files of keys that are gone."""
    wanted = found.wanted()
    accounts, users = blueprint(wanted), _users(asked, wanted)
    applying = _applying(asked, accounts, found.region)
    nothing: dict[str, dict[str, str | None]] = {account.key: {} for account in accounts}
    there = targets(accounts, dict.fromkeys(nothing, ""), nothing, applying)
    removed = remove(there, applying, lambda key: forget(users, key))
    if as_json:
        print_json({"removed": removed})
        return
    for each in removed:
        print(f"{each['account']}: {each['stack']} is deleted")
    print(
        f"{asked.directory} stays; delete it if you do not need it any more."
        if removed
        else "There is nothing to remove."
    )


def _applying(asked: Asked, accounts: Iterable[Account], region: str) -> Applying:
    keys, profiles = [account.key for account in accounts], pairs("--profile", "account", asked.profiles)
    if unknown := sorted(profiles.keys() - set(keys)):
        message = f"--profile {unknown[0]}=…: there is no such account; known: {', '.join(keys)}"
        raise CommandFailed(message, ExitCode.USAGE)
    return Applying(region, {key: profiles.get(key, key) for key in keys}, asked.sure)


def _applied(asked: Asked, wanted: Wanted, found: Described) -> Applied:
    """Deploy the templates, make keys where there are none yet, and have the doctor look at all of it."""
    accounts = blueprint(wanted)
    applying = _applying(asked, accounts, found.region)
    parameters: dict[str, dict[str, str | None]] = {
        account.key: {
            each.name: (asked.documents / secret_file(each)).read_text(encoding="utf-8").strip()
            for each in account.external_ids
        }
        for account in accounts
    }
    parameters["management"][PROTECTED_UNITS] = ",".join(asked.protected) or None
    bodies = {account.key: yaml(template(account)) for account in accounts}
    changes = apply(targets(accounts, bodies, parameters, applying), applying)
    keys = first_keys(_users(asked, wanted), applying)
    if missing := [name for name in key_files(wanted) if not (asked.documents / name).exists()]:
        message = f"the users have keys already, but {asked.documents / missing[0]} does not exist"
        raise CommandFailed(f"{message}: put it there, or make new keys with --rotate-keys", ExitCode.MISTAKES)
    findings = examined(asked.documents, found.platform, is_new=bool(changes or keys))
    return Applied(changes, keys, findings)
