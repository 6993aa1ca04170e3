"""The SCIM client: what comes over the wire becomes what the seam understands, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tasks.aws.calls import Calls, Observer
from tasks.aws.purpose import PRODUCT
from tasks.aws.scim import ScimDirectory
from tasks.aws.scim_client import ScimClient
from tasks.aws.session import Sessions
from tasks.errors import AccessDenied, Refused, StepError, Throttled, Unanswered
from tasks.model.call import CallRecord
from tests.tasks.steps.world import SCIM

TOKEN = SCIM.access_token.get_secret_value()
Handler = Callable[[httpx2.Request], httpx2.Response]


class Watched:
    """A directory over a client whose wire is a function; requests and records are kept."""

    def __init__(self, answer: Handler | Exception | httpx2.Response) -> None:
        self.requests: list[httpx2.Request] = []
        self.records: list[CallRecord] = []

        def handle(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            if isinstance(answer, Exception):
                raise answer
            return answer if isinstance(answer, httpx2.Response) else answer(request)

        client = ScimClient("https://scim.example.com/t/scim/v2/", TOKEN, PRODUCT, httpx2.MockTransport(handle))
        self.directory = ScimDirectory(Calls(client, Observer(lambda _: None, self.records.append), "111111111111"))


def page(*ids: str, cursor: str | None = None) -> httpx2.Response:
    more = {"nextCursor": cursor} if cursor else {}
    return httpx2.Response(200, json={"Resources": [{"id": each} for each in ids], **more})


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (httpx2.ConnectError("refused"), Throttled, "Unreachable"),
        (httpx2.ConnectTimeout("slow"), Throttled, "Unreachable"),
        (httpx2.ProxyError("no"), Throttled, "Unreachable"),
        (httpx2.ReadTimeout("slow"), Unanswered, "HTTPClientError"),
        (httpx2.RemoteProtocolError("cut"), Unanswered, "HTTPClientError"),
        (httpx2.Response(200, text="<html>"), Unanswered, "ResponseParserError"),
        (httpx2.Response(200, json={"Resources": [{}]}), Unanswered, "ResponseParserError"),
        (httpx2.Response(200, json=[]), Unanswered, "ResponseParserError"),
        (httpx2.Response(302, headers={"Location": "https://elsewhere"}), Refused, "HTTP302"),
        (httpx2.Response(400, json={"detail": "Filter is not supported"}), Refused, "ValidationException"),
        (httpx2.Response(401, json={"detail": "Unauthorized"}), AccessDenied, "UnauthorizedException"),
        (httpx2.Response(403, text="Forbidden"), AccessDenied, "AccessDeniedException"),
        (httpx2.Response(429, headers={"Retry-After": "9"}), Throttled, "ThrottlingException"),
        (httpx2.Response(500, json={"detail": "failed"}), Unanswered, "InternalServerException"),
        (httpx2.Response(503, text="busy"), Unanswered, "HTTP503"),
    ],
)
def test_a_failure_is_ours_recorded_and_not_tried_again(answer: Any, kind: type[StepError], code: str) -> None:
    watched = Watched(answer)

    with pytest.raises(kind) as failed:
        watched.directory.user_id("alice")

    assert (failed.value.code, [record.code for record in watched.records]) == (code, [code])
    assert len(watched.requests) == 1
    assert TOKEN not in f"{failed.value} {failed.value.__cause__!r}"


def test_how_long_aws_asks_us_to_wait_is_known() -> None:
    watched = Watched(httpx2.Response(429, headers={"Retry-After": "9"}))

    with pytest.raises(Throttled) as throttled:
        watched.directory.create_group("mst-a", "")

    assert throttled.value.retry_after == 9


def test_every_page_is_asked_for_also_after_an_empty_one() -> None:
    pages = {"": page("a", "b", cursor="1"), "1": page(cursor="2"), "2": page("c")}
    watched = Watched(lambda request: pages[request.url.params["cursor"]])

    assert set(watched.directory.members("g")) == {"a", "b", "c"}
    assert watched.requests[0].url.params["filter"] == 'groups.value eq "g"'


def test_a_request_signs_in_and_says_who_asks() -> None:
    watched = Watched(httpx2.Response(204, headers={"x-amzn-RequestId": "r-1"}))

    watched.directory.add("g", ["a", "b"])

    (request,), (record,) = watched.requests, watched.records
    assert (request.method, str(request.url)) == ("PATCH", "https://scim.example.com/t/scim/v2/Groups/g")
    assert (request.headers["authorization"], request.headers["user-agent"]) == (f"Bearer {TOKEN}", PRODUCT)
    assert (record.service, record.operation, record.write, record.request_id) == ("scim", "patch_group", True, "r-1")


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({}, "https://scim.eu-central-1.amazonaws.com"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "http://127.0.0.1:1"),
        (
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_SCIM": "http://127.0.0.1:2"},
            "http://127.0.0.1:2",
        ),
    ],
)
def test_the_endpoint_may_be_elsewhere(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], host: str) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SCIM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return page()

    class Wired(Sessions):
        def _scim_transport(self) -> httpx2.BaseTransport:
            return httpx2.MockTransport(answer)

    sessions = Wired()
    client = sessions.scim(SCIM)
    client.list_users('userName eq "x"', "")

    assert asked[0].startswith(f"{host}/sbx1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d/scim/v2/Users?")
    assert sessions.scim(SCIM) is client
