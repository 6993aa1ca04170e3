"""Redis's address, read once: redis-py and Celery each read a URL in a way of their own, so neither is given ours.

    redis://[user:password@]host[:port][/database]
    rediss://…[?ssl_ca_certs=…]                              TLS
    sentinel://[user:password@]host[:port][;sentinel://host2[:port]…][/database]?master_name=…
    sentinels://…                                            TLS, to the Sentinels and to Redis

User and password are Redis's; the Sentinels' password is a setting of its own. Special characters are percent-encoded.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from config.printable import printable

EXAMPLE = "redis://:password@host:6379/0"
SENTINEL_EXAMPLE = "sentinel://:password@host1:26379;sentinel://host2:26379/0?master_name=mymaster"
SENTINEL_SECONDS = 1.0  # to connect and for an answer: Sentinels are asked one after the other
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")  # parameters that are paths
SWITCHES = {"ssl_cert_reqs": ("required", "none"), "ssl_check_hostname": ("true", "false")}  # the default first
MASTER_NAME = "master_name"
NAMED = re.compile(r"(ssl|socket|health|max|retry|client|visibility|virtual|master)_[a-z_]{1,30}")
"""Names that a sentence may repeat: anything else after a question mark may be the rest of a password."""
INSTEAD = {  # parameters that one library takes and the other does not: what to write
    "password": f"write the password before the host: {EXAMPLE}",
    "username": "write the user before the host: redis://user:password@host:6379/0",
    "db": "write the number of the database after the host: redis://host:6379/3",
}


@dataclass(frozen=True)
class Scheme:
    """What the beginning of a URL says."""

    name: str
    sentinels: bool  # Sentinels are asked where Redis is
    encrypted: bool

    @property
    def port(self) -> int:
        """The port when none is written."""
        return 26379 if self.sentinels else 6379


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme("redis", sentinels=False, encrypted=False),
        Scheme("rediss", sentinels=False, encrypted=True),
        Scheme("sentinel", sentinels=True, encrypted=False),
        Scheme("sentinels", sentinels=True, encrypted=True),
    )
}


@dataclass(frozen=True)
class Tls:
    """How TLS is spoken."""

    files: Mapping[str, str]  # ssl_ca_certs, ssl_certfile, ssl_keyfile: path
    verified: bool  # the certificate must be one that an authority vouches for …
    named: bool  # … and for this host

    @property
    def options(self) -> dict[str, Any]:
        """Return what redis-py's connections are given, and Celery's in the same words."""
        needed = ssl.CERT_REQUIRED if self.verified else ssl.CERT_NONE
        return {"ssl_cert_reqs": needed, "ssl_check_hostname": self.named, **self.files}


@dataclass(frozen=True)
class RedisAddress:
    """Where Redis is, or the Sentinels that know where it is."""

    nodes: tuple[tuple[str, int], ...]  # host and port: of Redis, or of every Sentinel
    user: str | None
    password: str | None = field(repr=False)
    written: str | None = field(repr=False)  # the password as it stands in the URL
    database: int
    tls: Tls | None
    master_name: str | None  # what the Sentinels call this Redis; None: it is asked itself

    @property
    def credentials(self) -> dict[str, Any]:
        """Return who signs in and where to, in redis-py's words."""
        return {"username": self.user, "password": self.password, "db": self.database}

    def sentinel_options(self, password: str | None) -> dict[str, Any]:
        """Return how the Sentinels are spoken to, in redis-py's words."""
        encrypted = {} if self.tls is None else {"ssl": True, **self.tls.options}
        return {"socket_timeout": SENTINEL_SECONDS, "socket_connect_timeout": SENTINEL_SECONDS, **encrypted} | (
            {} if password is None else {"password": password}
        )

    @classmethod
    def parse(cls, text: str) -> RedisAddress:
        """Read a URL; raises ValueError with a sentence that says what to write and repeats no password."""
        parts = [_split(each) for each in text.strip().split(";")]
        scheme = _scheme(parts)
        parameters = _parameters(parts, scheme)
        written = _one("password", (part.password or "" for part in parts))
        return cls(
            nodes=tuple((part.hostname or "", part.port or scheme.port) for part in parts),
            user=_one("user", (unquote(part.username or "") for part in parts)),
            password=None if written is None else unquote(written),
            written=written,
            database=_database(_one("database", (part.path.strip("/") for part in parts))),
            tls=_tls(parameters) if scheme.encrypted else None,
            master_name=_master_name(parameters) if scheme.sentinels else None,
        )


