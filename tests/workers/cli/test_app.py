"""What needs no connector: help, version, wrong usage, completion, documents."""

from __future__ import annotations

import json
import socket
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.support.command import run_module
from tests.workers.cli.fake_api import FakeApi
from tests.workers.cli.running import COMMAND, RunHere, clean_environment, run
from workers.examples import EXAMPLES
from workers.sandbox import organization


@pytest.mark.parametrize("command", ["apply", "status", "retry", "cancel", "validate", "demo", "sandbox", "api"])
def test_help_names_the_exit_codes(run_here: RunHere, command: str) -> None:
    done = run_here(command, "--help")
    assert done.returncode == 0
    assert "130 Ctrl-C" in " ".join(done.stdout.split())
    assert run_here(command, "-h") == done


def test_help_lists_every_command_with_a_whole_sentence(run_here: RunHere) -> None:
    listed = run_here("--help").stdout.partition("Commands:")[2].partition("Exit codes")[0]
    for command in ("apply", "status", "retry", "cancel", "api", "sandbox", "demo", "validate", "version"):
        assert f"  {command} " in listed
    assert "..." not in listed


def test_without_a_command_the_help_goes_to_stderr(run_here: RunHere) -> None:
    done = run_here()
    assert (done.returncode, done.stdout) == (64, "")
    assert done.stderr == run_here("--help").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("apply",),
        ("status", "--nonsense"),
        ("--nonsense",),
        ("status", "no-tenant"),
        ("retry", "a..b.c"),
        ("cancel", "."),
    ],
)
def test_wrong_usage_has_a_code_of_its_own(run_here: RunHere, arguments: tuple[str, ...]) -> None:
    done = run_here(*arguments, environment=clean_environment(CONNECTOR_TOKEN="x"))
    assert (done.returncode, done.stdout) == (64, "")
    assert len(done.stderr.splitlines()) == 1


def test_the_shell_can_complete_commands() -> None:
    done = run(
        environment=clean_environment(
            _AWS_CONNECTOR_COMPLETE="complete_bash", COMP_WORDS="aws-connector val", COMP_CWORD="1"
        )
    )
    assert done.stdout.split() == ["validate"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="stands for a disk that is full")
@pytest.mark.parametrize("arguments", [("version",), ("policies", "--json")])
def test_a_full_disk_is_a_sentence(arguments: tuple[str, ...]) -> None:
    done = run_module([COMMAND[-1], *arguments], clean_environment(), stdout=Path("/dev/full"))
    assert (done.returncode, done.stderr) == (
        1,
        "aws-connector: the output cannot be written: No space left on device\n",
    )


@pytest.mark.parametrize("arguments", [("--version",), ("version",)])
def test_version(run_here: RunHere, arguments: tuple[str, ...]) -> None:
    done = run_here(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{version('meshstack-aws-connector')}\n", "")


def test_the_version_as_json(run_here: RunHere) -> None:
    assert json.loads(run_here("version", "--json").stdout) == {"version": version("meshstack-aws-connector")}


def sandbox_environment() -> dict[str, str]:
    offered = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:1")
    return clean_environment(**offered)


def test_validate_the_examples(run_here: RunHere) -> None:
    done = run_here("validate", str(EXAMPLES / "config"), environment=sandbox_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert "platforms: aws-scim.sandbox, aws.sandbox" in done.stdout
    assert "landing zones: development, development-scim, production" in done.stdout


def test_validate_by_the_environment_alone(run_here: RunHere) -> None:
    environment = {**sandbox_environment(), "CONNECTOR_CONFIG_DIR": str(EXAMPLES / "config")}
    assert run_here("validate", environment=environment).returncode == 0


def test_validate_names_file_field_value_and_remedy(run_here: RunHere, tmp_path: Path) -> None:
    text = (EXAMPLES / "config" / "platform.yaml").read_text()
    (tmp_path / "platform.yaml").write_text(text.replace("accountEmailPattern:", "accountEmailPatern:"))
    done = run_here("validate", str(tmp_path), environment=sandbox_environment())
    assert done.returncode == 1
    assert done.stdout == ""
    assert "platform.yaml (document 1)" in done.stderr
    assert "accountEmailPatern is not a known field; did you mean 'accountEmailPattern'?" in done.stderr


def test_validate_says_that_a_path_is_missing(run_here: RunHere, tmp_path: Path) -> None:
    done = run_here("validate", str(tmp_path / "nothing"))
    assert done.returncode == 1
    assert "does not exist" in done.stderr


def test_api_refuses_a_wrong_environment(tmp_path: Path) -> None:
    done = run("api", environment=clean_environment(CONNECTOR_API_PORT="many"), directory=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("aws-connector: CONNECTOR_API_PORT = 'many'")


def test_a_port_that_is_taken_is_a_mistake(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        config = str(EXAMPLES / "config")
        environment = {**sandbox_environment(), "CONNECTOR_CONFIG_DIR": config, "CONNECTOR_API_PORT": port}
        done = run("api", environment=environment, directory=tmp_path)
    assert done.returncode == 1
    assert f"aws-connector: the API cannot listen on 127.0.0.1:{port}: set CONNECTOR_API_HOST" in done.stderr


@pytest.mark.parametrize("name", ["ALL_PROXY", "HTTPS_PROXY"])
def test_a_proxy_that_cannot_be_used_is_a_sentence(run_here: RunHere, environment: dict[str, str], name: str) -> None:
    elsewhere = {"CONNECTOR_URL": "https://connector.example.com", name: "socks5://user:hunter2@proxy:1080"}
    done = run_here("status", environment={**environment, **elsewhere})
    assert done.returncode == 64
    assert f"{name} names a SOCKS proxy, which is not supported" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr


def test_no_proxy_stands_between_us_and_this_machine(
    run_here: RunHere, fake_api: FakeApi, environment: dict[str, str]
) -> None:
    for proxy in ("http://127.0.0.1:1", "socks5://proxy:1080"):
        run_here("status", environment={**environment, "HTTP_PROXY": proxy})
    assert len(fake_api.asked) == 2


def test_validate_needs_no_secret_where_it_is_told_so(run_here: RunHere) -> None:
    done = run_here("validate", str(EXAMPLES / "config"), "--no-secrets")
    assert (done.returncode, done.stderr) == (0, "")
    assert "platforms: aws" in done.stdout
    assert "needs the environment variable" in run_here("validate", str(EXAMPLES / "config")).stderr


def test_no_list_of_commands_is_cut_on_a_usual_terminal(run_here: RunHere) -> None:
    for group in ((), ("metering",), ("runner",)):
        shown = run_here(*group, "--help").stdout
        commands = shown.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
        assert commands
        assert not [line for line in commands if line.endswith("...") or len(line.split()) < 2], shown
