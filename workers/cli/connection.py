"""Reach the API for a command, and say what its refusals mean for a person."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
from pydantic import ValidationError

from config.proxies import ProxyMistakes
from workers.cli.errors import CommandFailed, ExitCode
from workers.cli.options import Access
from workers.client import ApiProblem, ConnectorClient, NotOurApi


@contextmanager
def connect(access: Access) -> Iterator[ConnectorClient]:
    """Give a client; whatever the API refuses inside becomes CommandFailed."""
    url = access.url
    _check_url(url)
    token = _token(access.token, access.token_file)
    try:
        connected = ConnectorClient(url, token)
    except ProxyMistakes as error:
        raise CommandFailed(str(error), ExitCode.USAGE) from error
    with connected as client:
        try:
            yield client
        except ApiProblem as problem:
            raise refusal(problem, url) from problem
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise unreachable(url, error) from error
        except ValidationError as error:
            raise _not_our_api(url, f"{error.error_count()} fields are not as expected") from error
        except UnicodeEncodeError as error:
            raise _not_text() from error


def refusal(problem: ApiProblem, url: str) -> CommandFailed:
    """Say what a refusal means and what to do about it."""
    if problem.status == 501:
        return CommandFailed(problem.detail, ExitCode.MISTAKES)
    if problem.status >= 500 or problem.status == 429:
        message = f"the API at {url} cannot answer now ({problem.status}): {problem.detail}"
        return CommandFailed(message, ExitCode.UNREACHABLE)
    if isinstance(problem, NotOurApi):
        return _not_our_api(url, f"HTTP {problem.status} {problem.title}, {problem.detail}")
    if problem.status == 401:
        message = f"the API at {url} does not know the token (401): set CONNECTOR_TOKEN to a valid one"
        return CommandFailed(message, ExitCode.UNREACHABLE)
    if problem.status == 403:
        message = f"the API at {url} refused (403): {problem.detail}"
        return CommandFailed(message, ExitCode.UNREACHABLE)
    return CommandFailed(reasons(problem), ExitCode.MISTAKES)


def reasons(problem: ApiProblem) -> str:
    """Say what is wrong with a request: its fields, or else the detail."""
    return "\n".join(f"{each.field}: {each.message} (got {each.value})" for each in problem.errors) or problem.detail


def unreachable(url: str, error: Exception) -> CommandFailed:
    """Say that nobody answers."""
    why = str(error) or type(error).__name__
    remedy = "start it with 'aws-connector api', or set CONNECTOR_URL to its address"
    return CommandFailed(f"the API at {url} cannot be reached ({why}): {remedy}", ExitCode.UNREACHABLE)


def _not_our_api(url: str, why: str) -> CommandFailed:
    message = f"what answers at {url} is not the connector's API of this version ({why}): check CONNECTOR_URL"
    return CommandFailed(message, ExitCode.UNREACHABLE)


def _not_text() -> CommandFailed:
    """Say that an argument cannot be sent: the shell speaks another encoding than Python was told."""
    message = "an argument holds characters outside of this terminal's encoding: set LC_ALL=C.UTF-8"
    return CommandFailed(message, ExitCode.USAGE)


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        good = False
    if not good:
        message = f"{url!r} is not an address of the API; set --url or CONNECTOR_URL to one like http://127.0.0.1:8080"
        raise CommandFailed(message, ExitCode.USAGE)


def _token(token: str | None, token_file: Path | None) -> str:
    """Choose the token; no message ever repeats it."""
    if token_file is not None:
        try:
            token = token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            message = f"--token-file {token_file} cannot be read: {_why(error)}"
            raise CommandFailed(message, ExitCode.USAGE) from error
    token = (token or "").strip()
    if not token:
        why = "the API needs a token" if token_file is None else f"--token-file {token_file} is empty"
        raise CommandFailed(f"{why}: set CONNECTOR_TOKEN, or name a file that holds it", ExitCode.USAGE)
    if not token.isascii() or not token.isprintable() or " " in token:
        message = "the API token holds spaces or characters that no token has: check CONNECTOR_TOKEN or the file"
        raise CommandFailed(message, ExitCode.USAGE)
    return token


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or "" if isinstance(error, OSError) else "it is not UTF-8 text"
