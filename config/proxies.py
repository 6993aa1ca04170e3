"""The proxies of the environment, read once for all our clients: urllib, httpx2 and botocore read them each otherwise.

    HTTPS_PROXY, HTTP_PROXY   http://[user:password@]host[:port], or https://
    ALL_PROXY                 the same, for what the others leave out
    NO_PROXY                  who is spoken to directly, comma-separated: a name with all below it (example.com or
                              .example.com), an address (10.0.0.1, ::1), a network (10.0.0.0/8), each with a port or
                              without; * for everybody

In upper or lower case; lower case wins. Names are not looked up, so a network is for addresses only. This machine
itself is always spoken to directly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import unquote, urlsplit

from config.printable import printable

DEFAULT_PORTS = {"http": 80, "https": 443}
VARIABLES = {
    "https": ("https_proxy", "all_proxy"),
    "http": ("http_proxy", "all_proxy"),
}  # of a URL's scheme, the first set
NAME = re.compile(r"(?:\*?\.)?((?:[A-Za-z0-9_-]+\.)*[A-Za-z0-9_-]+)\.?")
PORT = re.compile(r"(?P<host>[^:]*|\[.*\]):(?P<port>[0-9]{1,5})")
LONGEST_ENTRY = 60  # characters of a wrong one that are shown


@dataclass(frozen=True)
class Direct:
    """Somebody who is spoken to without a proxy: a name with everything below it, or a network; None: everybody."""

    who: str | IPv4Network | IPv6Network | None
    port: int | None = None  # None: any

    @classmethod
    def parse(cls, text: str) -> Direct:
        """Read an entry of NO_PROXY; raises ValueError when it is none."""
        if text == "*":
            return cls(None)
        with_port = PORT.fullmatch(text)
        host = with_port["host"] if with_port else text
        port = int(with_port["port"]) if with_port else None
        bracketed = re.fullmatch(r"\[(.*)\]", host)
        try:
            return cls(ip_network(bracketed[1] if bracketed else host, strict=False), port)
        except ValueError:
            name = NAME.fullmatch(host)
        if name is None or "/" in host:
            raise ValueError(text)
        return cls(name[1].lower(), port)

    def covers(self, host: str, port: int | None) -> bool:
        """Tell whether a host, in lower case, is meant."""
        if self.port not in (None, port):
            return False
        if self.who is None:
            return True
        if isinstance(self.who, str):
            return host == self.who or host.endswith(f".{self.who}")
        try:
            return ip_address(host) in self.who
        except ValueError:
            return False


@dataclass(frozen=True)
class Proxies:
    """Which proxy leads to which address."""

    by_scheme: Mapping[str, str]
    direct: tuple[Direct, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Proxies:
        """Read the variables; raises ProxyMistakes with a sentence for each that cannot be used."""
        mistakes = list(_mistakes(environment))
        if mistakes:
            raise ProxyMistakes(mistakes)
        found = {scheme: _first(environment, names) for scheme, names in VARIABLES.items()}
        _, entries = _set(environment, "no_proxy")
        return cls(
            {scheme: _complete(url) for scheme, url in found.items() if url},
            tuple(map(Direct.parse, _entries(entries))),
        )

    def leading_to(self, url: str) -> str | None:
        """Return the proxy by which an address is reached; None: it is spoken to directly."""
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or DEFAULT_PORTS.get(parts.scheme)
        if is_loopback(host) or any(each.covers(host, port) for each in self.direct):
            return None
        return self.by_scheme.get(parts.scheme)

    @property
    def secrets(self) -> tuple[str, ...]:
        """The proxies' passwords, as written and decoded."""
        written = [urlsplit(url).password or "" for url in self.by_scheme.values()]
        return tuple(dict.fromkeys(text for each in written for text in (each, unquote(each)) if text))


def is_loopback(host: str) -> bool:
    """Tell whether a host, in lower case, is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("aws.localhost"), is_loopback("10.0.0.1")
    (True, True, True, False)
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


class ProxyMistakes(ValueError):
    """The environment's proxies cannot be used; one sentence for each reason."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


def _mistakes(environment: Mapping[str, str]) -> Iterator[str]:
    for variable in dict.fromkeys(name for names in VARIABLES.values() for name in names):
        name, url = _set(environment, variable)
        if url and (reason := _unusable(url)):
            yield f"{name} {reason}"
    name, entries = _set(environment, "no_proxy")
    for entry in _entries(entries):
        try:
            Direct.parse(entry)
        except ValueError:
            shown = printable(entry[:LONGEST_ENTRY])
            yield (
                f"{name} holds '{shown}', which is not a host name, address, network such as 10.0.0.0/8, or *: "
                "correct it or take it out."
            )


def _unusable(url: str) -> str | None:
    """Say why a proxy cannot be used, without repeating its password."""
    scheme = _complete(url).partition("://")[0].lower()
    if scheme.startswith("socks"):
        return "names a SOCKS proxy, which is not supported: name an HTTP proxy, such as http://proxy.example.com:3128."
    try:
        parts = urlsplit(_complete(url))
        usable = scheme in DEFAULT_PORTS and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    return None if usable else "must be a URL such as http://user:password@proxy.example.com:3128."


def _complete(url: str) -> str:
    """Write a proxy as a URL: the scheme may be left out."""
    return url if "://" in url else f"http://{url}"


def _set(environment: Mapping[str, str], variable: str) -> tuple[str, str]:
    """Return a variable as it is spelt, and what it holds; empty when it is not set."""
    for name in (variable, variable.upper()):
        if text := environment.get(name, "").strip():
            return name, text
    return variable.upper(), ""


def _first(environment: Mapping[str, str], variables: tuple[str, ...]) -> str:
    return next(filter(None, (_set(environment, name)[1] for name in variables)), "")


def _entries(text: str) -> list[str]:
    return [entry for entry in re.split(r"[\s,]+", text) if entry]
