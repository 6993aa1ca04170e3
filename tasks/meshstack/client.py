"""The one seam through which every request to meshStack goes: proxies, deadline, login, media types, 429, errors.

A request is sent once. Whoever calls decides whether the same may be sent again; only a 401 to our own API key is
answered here, by a new login, because such a request did nothing.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

import httpcore2
import httpx2

from tasks import outgoing
from tasks.meshstack.errors import Away, Refused, Unauthorised
from tasks.meshstack.exact_json import written
from tasks.meshstack.media import JSON

WHOLE_SECONDS = 30.0  # for one exchange
LOGIN_SECONDS = 30.0
RENEW_SECONDS = 30.0  # before a token of meshStack's ends
SHORTEST_SECONDS = 1.0  # for which a token is kept at least
LONGEST_PAUSE = 300.0  # seconds; what Retry-After says beyond is not waited for
LARGEST_ANSWER = 16 * 1024 * 1024  # bytes
LONGEST_TEXT = 300  # characters of a refusal that are kept
NAME = "meshstack-aws-connector"
PAGED = frozenset({*range(200, 300), 403, 404, 410})  # what proxies say with a page of their own, during maintenance
AWAY = frozenset({408, 425, 429, 500, 502, 503, 504})


@dataclass(frozen=True)
class Answer:
    """What meshStack has answered."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def document(self) -> dict[str, Any]:
        """Read the answer as a JSON object; raises Refused when it is none."""
        try:
            found = json.loads(self.content)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Refused(self.status, "the answer is not JSON object")
        return found


@dataclass(frozen=True)
class ApiKey:
    """Who we are in meshStack."""

    client_id: str
    secret: str


