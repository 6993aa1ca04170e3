"""`python -m tests.proof`: sizes come from the environment: ACCOUNTS, MONTHS."""

from __future__ import annotations

import os
import tempfile
from argparse import ArgumentParser
from pathlib import Path

from tests.proof.organization import Size
from tests.proof.running import run


def main() -> None:
    """Prove, and print what was found."""
    ArgumentParser(description=__doc__).parse_args()
    default = Size()
    months = int(os.environ.get("MONTHS", default.months))
    size = Size(accounts=int(os.environ.get("ACCOUNTS", default.accounts)), months=months, killed_months=months)
    with tempfile.TemporaryDirectory(prefix="proof-") as directory:
        print(run(size, Path(directory)))


if __name__ == "__main__":
    main()
