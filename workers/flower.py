"""Flower as we start it: what it shows unless told otherwise, and never without authentication.

Flower can be told by its own variables (FLOWER_…), by options and by a file. Whoever is in could stop workers there, so
by default it only shows. To revoke a task would be no use: the due index has the work, and it is sent again.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from types import TracebackType

from config.environment import SettingsError, process_environment

OURS = "FLOWER_"
DEFAULTS = {  # tenant and step stand in a task's id, its note is the result, and why it failed the exception
    "FLOWER_TASKS_COLUMNS": "uuid,state,result,exception,name,received,runtime,worker",
    "FLOWER_NATURAL_TIME": "true",
    "FLOWER_READ_ONLY": "true",
}
PROTECTED_BY = ("FLOWER_BASIC_AUTH", "FLOWER_AUTH", "FLOWER_AUTH_PROVIDER")
OPTIONS = ("--basic_auth", "--basic-auth", "--auth", "--auth_provider", "--auth-provider", "--conf")
NEEDED = (
    "FLOWER_BASIC_AUTH is needed: name:password of who may open Flower, "
    "for example operator:$(openssl rand -hex 16); or another way of Flower's to sign in."
)
FILE = Path("flowerconfig.py")  # Flower's own; what stands in it, nobody but Flower knows


def set_up(environment: MutableMapping[str, str]) -> None:
    """Tell Flower, by its variables, what `.env` says and else what we would have it show. Raises SettingsError."""
    wanted = {name: text for name, text in process_environment().items() if name.startswith(OURS)}
    for name, text in {**DEFAULTS, **wanted}.items():
        environment.setdefault(name, text)
    sys.excepthook = _say


def link_to(page: str | None) -> None:
    """Let Flower link to the page at this address, if there is one."""
    if page is not None:
        from workers.flower_links import link_back  # noqa: PLC0415 (whoever starts no Flower has no tornado)

        link_back(page)


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Say in a sentence that somebody else listens there; anything else as Python does."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        sys.stderr.write(
            "Flower cannot listen there, the port is taken: give it a free one, by --port or FLOWER_PORT.\n"
        )
    else:
        sys.__excepthook__(kind, error, trace)


def check_protected(environment: MutableMapping[str, str], arguments: Iterable[str]) -> None:
    """Raise SettingsError where anybody could look: notes of steps name tenants, accounts and people."""
    named = any(environment.get(name) for name in PROTECTED_BY)
    if named or FILE.exists() or any(each.split("=")[0] in OPTIONS for each in arguments):
        return
    raise SettingsError([NEEDED])
