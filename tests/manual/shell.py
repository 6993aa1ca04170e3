"""A person's terminal: types the commands of a page as they stand there, in one directory with its variables."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.command import Ended
from tests.support.nursery import nursery
from tests.workers.cli.running import run as run_command
from workers.demo.supervisor import Child, Supervisor

SHOWN = re.compile(r"(?:^ {4,}\S[^\n]*\n)+", re.MULTILINE)
FENCED = re.compile(r"^```yaml\n([\s\S]*?)^```$", re.MULTILINE)
SECTION = re.compile(r"^## ", re.MULTILINE)
SECONDS = 60.0


@dataclass(frozen=True)
class Page:
    """One page, in the reader's own ids."""

    text: str

    @classmethod
    def of(cls, file: Path, own: Mapping[str, str]) -> Page:
        """Read a page, and put one's own ids in the place of those that it shows."""
        text = file.read_text(encoding="utf-8")
        for shown, mine in own.items():
            text = text.replace(shown, mine)
        return cls(text)

    def section(self, title: str) -> Page:
        """Return the section whose title begins so."""
        (found,) = [each for each in SECTION.split(self.text) if each.startswith(title)]
        return Page(found)

    @property
    def commands(self) -> list[str]:
        """The commands that it shows, one to a line."""
        return list(self._commands())

    def _commands(self) -> Iterator[str]:
        for block in SHOWN.findall(FENCED.sub("", self.text)):
            yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())

    @property
    def documents(self) -> list[str]:
        """The YAML documents that it shows."""
        return FENCED.findall(self.text)


@dataclass
class Shell:
    """Runs what is typed. Python programs of ours are forked from the nursery, everything else is run by bash."""

    directory: Path
    environment: dict[str, str]
    processes: Supervisor
    started: list[Child] = field(default_factory=list)

    def type(self, line: str, *more: str) -> Ended:
        """Run one command to its end, or in the background where the line ends with &.

        more  arguments that a person without a terminal adds, such as --yes
        """
        words = shlex.split(line, comments=True)
        if words[-1] == "&":
            return self._in_background(words[:-1])
        if words[0] == "aws-connector":
            return run_command(*words[1:], *more, environment=self.environment, directory=self.directory)
        return self._in_bash(line)

    def _in_bash(self, line: str) -> Ended:
        """Run a line by bash, and keep what it exports."""
        kept = self.directory / "environment"
        script = f"set -eu\n{line}\nenv -0 > {shlex.quote(str(kept))}"
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        if ended.returncode == 0 and line.startswith("export "):
            pairs = (each.partition("=") for each in kept.read_text().split("\0") if each)
            self.environment.update({name: value for name, _, value in pairs})
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def _in_background(self, words: list[str]) -> Ended:
        command = ["workers.cli", *words[1:]] if words[0] == "aws-connector" else words
        log = self.directory / f"{len(self.started)}.log"
        child = Child(" ".join(words), nursery().start(command, self.environment, self.directory, log), log)
        self.processes.children.append(child)
        self.started.append(child)
        return Ended(0, "", "")

    def stop(self) -> None:
        """End what runs in the background."""
        for child in self.started:
            child.process.terminate()
        for child in self.started:
            child.process.wait(SECONDS)
            self.processes.children.remove(child)
        self.started.clear()
