"""The wheel, and a fresh virtual environment that holds it and what one lock file names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "tasks", "workers")
UV = str(Path(sys.executable).with_name("uv"))
OWN = "{}.{}".format(*sys.version_info)  # the Python that runs us
SECONDS = 600.0  # for one command; installing everything with an empty cache takes minutes


class Failed(Exception):
    """Something is not as it must be; the text says what."""


def run(command: list[str], directory: Path, environment: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run a command to its end; answers what it wrote. Raises Failed when it ends with another code, or not in time."""
    try:
        ended = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"{' '.join(command)} has not ended after {SECONDS:.0f} s:\n{error.output}") from error
    if ended.returncode != code:
        raise Failed(f"{' '.join(command)} ended with code {ended.returncode} instead of {code}:\n{ended.stdout}")
    return ended.stdout


def versions() -> list[str]:
    """Name the Pythons to try: the oldest that pyproject.toml allows, the image's, and our own."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    [image] = set(re.findall(r"^ARG BASE=python:(\d+\.\d+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    return list(dict.fromkeys([str(project["requires-python"]).removeprefix(">="), image, OWN]))


def interpreter(version: str) -> str | None:
    """Find a Python on this machine: this one, one that uv finds, or one of pyenv's; None: there is none."""
    if version == OWN:
        return sys.executable
    find = [UV, "python", "find", "--system", "--no-python-downloads", version]
    found = subprocess.run(find, capture_output=True, text=True, check=False)
    if found.returncode == 0:
        return found.stdout.strip()
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return next(map(str, pyenv.glob(f"versions/{version}.*/bin/python")), None)


def build_wheel(directory: Path) -> Path:
    """Build the wheel from a copy, free of earlier builds. Every file of ours must be in it."""
    source = directory / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    files = {str(file.relative_to(source)) for file in source.glob("*/**/*") if file.is_file()}
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    run([*wheel, "--wheel-dir", str(directory), str(source)], directory)
    [made] = directory.glob("*.whl")
    if missing := files - set(zipfile.ZipFile(made).namelist()):
        raise Failed(f"the wheel lacks {', '.join(sorted(missing))}")
    return made


@dataclass(frozen=True)
class Installation:
    """A virtual environment outside of the checkout."""

    directory: Path  # processes run here
    home: Path

    @property
    def python(self) -> str:
        """Name its interpreter."""
        return str(self.home / "bin" / "python")

    @property
    def variables(self) -> dict[str, str]:
        """Give the environment of its processes: its commands, and nothing of ours."""
        path = os.pathsep.join((str(self.home / "bin"), os.defpath))
        return {"PATH": path, "HOME": str(self.directory), "TMPDIR": str(self.directory), "LANG": "C.UTF-8"}

    def run(self, *command: str, variables: Mapping[str, str] | None = None, code: int = 0) -> str:
        """Run one of its commands to its end; answers what it wrote."""
        program, *arguments = command
        told = {**self.variables, **(variables or {})}
        return run([str(self.home / "bin" / program), *arguments], self.directory, told, code)

    def install(self, lock: str) -> None:
        """Install what a lock file names; by pip where uv cannot reach the registry."""
        locked = ["--quiet", "--require-hashes", "--requirement", str(ROOT / lock)]
        try:
            run([UV, "pip", "install", "--python", self.python, *locked], self.directory)
        except Failed:
            run([sys.executable, "-m", "pip", "--python", self.python, "install", *locked], self.directory)

    def install_wheel(self, wheel: Path) -> None:
        """Install the wheel; what it says it needs must be there already."""
        run([UV, "pip", "install", "--quiet", "--python", self.python, "--no-deps", str(wheel)], self.directory)
        run([UV, "pip", "check", "--python", self.python], self.directory)
        where = self.run("python", "-c", f"import {', '.join(PACKAGES)}; print(config.__file__, workers.__file__)")
        if not all(Path(file).is_relative_to(self.home) for file in where.split()):
            raise Failed(f"the checkout is imported: {where}")

    def examples(self) -> Path:
        """Return where the examples are."""
        return Path(self.run("python", "-c", "from workers.examples import EXAMPLES; print(EXAMPLES)").strip())


def make_environment(directory: Path, python: str) -> Installation:
    """Make an empty virtual environment."""
    home = directory / "environment"
    run([UV, "venv", "--quiet", "--no-python-downloads", "--python", python, str(home)], directory)
    return Installation(directory, home)
