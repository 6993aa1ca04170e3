"""The Lua scripts: every change that must happen whole or not at all is one of them.

Redis is given one text for each script: the names of keys and of optional parameters, what the scripts share
(`lua/shared/`), and the script itself. Redis runs nothing else meanwhile, so a script looks at few things at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from tasks.state.keys import TABLE, Each, Expires, One
from tasks.state.parameters import Common, Parameters, microseconds, milliseconds

SHARED = (
    "prelude",
    "clock",
    "listing",
    "events",
    "owners",
    "alerts",
    "due",
    "lanes",
    "gates",
    "threads",
    "strays",
    "replications",
)
"""The files of `lua/shared/`, each before those that use it."""


class Scripts:
    """Runs the scripts in one Redis."""

    def __init__(self, redis: Any, common: Common) -> None:
        """Run them by redis-py's client; by one of redis.asyncio each run is to be awaited."""
        self._redis = redis
        self._common = common
        self._shared = common.model_dump()
        self._scripts: dict[type[Parameters], Callable[..., Any]] = {}

    def by(self, redis: Any) -> Scripts:
        """Return the same scripts, run by another client."""
        return Scripts(redis, self._common)

    def run(self, parameters: Parameters, client: Any = None) -> Any:
        """Run the script that these parameters are of; raises redis.RedisError.

        client   redis-py's pipeline to run it in; None: at once
        """
        kind = type(parameters)
        script = self._scripts.get(kind)
        if script is None:
            script = self._scripts[kind] = self._redis.register_script(source(kind))
        now = datetime.now(UTC)
        moment = {"at": now.isoformat(), "at_us": microseconds(now)}
        document = {**self._shared, **moment, **parameters.model_dump(exclude_none=True)}
        return script(args=[json.dumps(document)], client=client)


@cache
def source(parameters: type[Parameters]) -> str:
    """Return the text that Redis is given for a script."""
    return with_shared(parameters, _text(f"{parameters.__name__.lower()}.lua"))


def with_shared(parameters: type[Parameters], script: str) -> str:
    """Put what the scripts share before a script that has these parameters."""
    optional = [
        name for name, field in parameters.model_fields.items() if not field.is_required() and field.default is None
    ]
    lifetimes = {name: row.ends.after for name, row in TABLE.items() if isinstance(row.ends, Expires)}
    lists = [
        f"local ONE = ' {' '.join(name for name, row in TABLE.items() if isinstance(row, One))} '",
        f"local EACH = ' {' '.join(name for name, row in TABLE.items() if isinstance(row, Each))} '",
        f"local TTL = {{{', '.join(f'{name} = {milliseconds(time)}' for name, time in lifetimes.items())}}}",
        f"local OPTIONAL = {{{', '.join(f'{name} = true' for name in optional)}}}",
    ]
    return "\n".join([*lists, *(_text(f"shared/{name}.lua") for name in SHARED), script])


def iso_now() -> str:
    """Return the time as people read it."""
    return datetime.now(UTC).isoformat()


def _text(name: str) -> str:
    return (files("tasks.state") / "lua" / name).read_text()
