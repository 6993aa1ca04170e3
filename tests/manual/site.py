"""The manual: the pages of docs/ made ready for a site of their own, and the site. `make manual` builds it.

In the repository, pages link to the code and to the README. On the site there is no repository, so such a link leads to
a copy of the file, and the name of a directory is text only.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CONFIGURATION = ROOT / "zensical.toml"
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
LINK = re.compile(r"(?P<shown>!?\[(?P<text>[^\]]*)\])\((?P<target>[^)\s]+)\)")
FILES = "files"  # copies of what pages link to outside of docs/
MERMAID, MERMAID_SHA256 = "11.17.2", "581ed7d74bd9048d0e3a91363927d72ef22942d7722546b27f7cc29e35390eb8"
GRAPHS = BIN.parent / "mermaid.min.js"  # draws the graphs; without npm there is none, and they are shown as text


class BadManual(Exception):
    """The site is not as it must be; the text says what."""


def project() -> dict[str, Any]:
    """Read the site's configuration."""
    found: dict[str, Any] = tomllib.loads(CONFIGURATION.read_text())["project"]
    return found


def pages(nav: Any) -> Iterator[str]:
    """Yield the pages that the navigation leads to, in their order."""
    match nav:
        case str():
            yield nav
        case dict():
            for inside in nav.values():
                yield from pages(inside)
        case _:
            for inside in nav:
                yield from pages(inside)


def prepare(directory: Path) -> None:
    """Write the pages, pictures and linked files into an empty directory."""
    shutil.copytree(DOCS, directory)
    for page in sorted(directory.glob("*.md")):
        page.write_text(_inside(page.read_text(), DOCS, directory))
    script = directory / "javascripts" / GRAPHS.name
    script.parent.mkdir()
    script.write_bytes(GRAPHS.read_bytes() if GRAPHS.exists() else b"")
    (directory / "index.md").write_text(_inside((ROOT / "README.md").read_text(), ROOT, directory))


def _inside(text: str, where: Path, directory: Path) -> str:
    """Return a page whose links stay inside of the site."""

    def led(found: re.Match[str]) -> str:
        path, hash_, anchor = found["target"].partition("#")
        if not path or "://" in path:
            return found[0]
        target = (where / path).resolve()
        if target.is_relative_to(DOCS):
            return f"{found['shown']}({target.relative_to(DOCS)}{hash_}{anchor})"
        if target == ROOT / "README.md":
            return f"{found['shown']}(index.md)"
        if target.is_dir():
            return found["text"]
        copy = directory / FILES / f"{target.relative_to(ROOT)}.txt"  # a browser shows it
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(target, copy)
        return f"{found['shown']}({copy.relative_to(directory)})"

    return LINK.sub(led, text if GRAPHS.exists() else text.replace("```mermaid", "```"))


def build() -> Path:
    """Build the site; answers where it is. Raises BadManual."""
    site = project()
    prepared, built = ROOT / site["docs_dir"], ROOT / site["site_dir"]
    for each in (prepared, built):
        shutil.rmtree(each, ignore_errors=True)
    prepare(prepared)
    command = [str(BIN / "zensical"), "build", "--strict", "--clean", "--config-file", str(CONFIGURATION)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode != 0:
        raise BadManual(ended.stdout + ended.stderr)
    return Path(built)


def install() -> None:
    """Install zensical beside this Python, which is too large for everybody's .venv, and what draws graphs."""
    lock = str(HERE / "requirements.lock")
    command = [str(BIN / "uv"), "pip", "install", "--quiet", "--python", sys.executable, "--require-hashes", "-r", lock]
    subprocess.run(command, check=True)
    if shutil.which("npm"):
        _install_mermaid()


def _install_mermaid() -> None:
    with tempfile.TemporaryDirectory() as directory:
        pack = ["npm", "pack", "--silent", f"mermaid@{MERMAID}"]
        name = subprocess.run(pack, cwd=directory, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(Path(directory) / name) as package:
            script = package.extractfile("package/dist/mermaid.min.js")
            assert script is not None
            text = script.read()
    if sha256(text).hexdigest() != MERMAID_SHA256:
        raise BadManual(f"mermaid {MERMAID} is not the one that we know")
    GRAPHS.write_bytes(text)


if __name__ == "__main__":
    if not (BIN / "zensical").exists() or not GRAPHS.exists():
        install()
    print(f"The manual is in {build().relative_to(ROOT)}: open index.html there.")