class MeshStack:
    """One meshStack; safe for threads. Methods raise Away or Refused."""

    def __init__(
        self,
        url: str,
        key: ApiKey,
        *,
        transport: httpx2.BaseTransport | None = None,
        ca_file: Path | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Make a client; nothing is sent.

        transport  None: to the address, by the proxies of the environment
        ca_file    PEM, trusted beside the usual authorities; raises OSError (ssl.SSLError) when it cannot be read
        headers    sent with every request
        """
        self._base = httpx2.URL(url)
        self._clock = clock
        self._quiet_until = 0.0
        self.requests = 0  # that were sent, or tried
        self._http = httpx2.Client(
            base_url=url,
            headers={"User-Agent": f"{NAME}/{installed_version()}", **(headers or {})},
            timeout=WHOLE_SECONDS,
            transport=transport or outgoing.transport(url, _context(ca_file)),
            follow_redirects=False,
        )
        self._login = _Login(self, key)

    def send(
        self,
        method: str,
        address: str,
        media: str,
        *,
        token: str | None = None,
        body: Mapping[str, Any] | None = None,
        within: float = WHOLE_SECONDS,
        **query: str | int | list[str],
    ) -> Answer:
        """Send a request once and return its answer, when that says yes.

        address   a path, or a link of meshStack's; of that only the path counts, so no token goes to another host
        media     wanted in the answer, and that of the body
        token     of a run; None: our API key, with a login where one is needed
        """
        if token is not None:
            return self.exchange(method, address, media, f"Bearer {token}", body, within, query)
        used = self._login.token()
        try:
            return self.exchange(method, address, media, f"Bearer {used}", body, within, query)
        except Unauthorised:
            self._login.forget(used)
            return self.exchange(method, address, media, f"Bearer {self._login.token()}", body, within, query)

    def exchange(
        self,
        method: str,
        address: str,
        media: str,
        authorization: str | None,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None,
        within: float,
        query: Mapping[str, str | int | list[str]],
    ) -> Answer:
        """Send one request with these headers; raises Away, Refused or Unauthorised for all but a 2xx."""
        self._keep_quiet()
        self.requests += 1
        headers = {"Accept": media}
        if authorization is not None:
            headers["Authorization"] = authorization
        if method != "GET":
            headers["Content-Type"] = media
        content = None if body is None else written(body).encode()
        try:
            with outgoing.within(within):
                request = self._http.build_request(
                    method, self._target(address), headers=headers, content=content, params=query or None,
                    timeout=within,
                )  # fmt: skip
                answer = self._read(self._http.send(request, stream=True))
        except (httpx2.HTTPError, httpcore2.TimeoutException) as error:
            raise Away(f"meshStack gave no answer ({type(error).__name__}: {error})"[:LONGEST_TEXT]) from error
        return self._judged(answer)

    def _target(self, address: str) -> httpx2.URL:
        """Return where a path, or a link, leads to on our meshStack."""
        link = httpx2.URL(address)
        prefix = self._base.raw_path.rstrip(b"/")
        path = link.raw_path if link.raw_path.startswith(prefix + b"/") else prefix + link.raw_path
        return self._base.copy_with(raw_path=path)

    def _read(self, response: httpx2.Response) -> Answer:
        try:
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > LARGEST_ANSWER:
                    raise Refused(response.status_code, f"the answer has more than {LARGEST_ANSWER} bytes")
            return Answer(response.status_code, response.headers, bytes(content))
        finally:
            response.close()

    def _judged(self, answer: Answer) -> Answer:
        if answer.status in PAGED and answer.headers.get("content-type", "").lower().startswith("text/html"):
            raise Away(f"a web page answered in place of meshStack (HTTP {answer.status})")
        if 200 <= answer.status < 300:
            return answer
        text = " ".join(answer.content[: 4 * LONGEST_TEXT].decode(errors="replace").split())[:LONGEST_TEXT]
        if answer.status in AWAY:
            pause = _seconds(answer.headers.get("retry-after"))
            if pause is not None and answer.status in (429, 503):
                self._quiet_until = self._clock() + pause
            raise Away(f"meshStack answered HTTP {answer.status}", pause)
        if answer.status == 401:
            raise Unauthorised(answer.status, text)
        raise Refused(answer.status, text)

    def _keep_quiet(self) -> None:
        """Send nothing as long as meshStack has asked for silence."""
        left = self._quiet_until - self._clock()
        if left > 0:
            raise Away("meshStack asks the connector to wait", left)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class _Login:
    """The token of our API key: one login at a time, renewed before it ends."""

    def __init__(self, meshstack: MeshStack, key: ApiKey) -> None:
        self._meshstack = meshstack
        self._key = key
        self._lock = Lock()
        self._token: str | None = None
        self._until = 0.0

    def token(self) -> str:
        """Return a token; who comes while somebody logs in waits for that token. Raises Away or Refused."""
        with self._lock:
            if self._token is None or monotonic() >= self._until:
                self._token, seconds = self._new()
                self._until = monotonic() + max(seconds - RENEW_SECONDS, SHORTEST_SECONDS)
            return self._token

    def forget(self, token: str) -> None:
        """Believe a token no more that was refused; a newer one stays."""
        with self._lock:
            if self._token == token:
                self._token = None

    def _new(self) -> tuple[str, float]:
        body = {"clientId": self._key.client_id, "clientSecret": self._key.secret}
        answer = self._meshstack.exchange("POST", "/api/login", JSON, None, body, LOGIN_SECONDS, {})
        found = answer.document()
        token, seconds = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not token:
            raise Refused(answer.status, "the answer to the login holds no token")
        return token, float(seconds) if isinstance(seconds, int | float) else SHORTEST_SECONDS


def _context(ca_file: Path | None) -> ssl.SSLContext | None:
    if ca_file is None:
        return None
    context = httpx2.create_ssl_context()
    context.load_verify_locations(cafile=ca_file)
    return context


def _seconds(header: str | None) -> float | None:
    """Read Retry-After: seconds or a date; None: it says nothing that can be read.

    >>> _seconds("7"), _seconds("100000"), _seconds("soon"), _seconds(None)
    (7.0, 300.0, None, None)
    """
    if header is None:
        return None
    try:
        wanted = float(header)
    except ValueError:
        try:
            wanted = (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return min(max(wanted, 0.0), LONGEST_PAUSE)


def installed_version() -> str:
    """Return the version of the connector."""
    try:
        return version(NAME)
    except PackageNotFoundError:  # a checkout that is not installed
        return "0"
