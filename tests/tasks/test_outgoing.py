"""One deadline over a whole exchange, whatever part of it drips; and the proxies that the environment names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from ssl import CERT_REQUIRED
from time import monotonic
from typing import Any, cast

import httpx2
import pytest
from pydantic import SecretStr

from config.proxies import ProxyMistakes
from config.settings import Settings
from tasks.aws.metadata_source import MetadataSource
from tasks.aws.scim_client import ScimClient
from tasks.errors import TransientError
from tasks.notifications.webhook import post
from tasks.outgoing import transport, within
from tests.security.tls import make_certificates, tls_proxy
from tests.support.dripping import dripping
from tests.support.waiting import LONG

PATIENCE = 0.5  # seconds for a whole exchange; on a busy machine connecting alone may take as long
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + b"HTTP/1.1 "


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    began = monotonic()
    yield
    assert monotonic() - began < LONG


def get(url: str, seconds: float = PATIENCE) -> httpx2.Response:
    with within(seconds), httpx2.Client(transport=transport(url), timeout=300) as client:
        return client.get(url)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-Header: ", BODY, CHUNKS, CONTINUE])
def test_an_answer_that_drips_ends_with_the_exchange(head: bytes) -> None:
    with dripping(head) as url, pytest.raises(httpx2.TimeoutException):
        get(url)


def test_nobody_who_answers_ends_with_the_exchange() -> None:
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(httpx2.TimeoutException):
            get(f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_a_proxy_that_drips_ends_with_the_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping() as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        with pytest.raises(httpx2.TimeoutException):
            get("https://hooks.example.com/")


def test_the_same_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ca, certificate = make_certificates(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    with dripping() as url, tls_proxy(certificate, int(url.rpartition(":")[2])) as port:
        with pytest.raises(httpx2.TimeoutException):
            get(f"https://127.0.0.1:{port}")
        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            get(f"https://127.0.0.1:{port}", LONG)


def test_the_next_exchange_of_a_client_has_its_own_time() -> None:
    with dripping() as url, httpx2.Client(transport=transport(url), timeout=300) as client:
        for _ in range(2):
            began = monotonic()
            with within(PATIENCE), pytest.raises(httpx2.TimeoutException):
                client.get(url)
            assert monotonic() - began >= PATIENCE


def test_a_host_without_address_is_a_failure_to_connect() -> None:
    with pytest.raises(httpx2.ConnectError):
        get("http://nowhere.invalid/", 4)


def test_a_receiver_of_notifications_that_drips_is_not_waited_for() -> None:
    with dripping() as url:
        settings = Settings(_env_file=None, notification_url=SecretStr(url))
        assert "Timeout" in str(post(settings, "id", b"{}", datetime.now(UTC), PATIENCE))


def test_a_server_of_metadata_that_drips_is_not_waited_for() -> None:
    with dripping() as url, pytest.raises(TransientError, match="Timeout"):
        MetadataSource(patience=PATIENCE).read(url)


def test_a_scim_endpoint_that_drips_is_not_waited_for() -> None:
    from botocore.exceptions import HTTPClientError  # noqa: PLC0415  # the exceptions that the seam translates

    with dripping(BODY) as url, pytest.raises(HTTPClientError, match="Timeout"):
        ScimClient(url, "token", "agent", None, PATIENCE).get_group("g")


def test_proxies_that_cannot_be_used_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5h://user:hunter2@proxy:1080")
    with pytest.raises(ProxyMistakes, match="ALL_PROXY names a SOCKS proxy") as caught:
        transport("https://hooks.example.com")
    assert "hunter2" not in str(caught.value)


def test_certificates_are_read_once_and_only_where_some_are_shown() -> None:
    urls = ("http://hooks.example.com", "https://hooks.example.com", "https://mesh.example.com")
    plain, one, other = (cast("Any", transport(url))._pool._ssl_context for url in urls)

    assert plain.cert_store_stats()["x509_ca"] == 0
    assert plain.verify_mode is CERT_REQUIRED, "whoever shows one all the same is not believed"
    assert one is other
