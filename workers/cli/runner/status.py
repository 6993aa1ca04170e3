"""The command `runner status`: the runs in flight, who works on them, and whether meshStack fits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from redis import RedisError

from config.settings import Settings
from tasks.connector import make_store
from tasks.meshstack.sealed import same_key
from tasks.state.runs import AWAKE
from tasks.state.store import Store
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.output import facts, print_json, print_line, show, stdout_console, table
from workers.cli.runner.meshstack import meshstack_objects, own_settings
from workers.cli.runner.register import public_key
from workers.runner.record import RunRecord

COLUMNS = ("run", "behavior", "tenant", "stage", "claimed", "runner")


def show_status(*, as_json: bool) -> None:
    """Show what the runners do. Raises CommandFailed when Redis or meshStack cannot be reached."""
    settings = own_settings()
    try:
        store = make_store(settings)
        found = {"runners": store.runs.runners(AWAKE), "runs": list(_runs(store))}
    except RedisError as error:
        raise CommandFailed(f"Redis cannot be reached: {error}", ExitCode.UNREACHABLE) from error
    found |= {"meshStack": _meshstack(settings)}
    if as_json:
        print_json(found)
    else:
        _show(found)


def _runs(store: Store) -> Iterator[dict[str, Any]]:
    for held in store.runs.open():
        record = RunRecord.model_validate_json(held.record)
        yield {
            "run": record.uuid,
            "behavior": record.behavior,
            "tenant": str(record.wanted.tenant) if record.wanted else None,
            "stage": record.stage,
            "replicationId": record.replication,
            "claimedAt": record.claimed_at.isoformat(),
            "runner": held.holder if held.left > timedelta() else None,
        }


def _meshstack(settings: Settings) -> dict[str, Any]:
    if settings.runner_uuid is None:
        raise CommandFailed("CONNECTOR_RUNNER_UUID is not set: run 'aws-connector runner register'", ExitCode.MISTAKES)
    with meshstack_objects(settings) as objects:
        runner = objects.runner(settings.runner_uuid)
    has_key = settings.runner_private_key_file is not None
    registered = str(runner.get("spec", {}).get("publicKey", ""))
    return {
        "url": settings.meshstack_url,
        "runnerUuid": settings.runner_uuid,
        "displayName": runner.get("spec", {}).get("displayName"),
        "lastSeen": runner.get("metadata", {}).get("lastSeen"),
        "workloadIdentity": runner.get("spec", {}).get("workloadIdentityFederation"),
        "keyFits": same_key(registered, public_key(settings)) if has_key else None,
    }


def _identity(found: dict[str, Any] | None) -> str:
    if not found:
        return "none registered"
    return f"{found.get('subject')}, issued by {found.get('issuer')}"


def _show(found: dict[str, Any]) -> None:
    console, meshstack = stdout_console(), found["meshStack"]
    fits = {True: "fits", False: "does not fit: run 'aws-connector runner register'", None: "none set"}
    rows = [
        ("meshStack", meshstack["url"]),
        ("runner", f"{meshstack['runnerUuid']} ({meshstack['displayName']})"),
        ("last seen there", meshstack["lastSeen"] or "unknown"),
        ("private key", fits[meshstack["keyFits"]]),
        ("workload identity", _identity(meshstack["workloadIdentity"])),
        ("processes", ", ".join(found["runners"]) or "none"),
    ]
    show(console, facts(rows))
    if not found["runs"]:
        print_line(console, "No runs in flight.")
        return
    fields = ("run", "behavior", "tenant", "stage", "claimedAt", "runner")
    cells = [[each[name] or "" for name in fields] for each in found["runs"]]
    show(console, table(COLUMNS, cells, least=("claimed", "runner")))