def _split(text: str) -> SplitResult:
    """Take one address apart and see that it names a host."""
    try:
        part = urlsplit(text.strip())
        complete = bool(part.scheme and part.hostname) and part.port != 0
    except ValueError:
        complete = False
    if not complete or part.fragment:
        raise ValueError(f"must be a URL such as {EXAMPLE} (percent-encode special characters of the password)")
    return part


def _scheme(parts: list[SplitResult]) -> Scheme:
    names = {part.scheme for part in parts}
    if len(names) > 1 or names.isdisjoint(SCHEMES):
        raise ValueError(
            "must start with redis:// or rediss:// (TLS), or each part with sentinel:// or sentinels://; "
            "unix:// sockets are not supported"
        )
    scheme = SCHEMES[names.pop()]
    if len(parts) > 1 and not scheme.sentinels:
        raise ValueError(f"must name one Redis; several are possible for Sentinels only: {SENTINEL_EXAMPLE}")
    return scheme


def _parameters(parts: Iterable[SplitResult], scheme: Scheme) -> dict[str, str]:
    """Read what stands after the question mark; refuse what we do not know, for one of the libraries would."""
    allowed = [*((*FILES, *SWITCHES) if scheme.encrypted else ()), *((MASTER_NAME,) if scheme.sentinels else ())]
    pairs = [pair for part in parts for pair in parse_qsl(part.query, keep_blank_values=True)]
    for name, _ in pairs:
        if name not in allowed:
            what = f"the parameter {name}" if name in INSTEAD or NAMED.fullmatch(name) else "a parameter of that name"
            remedy = INSTEAD.get(name) or f"{scheme.name}:// takes {', '.join(allowed) or 'none'}"
            raise ValueError(f"must not have {what}: {remedy}")
    if len(dict(pairs)) < len(pairs):
        raise ValueError("must have each parameter once")
    return dict(pairs)


def _one(what: str, values: Iterable[str]) -> str | None:
    """Return what some of the addresses say; they must not say two things."""
    found = set(values) - {""}
    if len(found) > 1:
        raise ValueError(f"must name one {what}: it is Redis's, and all Sentinels lead to the same Redis")
    return found.pop() if found else None


def _database(text: str | None) -> int:
    if text is not None and not re.fullmatch(r"[0-9]{1,4}", text):
        raise ValueError("must end in the number of the database, such as /0")
    return int(text or 0)


def _tls(parameters: Mapping[str, str]) -> Tls:
    for name, allowed in SWITCHES.items():
        if parameters.get(name, allowed[0]) not in allowed:
            raise ValueError(f"must have {name}={' or '.join(allowed)}")
    files = {name: parameters[name] for name in FILES if name in parameters}
    for name, path in files.items():
        if not Path(path).is_file():
            raise ValueError(f"must name a file in {name}: there is no {printable(path)[:200]}")
    verified, named = (parameters.get(name, allowed[0]) == allowed[0] for name, allowed in SWITCHES.items())
    return Tls(files, verified, verified and named)


def _master_name(parameters: Mapping[str, str]) -> str:
    name = parameters.get(MASTER_NAME)
    if not name:
        raise ValueError(f"must give the name that the Sentinels have for this Redis: {SENTINEL_EXAMPLE}")
    return name
