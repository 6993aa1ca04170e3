"""How `bootstrap --apply` ends: the doctor looks at what was made, as the workers will sign in."""

from __future__ import annotations

import time
from pathlib import Path

from config.catalog import CatalogError
from config.environment import SettingsError, load_settings
from config.log import register_secrets
from config.platform import CredentialAuth
from tasks.connector import make_connector
from tasks.doctor.credentials import signed_in
from tasks.doctor.examination import BEFOREHAND, examine
from tasks.doctor.finding import Finding, Level
from tasks.doctor.patient import Patient, patient
from tasks.errors import StepError
from tasks.secret_stores.stores import SecretStores
from tasks.worker import Worker
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.targets import say
from workers.cli.slow import saying

PATIENCE_SECONDS = 90.0  # AWS shows a new role, policy or key everywhere "within seconds". Source: IAM troubleshooting
LOOK_SECONDS = 3.0
MAYBE_LATE = "AccessDenied"
"""With this AWS refuses a role that may be known soon. All else says that this machine has no such identity."""


def examined(documents: Path, platform: str, *, is_new: bool) -> list[Finding] | None:
    """Return what the doctor finds beforehand; None: this machine cannot sign in as the workers do.

    documents  the directory of the connector's documents
    is_new     something was made a moment ago, so an error may only mean that AWS does not show it yet
    Raises CommandFailed.
    """
    worker = _worker(documents)
    ends = time.monotonic() + (PATIENCE_SECONDS if is_new else 0)
    told = False
    while True:
        looked_at = patient(worker, worker.catalog.platforms[platform])
        if not _signs_in(looked_at):
            return None
        with saying("the doctor waits for an answer"):
            findings = list(examine(looked_at, BEFOREHAND))
        errors = [finding for finding in findings if finding.level is Level.ERROR]
        if not errors or time.monotonic() >= ends:
            return findings
        if not told:
            say(f"AWS may not show everything yet: looking again for up to {PATIENCE_SECONDS:.0f} s because of")
            for finding in errors:  # who sees their own mistake here need not wait
                say(f"  {finding.check}: {finding.message}")
            told = True
        time.sleep(LOOK_SECONDS)


def _worker(documents: Path) -> Worker:
    """Return a worker with these documents and their secrets, whatever directory the environment names."""
    try:
        settings = load_settings().model_copy(update={"config_dir": documents})
        worker = Worker.of(make_connector(settings, secrets=True, look_up=SecretStores().look_up))
    except (CatalogError, SettingsError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error
    register_secrets(worker.secrets)
    return worker


def _signs_in(looked_at: Patient) -> bool:
    """Tell whether this machine is whom the platform document means, as far as AWS tells. Users may be anywhere."""
    auth = looked_at.platform.auth
    if isinstance(auth, CredentialAuth):
        return True
    try:
        caller = looked_at.aws.user_identity.whoami()
    except StepError as failure:
        return failure.code == MAYBE_LATE
    return signed_in(auth, caller.arn).level is Level.OK
