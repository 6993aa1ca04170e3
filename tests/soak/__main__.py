"""`python -m tests.soak`: sizes come from the environment: SECONDS, TENANTS, WORKERS."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from tests.soak.report import DOCUMENT, write
from tests.soak.run import Plan, soak
from workers.demo.supervisor import interruptible


def main() -> int:
    """Soak, print, write; answers the exit code."""
    ArgumentParser(description=__doc__).parse_args()
    default = Plan()
    plan = Plan(
        seconds=float(os.environ.get("SECONDS", default.seconds)),
        tenants=int(os.environ.get("TENANTS", default.tenants)),
        workers=int(os.environ.get("WORKERS", default.workers)),
    )
    print(f"Soaking {plan.tenants} tenants and {plan.workers} workers for {plan.seconds:.0f} s …", flush=True)
    kept = os.environ.get("LOGS")  # where the workers' logs stay
    with interruptible(), tempfile.TemporaryDirectory(prefix="soak-") as directory:
        figures = soak(plan, Path(kept or directory))
    print(figures.text())
    write(figures)
    print(f"Written to {DOCUMENT.relative_to(Path.cwd())}")
    return 1 if figures.findings else 0


if __name__ == "__main__":
    sys.exit(main())
