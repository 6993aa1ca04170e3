"""SAML metadata behind an address: read by the worker, kept for an hour.

Source: SAML 2.0 metadata, section 4.1 (publication at a well-known location).
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

import httpx2

from config.saml_metadata import SIZE, check_metadata
from tasks.errors import PermanentError, TransientError
from tasks.outgoing import transport, within

KEPT_SECONDS = 3600.0  # a certificate is announced days before it is used
ANSWER_SECONDS = 10.0  # to connect, and between two parts of the answer
WHOLE_SECONDS = 30.0  # for all of it: a server that trickles must not hold a thread
LARGEST = 4 * SIZE.stop  # bytes: of UTF-8, four for a character

Clock = Callable[[], float]


class MetadataSource:
    """Metadata documents by their address; usable from several threads."""

    def __init__(
        self,
        transport: httpx2.BaseTransport | None = None,
        clock: Clock = monotonic,
        patience: float = WHOLE_SECONDS,
    ) -> None:
        """Make a source.

        transport  the way that requests go; None: to the address, by the proxies of the environment
        patience   seconds for one document
        """
        self._transport = transport
        self._patience = patience
        self._clock = clock
        self._kept: dict[str, tuple[float, str]] = {}

    def read(self, url: str) -> str:
        """Return the document at an https address, at most an hour old.

        Raises TransientError when the server does not answer, PermanentError when it answers something else.
        """
        kept = self._kept.get(url)
        if kept is not None and self._clock() - kept[0] < KEPT_SECONDS:
            return kept[1]
        try:
            text = check_metadata(self._download(url))
        except httpx2.HTTPError as error:
            message = f"{url}: {type(error).__name__}: {error}"
            raise TransientError("MetadataUnavailable", message) from error
        except ValueError as error:
            raise _refused(url, str(error)) from error
        self._kept[url] = (self._clock(), text)
        return text

    def _download(self, url: str) -> bytes:
        """Fetch without following a redirect: whoever may redirect decides who signs in."""
        content = b""
        with (
            within(self._patience),
            httpx2.Client(transport=self._transport or transport(url), timeout=ANSWER_SECONDS) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code == httpx2.codes.TOO_MANY_REQUESTS or answer.is_server_error:
                raise TransientError("MetadataUnavailable", f"{url} answered {answer.status_code}")
            if not answer.is_success:
                raise _refused(url, f"answered {answer.status_code}")
            for part in answer.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise _refused(url, f"has more than {LARGEST} bytes")
        return content


def _refused(url: str, reason: str) -> PermanentError:
    remedy = "Correct identityFederation.metadataUrl in the platform document, or what its server answers, then retry."
    return PermanentError("MetadataRefused", f"{url}: {reason}", remedy=remedy)
