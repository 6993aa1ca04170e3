"""The command `sandbox`: an embedded Redis-protocol server, the AWS simulator and a small meshStack in the foreground.

Its environment is printed as `export NAME=value`, and written as NAME=value for tools that read `.env` files.
"""

from __future__ import annotations

import json
import secrets
import shlex
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2
from pydantic import ValidationError

from config.api_token import ApiToken
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.installation.env_file import check_free, remove, write
from workers.cli.output import print_json_line
from workers.demo.supervisor import LOOK_SECONDS, interruptible, noticed
from workers.examples import EXAMPLES
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient, SimulatorError, running_simulator
from workers.sandbox.installed import SandboxMissing, check_installed
from workers.sandbox.redis import EmbeddedRedis, EmbeddedRedisError

CHECK_SECONDS = 1.0  # between two looks whether the simulator still answers


def run_sandbox(env_file: Path | None, options: Sequence[str], *, as_json: bool) -> None:
    """Run until Ctrl-C; `options` are NAME=VALUE of SimulatorOptions."""
    chosen = parse_options(options)
    if env_file is not None:
        check_free(env_file)
    try:
        check_installed()
        from workers.sandbox.meshstack.app import standing_in  # noqa: PLC0415 (its packages come with the sandbox)

        with (
            interruptible(),
            EmbeddedRedis() as redis,
            running_simulator(chosen) as simulator,
            standing_in() as (meshstack, url),
            TemporaryDirectory(prefix="sandbox-") as directory,
        ):
            environment = {**sandbox_environment(simulator.url, redis.url), **meshstack.environment(url)}
            if chosen.get("empty_organization"):
                environment = administrators(environment, Path(directory))
            _print(environment, as_json=as_json)
            if not as_json:
                print(f"# seed {simulator.options()['seed']}: --option seed=… gives the same lags again", flush=True)
            _serve(environment, env_file, simulator)
    except (SandboxMissing, EmbeddedRedisError, SimulatorError) as error:
        raise CommandFailed(str(error), ExitCode.MISTAKES) from error


def sandbox_environment(simulator_url: str, redis_url: str) -> dict[str, str]:
    """Give the environment in which every process of the connector uses the sandbox; the API token is drawn here."""
    token = secrets.token_urlsafe(24)
    entry = ApiToken.of("sandbox", "admin", token)
    return {
        **organization.environment(simulator_url, redis_url),
        "CONNECTOR_CONFIG_DIR": str(EXAMPLES / "config"),
        "CONNECTOR_API_TOKENS": entry.entry,
        "CONNECTOR_TOKEN": token,
        "FLOWER_BASIC_AUTH": f"sandbox:{token}",
        "CONNECTOR_POLL_SECONDS": "0.5",  # the simulated AWS is quicker than AWS
    }


def administrators(environment: Mapping[str, str], directory: Path) -> dict[str, str]:
    """Return the environment of who begins with an empty organization: there are no documents and no users yet."""
    begun = ("SANDBOX_", "CONNECTOR_CONFIG_DIR")
    kept = {name: text for name, text in environment.items() if not name.startswith(begun)}
    return {**kept, **organization.administration(environment["AWS_ENDPOINT_URL"], directory)}


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """Read NAME=VALUE, the value as JSON where it is JSON. Raises CommandFailed that names the option."""
    pairs = [option.partition("=") for option in options]
    try:
        return SimulatorOptions.model_validate({name: _value(text) for name, _, text in pairs}).model_dump(
            mode="json", exclude_unset=True
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name, known = ".".join(map(str, first["loc"])), ", ".join(SimulatorOptions.model_fields)
        unknown = f"--option {name!r} is not known; use one of {known}"
        wrong = f"--option {name}={first['input']} is not possible: {first['msg']}"
        raise CommandFailed(unknown if first["type"] == "extra_forbidden" else wrong, ExitCode.USAGE) from error


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _print(environment: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        print_json_line(environment)
        return
    for name, value in environment.items():
        print(f"export {name}={shlex.quote(value)}", flush=True)


def _serve(environment: Mapping[str, str], env_file: Path | None, simulator: SimulatorClient) -> None:
    try:
        with noticed() as signals:
            if env_file is not None:
                write(env_file, environment)
            checked = 0.0
            while not signals:
                if time.monotonic() - checked > CHECK_SECONDS:
                    simulator.mark()
                    checked = time.monotonic()
                time.sleep(LOOK_SECONDS)
        raise KeyboardInterrupt
    except httpx2.HTTPError as error:
        raise CommandFailed(f"the simulator has ended ({error}): start the sandbox again", ExitCode.MISTAKES) from error
    finally:
        if env_file is not None:
            remove(env_file)
