"""The command `runner register`: give meshStack the public key of this runner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from config.environment import SettingsError
from config.settings import Settings
from tasks.meshstack.objects import Objects
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import print_json, print_line, stdout_console
from workers.cli.runner.meshstack import meshstack_objects, own_settings
from workers.runner.process import private_key

KIND = "meshBuildingBlockRunner"
VERSION = "v1-preview"
IMPLEMENTATION = "TERRAFORM"  # the only one whose outputs are its own, and that can be gated and scheduled


AUDIENCE = "sts.amazonaws.com"
TOKEN_PATH = "/var/run/secrets/workload-identity/aws/token"  # noqa: S105  # where meshStack's own runners have it


@dataclass(frozen=True)
class Identity:
    """The workload identity of the runner, which AWS may be told to trust."""

    issuer: str
    subject: str

    def document(self) -> dict[str, Any]:
        """Write it as meshStack keeps it."""
        return {"issuer": self.issuer, "subject": self.subject, "aws": {"audience": AUDIENCE, "tokenPath": TOKEN_PATH}}


def register(name: str, identity: Identity | None, *, as_json: bool) -> None:
    """Put the public key into the runner's object in meshStack, or create the runner. Raises CommandFailed."""
    settings = own_settings()
    public = public_key(settings)
    ours = {"publicKey": public} | ({} if identity is None else {"workloadIdentityFederation": identity.document()})
    with meshstack_objects(settings) as objects:
        if settings.runner_uuid is None:
            uuid = _created(objects, name, ours)
        else:
            uuid = settings.runner_uuid
            objects.put_runner(uuid, _with(objects.runner(uuid), ours))
    created = settings.runner_uuid is None
    if as_json:
        print_json({"runnerUuid": uuid, "created": created, "publicKey": public})
        return
    said = f"CONNECTOR_RUNNER_UUID={uuid}" if created else f"meshStack has the public key of runner {uuid}."
    print_line(stdout_console(), said)


def public_key(settings: Settings) -> str:
    """Return the public half of the runner's key. Raises CommandFailed when there is no key."""
    try:
        key = private_key(settings)
    except SettingsError as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    if key is None:
        message = "there is no key: set CONNECTOR_RUNNER_PRIVATE_KEY_FILE and run 'aws-connector runner keygen'"
        raise CommandFailed(message, ExitCode.MISTAKES)
    return key.public_pem()


def _created(objects: Objects, name: str, ours: dict[str, Any]) -> str:
    spec = {"displayName": name, "implementationType": IMPLEMENTATION, "restriction": "PRIVATE", **ours}
    made = objects.create_runner({"apiVersion": VERSION, "kind": KIND, "metadata": {}, "spec": spec})
    return str(made["metadata"]["uuid"])


def _with(found: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    """Return the runner as meshStack has it, with what is ours; what only meshStack writes is left out."""
    kept = {name: value for name, value in found.items() if name in ("apiVersion", "kind", "metadata")}
    spec = {name: value for name, value in found.get("spec", {}).items() if name != "isSelfHosted"}
    return {"apiVersion": VERSION, "kind": KIND, **kept, "spec": {**spec, **ours}}
