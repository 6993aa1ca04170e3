"""An HTTP proxy of the environment: every call to AWS goes through it, the SDK's and those to the SCIM endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

import pytest

from tasks.aws import Aws, Run
from tasks.aws.calls import Observer
from tasks.aws.session import Sessions
from tasks.errors import Throttled
from tests.tasks.steps.world import PLATFORM, SCIM, MemoryPlaces
from workers.sandbox.organization import REGION

asked: list[str] = []


class Proxy(StreamRequestHandler):
    """Notes where it is asked to connect to, and refuses."""

    def handle(self) -> None:
        """Read one request and answer it."""
        asked.append(self.rfile.readline().decode().split(" HTTP/")[0])
        while self.rfile.readline().strip():
            pass
        self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    asked.clear()
    for name in ("NO_PROXY", "no_proxy", "AWS_ENDPOINT_URL", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingTCPServer(("127.0.0.1", 0), Proxy) as server:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield
        server.shutdown()


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize("entries", ["amazonaws.com", "other.example.com,.eu-central-1.amazonaws.com", "*"])
def test_who_is_excepted_is_spoken_to_directly(monkeypatch: pytest.MonkeyPatch, entries: str) -> None:
    """Nobody is there, so a call that is sent directly reaches nobody, and the proxy hears nothing."""
    monkeypatch.setenv("NO_PROXY", entries)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sts.nowhere-1.invalid.eu-central-1.amazonaws.com")

    with pytest.raises(Throttled, match="Unreachable"):
        aws().organizations.root()
    with pytest.raises(Throttled, match="Unreachable"):
        aws().directory.user_id("alice@example.com")

    assert asked == []


@pytest.mark.usefixtures("proxy")
def test_every_call_goes_through_the_proxy() -> None:
    """A proxy that connects nobody has sent nothing, so it is simply tried again later."""
    sent = aws()
    with pytest.raises(Throttled, match="Unreachable"):
        sent.organizations.root()
    with pytest.raises(Throttled, match="Unreachable"):
        sent.directory.user_id("alice@example.com")

    assert asked == [f"CONNECT sts.{REGION}.amazonaws.com:443", f"CONNECT scim.{REGION}.amazonaws.com:443"]


def aws() -> Aws:
    """Make a boundary to Identity Center by SCIM, with clients of its own."""
    platform = PLATFORM.model_copy(update={"identity_store": None, "scim": SCIM})
    run = Run(
        now=lambda: datetime.now(UTC),
        remember=lambda handles: None,
        places=MemoryPlaces(),
        limits={},
        lookup_grace=timedelta(),
        observer=Observer(before_write=lambda _: None, after_call=lambda call: None),
    )
    return Aws(platform, Sessions(), run)
