"""What pages tell people to type exists: commands, options, settings, targets. The first how-to runs as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from config.environment import variable
from config.settings import Settings
from tests.security.processes import free_port
from tests.support.cluster import running_cluster
from tests.support.waiting import eventually
from tests.test_documents import PAGES, REPOSITORY
from tests.workers.cli.running import clean_environment
from tests.workers.cli.running import run as run_command
from workers.cli import app

BLOCK = re.compile(r"(?:^ {4}[^\n]*\n)+|(?<=^```sh\n)[\s\S]*?(?=^```$)", re.MULTILINE)
INLINE = re.compile(r"`(aws-connector [a-z][^`]*)`")
MARKED = re.compile(r"^```yaml\n([\s\S]*?)^```$", re.MULTILINE)
OTHERS = {"CONNECTOR_URL", "CONNECTOR_TOKEN"}  # of commands that use the API
NOT_TYPED = re.compile(r"[<>…]|\bCOMMAND\b")  # says how a command is made up


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the words of each command of ours that a page shows, without what other programs do with its output."""
    text = page.read_text(encoding="utf-8")
    shown = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    for line in [*(each.strip() for each in shown), *(" ".join(each.split()) for each in INLINE.findall(text))]:
        if line.startswith("aws-connector ") and not NOT_TYPED.search(line.partition("#")[0]):
            yield shlex.split(re.split(r" [|>#] ?|;| && ", line + " ")[0].partition("  #")[0])[1:]


@pytest.fixture(scope="module")
def program() -> Any:
    return app.command()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_exists(page: Path, program: Any) -> None:
    for words in commands(page):
        command, known = program, {option for each in program.params for option in each.opts}
        for word in words:
            if word.startswith("-"):
                name = word.partition("=")[0]
                own = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
                assert name in own | known | {"-h", "--help"}, f"{' '.join(words)}: there is no {name}"
            elif word in getattr(command, "commands", {}):
                command = command.commands[word]
            else:
                assert command is not program, f"{' '.join(words)}: there is no command {word}"


@pytest.mark.parametrize("room", ["config", "tasks", "workers"])
def test_every_command_that_the_product_names_exists(room: str, program: Any) -> None:
    """In remedies, errors and on the page: there nobody can look a wrong one up."""
    files = [each for each in (REPOSITORY / room).rglob("*") if each.suffix in {".py", ".html", ".yml", ".yaml"}]
    named = {
        (str(file.relative_to(REPOSITORY)), name)
        for file in files
        for name in re.findall(r"\baws-connector ([a-z][a-z-]+)", file.read_text(encoding="utf-8"))
    }
    assert len(files) > 10
    assert {each for each in named if each[1] not in program.commands} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_exists(page: Path) -> None:
    named = set(re.findall(r"\bCONNECTOR_[A-Z_]*[A-Z]\b(?![_*])", page.read_text(encoding="utf-8")))
    assert named <= {variable(name) for name in Settings.model_fields} | OTHERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_target_of_make_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:`|^ {4})make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(named) <= targets


def run(directory: Path, words: list[str], extra: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run a command of ours as people do; answers what it says."""
    ended = run_command(*words, environment=clean_environment(**(extra or {})), directory=directory)
    assert ended.returncode == code, f"{words}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def test_the_quick_start_goes_as_the_page_says(tmp_path: Path) -> None:
    """Its commands, one after the other, against real processes; only the question before the deletion is answered."""
    page = REPOSITORY / "docs" / "quickstart.md"
    [tenant] = MARKED.findall(page.read_text(encoding="utf-8"))
    port, token = free_port(), "quick-start"
    api = {"CONNECTOR_API_PORT": str(port), "CONNECTOR_API_TOKENS": f"you:admin:{sha256(token.encode()).hexdigest()}"}
    (tmp_path / "my-tenant.yaml").write_text(tenant)
    with running_cluster(tmp_path) as cluster:
        cluster.start("api", ["workers.cli", "api"], api)
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: answers(url))
        cluster.succeeded(cluster.order("shop-dev"))  # as `make up` has ordered it
        environment = {"CONNECTOR_URL": url, "CONNECTOR_TOKEN": token}
        said = {}
        for words in commands(page):
            asked = ["--yes"] if words[0] == "delete" else []
            said[words[0]] = run(tmp_path, [*words, *asked], environment, code=2 if words[0] == "plan" else 0)

        assert {"status", "plan", "apply", "history", "audit", "delete"} == said.keys()
        assert "SUCCEEDED" in said["apply"]
        assert "organizations:create_account" in said["audit"]
        assert cluster.account("wiki")["email"] == "aws+likvid.wiki@example.com"


def answers(url: str) -> bool:
    with suppress(httpx2.HTTPError):
        return httpx2.get(f"{url}/readyz").status_code == 200
    return False
