"""Try the wheel with every Python that we support, and say what came out. Exit code 1: something does not run."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from tests.installed.environment import ROOT, Failed, build_wheel, interpreter, make_environment, run, versions
from tests.installed.processes import Processes
from workers.demo.supervisor import ProcessFailed, Supervisor, interruptible, uninterrupted

TENANT = "likvid.shop.aws.sandbox"
TENANTS = f"- {{tenant: {TENANT}, landingZone: production}}\n"
UNIT_TESTS = ("config", "tasks", "tests/config")  # every module is imported, and what needs no process is run


def main() -> int:
    """Try every Python that is found; answers the exit code."""
    failed, passed = 0, 0
    for version in versions():
        python = interpreter(version)
        if python is None:
            print(f"Python {version} is not on this machine: not tried", flush=True)
            continue
        with temporary_directory() as directory:
            try:
                for line in attempts(directory, python):
                    passed += 1
                    print(f"Python {version}: {line}", flush=True)
            except (Failed, ProcessFailed) as error:
                failed += 1
                print(f"Python {version}: {error}", file=sys.stderr, flush=True)
    print(f"installed: {passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def attempts(directory: Path, python: str) -> Iterator[str]:
    """Try everything with one Python; yields what works. Raises Failed or ProcessFailed at the first that does not."""
    began = monotonic()
    wheel = build_wheel(directory)
    outside = directory / "outside"
    outside.mkdir()
    installed = make_environment(outside, python)
    installed.install("requirements-runtime.lock")
    installed.install_wheel(wheel)
    yield f"{wheel.name} is installed with the runtime's lock alone, after {monotonic() - began:.0f} s"
    tenants = outside / "tenants.yaml"
    tenants.write_text(TENANTS)
    with Supervisor(outside, installed.variables) as supervisor:
        processes = Processes(installed, supervisor)
        processes.start()
        yield "api, worker, beat, Flower and runner run by the Procfile's lines; only the worker got AWS's secrets"
        installed.run("aws-connector", "apply", str(tenants), variables=processes.client())
        yield f"{TENANT} was replicated"
        export = ("aws-connector", "metering", "export", "costs.parquet", "--format", "parquet")
        if "pip install 'meshstack-aws-connector[parquet]'" not in installed.run(
            *export, variables=processes.client(), code=1
        ):
            raise Failed("without pyarrow, an export as Parquet does not say what to install")
        yield "without pyarrow, an export as Parquet says what to install"
        processes.check_runner()
        yield "the runner has carried out a run of meshStack"
        processes.check_flower()
        yield "Flower shows the worker"
        if "1 node online" not in installed.run("celery", "-A", "workers.app", "status", variables=processes.broker()):
            raise Failed("celery status does not find the worker")
        yield "celery status needs Redis's address only"
        processes.check_beat()
        yield "beat ticks"
        processes.check_files()
        supervisor.check()
        yield "no process has ended or written a file"
    if "pip install 'meshstack-aws-connector[sandbox]'" not in installed.run("aws-connector", "demo", code=1):
        raise Failed("without the sandbox, the demo does not say what to install")
    yield "without the sandbox, the demo says what to install"
    installed.install("requirements.lock")
    installed.run("aws-connector", "demo", "--tenants", str(tenants))
    yield "with the sandbox, the demo runs"
    if python != sys.executable:
        run([installed.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *UNIT_TESTS], ROOT)
        yield "every module can be imported, and the unit tests pass"


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Give a directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(prefix="aws-connector-installed-"))
    try:
        yield directory
    finally:
        with uninterrupted():
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    with interruptible():
        sys.exit(main())
