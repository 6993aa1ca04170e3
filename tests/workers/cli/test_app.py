"""What needs no connector: help, version, wrong usage, completion, documents."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

import pytest

from tests.workers.cli.running import REPOSITORY, RunHere, clean_environment, run
from workers.sandbox import organization


def test_version() -> None:
    done = run("version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{version('meshstack-aws-connector')}\n", "")


@pytest.mark.parametrize("command", ["apply", "status", "retry", "cancel", "validate", "demo", "sandbox", "api"])
def test_help_names_the_exit_codes(run_here: RunHere, command: str) -> None:
    done = run_here(command, "--help")
    assert done.returncode == 0
    assert "130 Ctrl-C" in " ".join(done.stdout.split())


def test_help_lists_every_command(run_here: RunHere) -> None:
    listed = run_here("--help").stdout
    for command in ("apply", "status", "retry", "cancel", "api", "sandbox", "demo", "validate", "version"):
        assert f"  {command} " in listed


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
    assert done.returncode == 64
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_the_shell_can_complete_commands() -> None:
    done = run(
        environment=clean_environment(
            _AWS_CONNECTOR_COMPLETE="complete_bash", COMP_WORDS="aws-connector val", COMP_CWORD="1"
        )
    )
    assert done.stdout.split() == ["validate"]


def sandbox_environment() -> dict[str, str]:
    offered = organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:1")
    return clean_environment(**offered)


def test_validate_the_examples(run_here: RunHere) -> None:
    done = run_here("validate", str(REPOSITORY / "examples" / "config"), environment=sandbox_environment())
    assert (done.returncode, done.stderr) == (0, "")
    assert "platforms: aws-scim.sandbox, aws.sandbox" in done.stdout
    assert "landing zones: development, development-scim, production" in done.stdout


def test_validate_by_the_environment_alone(run_here: RunHere) -> None:
    environment = {**sandbox_environment(), "CONNECTOR_CONFIG_DIR": str(REPOSITORY / "examples" / "config")}
    assert run_here("validate", environment=environment).returncode == 0


def test_validate_names_file_field_value_and_remedy(run_here: RunHere, tmp_path: Path) -> None:
    text = (REPOSITORY / "examples" / "config" / "platform.yaml").read_text()
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
