"""The seam that every AWS call passes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.parsers import ResponseParserError

from tasks.aws.actions import UndeclaredCall
from tasks.aws.calls import Calls, Observer
from tasks.errors import NotFound, Superseded, Throttled, Unanswered
from tasks.model.call import CallRecord, Intent

Given = Callable[..., dict[str, Any]]


class Client:
    """A client of three operations that answer what it is told to."""

    def __init__(self, do_it: Given) -> None:
        model = SimpleNamespace(service_name="organizations", resolved_protocol="json")
        self.meta = SimpleNamespace(service_model=model)
        self.describe_account = self.list_accounts = self.move_account = do_it


def answered(**members: Any) -> dict[str, Any]:
    return {"ResponseMetadata": {"RequestId": "r-1"}, **members}


def failing(error: Exception) -> Given:
    def do_it(**_: Any) -> dict[str, Any]:
        raise error

    return do_it


def refused(code: str) -> ClientError:
    metadata = {"HTTPStatusCode": 400, "RequestId": "r-2"}
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": metadata}, "DoIt")


class Watched:
    """Calls through a client, with what the observer saw."""

    def __init__(self, do_it: Given, before_write: Callable[[Intent], None] = lambda _: None) -> None:
        self.records: list[CallRecord] = []
        self.calls = Calls(Client(do_it), Observer(before_write, self.records.append), "123456789012")


def test_a_call_is_passed_on_and_recorded() -> None:
    watched = Watched(lambda **given: answered(Given=dict(given)))

    assert watched.calls.read("describe_account", Name="x")["Given"] == {"Name": "x"}
    assert watched.calls.write("move_account")["Given"] == {}

    read, write = watched.records
    assert (read.service, read.operation, read.write, read.code) == ("organizations", "describe_account", False, None)
    assert (write.write, write.account_id, write.request_id) == (True, "123456789012", "r-1")
    assert read.seconds >= 0


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (refused("AccountNotFoundException"), NotFound, "AccountNotFoundException"),
        (refused("TooManyRequestsException"), Throttled, "TooManyRequestsException"),
        (ReadTimeoutError(endpoint_url="x"), Unanswered, "ReadTimeoutError"),
        (ResponseParserError("garbled"), Unanswered, "ResponseParserError"),
        (ValueError("garbled"), Unanswered, "ValueError"),
    ],
)
def test_a_failure_is_ours_and_recorded(error: Exception, kind: type[Exception], code: str) -> None:
    watched = Watched(failing(error))

    with pytest.raises(kind) as failed:
        watched.calls.write("move_account")

    assert failed.value.__cause__ is error
    assert [record.code for record in watched.records] == [code]


def test_an_answer_without_metadata_is_no_answer() -> None:
    with pytest.raises(Unanswered):
        Watched(lambda **_: {}).calls.read("describe_account")


@pytest.mark.parametrize("body", [answered(), answered(Account="")], ids=["no member", "another member"])
def test_a_garbled_body_is_no_answer(body: dict[str, Any]) -> None:
    with pytest.raises(Unanswered, match="MalformedAnswer"):
        Watched(lambda **_: body).calls.read("describe_account")["Accounts"]


def test_a_part_without_a_member_that_aws_always_gives_is_garbled() -> None:
    body = answered(Account={"Name": "shop"}, Accounts=[{"Id": "1"}, {}])
    found = Watched(lambda **_: body).calls.read("describe_account")

    assert found["Accounts"][0]["Id"] == "1"
    for part in (found["Account"], found["Accounts"][1]):
        assert part.get("Id") is None
        with pytest.raises(Unanswered, match="without Id") as garbled:
            part["Id"]
        assert garbled.value.request_id == "r-1"


def test_who_lost_the_lease_writes_nothing_and_may_read() -> None:
    sent = []

    def lost(_: Intent) -> None:
        raise Superseded("replication-1")

    def do_it(**given: Any) -> dict[str, Any]:
        sent.append(given)
        return answered(Accounts=[])

    watched = Watched(do_it, lost)

    watched.calls.read("describe_account")
    with pytest.raises(Superseded):
        watched.calls.write("move_account")

    assert len(sent) == 1
    assert [record.code for record in watched.records] == [None, "Superseded"]


def test_nothing_is_ever_sent_twice() -> None:
    sent = []

    def do_it(**given: Any) -> dict[str, Any]:
        sent.append(given)
        raise refused("TooManyRequestsException")

    with pytest.raises(Throttled):
        Watched(do_it).calls.write("move_account")
    assert len(sent) == 1


def test_pages_are_followed_through_empty_ones() -> None:
    pages: Iterator[dict[str, Any]] = iter(
        [
            answered(Items=[1, 2], NextToken="a"),
            answered(Items=[], NextToken="b"),
            answered(NextToken="c"),
            answered(Items=[3]),
        ]
    )
    tokens = []

    def do_it(**given: Any) -> dict[str, Any]:
        tokens.append(given)
        return next(pages)

    assert list(Watched(do_it).calls.pages("list_accounts", "Items", Parent="p")) == [1, 2, 3]
    assert tokens == [{"Parent": "p"}, *({"Parent": "p", "NextToken": token} for token in "abc")]


def test_a_call_that_is_not_declared_as_what_it_is_is_refused_before_it_is_sent() -> None:
    watched = Watched(lambda **_: answered())

    for call in (watched.calls.read, watched.calls.write):
        with pytest.raises(UndeclaredCall, match=r"organizations:leave_organization is called as .* not at all"):
            call("leave_organization")
    with pytest.raises(UndeclaredCall, match="called as READ but declared as WRITE"):
        watched.calls.read("move_account")
    with pytest.raises(UndeclaredCall, match="called as WRITE but declared as READ"):
        watched.calls.write("describe_account")

    assert watched.records == []


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_expired_credentials_are_given_up(code: str) -> None:
    given_up: list[str] = []
    observer = Observer(lambda _: None, lambda record: None)
    calls = Calls(Client(failing(refused(code))), observer, expired=lambda: given_up.append(code))

    with pytest.raises(Throttled):
        calls.read("describe_account")

    assert given_up == [code]
