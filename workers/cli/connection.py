"""Reach the API for a command, and say what its refusals mean for a person."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from pydantic import ValidationError

from workers.cli.errors import CommandFailed, ExitCode
from workers.client import ApiProblem, ConnectorClient

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Access:
    """Where the API listens, and the token or a file that holds it."""

    url: str
    token: str | None = field(repr=False)
    token_file: Path | None = None


@contextmanager
def connect(access: Access) -> Iterator[ConnectorClient]:
    """Give a client; whatever the API refuses inside becomes CommandFailed."""
    url = access.url
    _check_url(url)
    no_proxy_for_loopback()
    with ConnectorClient(url, _token(access.token, access.token_file)) as client:
        try:
            yield client
        except ApiProblem as problem:
            raise refusal(problem, url) from problem
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(url, error) from error
        except ValidationError as error:
            what = f"what answers at {url} is not the connector's API of this version: unexpected answer"
            raise CommandFailed(f"{what} ({error.error_count()} fields)", ExitCode.UNREACHABLE) from error


def refusal(problem: ApiProblem, url: str) -> CommandFailed:
    """Say what a refusal means and what to do about it."""
    if problem.status == 401:
        message = f"the API at {url} does not know the token (401): give the right one in CONNECTOR_TOKEN"
        return CommandFailed(message, ExitCode.UNREACHABLE)
    if problem.status == 403:
        message = f"the API at {url} refused (403): {problem.detail}; use a token with scope write"
        return CommandFailed(message, ExitCode.UNREACHABLE)
    if problem.status >= 500 or problem.status == 429:
        message = f"the API at {url} cannot answer now ({problem.status}): {problem.detail}"
        return CommandFailed(message, ExitCode.UNREACHABLE)
    return CommandFailed(reasons(problem), ExitCode.MISTAKES)


def reasons(problem: ApiProblem) -> str:
    """Say what is wrong with a request: its fields, or else the detail."""
    return "\n".join(f"{each.field}: {each.message} (got {each.value})" for each in problem.errors) or problem.detail


def unreachable(url: str, error: Exception) -> CommandFailed:
    """Say that nobody answers."""
    why = str(error) or type(error).__name__
    remedy = "start it with 'aws-connector api', or give its address in CONNECTOR_URL"
    return CommandFailed(f"the API at {url} cannot be reached ({why}): {remedy}", ExitCode.UNREACHABLE)


def no_proxy_for_loopback() -> None:
    """Keep a proxy of the environment out of the way to this machine itself."""
    for name in ("NO_PROXY", "no_proxy"):
        listed = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*listed, *LOOPBACK]))


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = False
    if not good:
        message = f"--url {url!r} is no address of an API: write it like http://127.0.0.1:8080"
        raise CommandFailed(message, ExitCode.USAGE)


def _token(token: str | None, token_file: Path | None) -> str:
    """Choose the token; no message ever repeats it."""
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(f"the token file {token_file} cannot be read: {_why(error)}", ExitCode.USAGE) from error
    token = (token or "").strip()
    if not token:
        remedy = "set CONNECTOR_TOKEN, or give --token-file"
        raise CommandFailed(f"no API token: {remedy}", ExitCode.USAGE)
    if not token.isascii() or not token.isprintable() or " " in token:
        raise CommandFailed("the API token holds spaces or characters that no token has", ExitCode.USAGE)
    return token


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not text"
