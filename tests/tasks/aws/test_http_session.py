"""The SDK's clients wait for a whole answer as long as their read time-out says."""

from __future__ import annotations

from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ReadTimeoutError

from tasks.aws.clients import Clients
from tests.support.dripping import dripping
from tests.support.waiting import LONG
from workers.sandbox.organization import REGION

PATIENCE = timedelta(seconds=0.5)
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


def client() -> Any:
    """Make a client whose read time-out is chosen; it signs in as the service user itself."""
    return Clients().acting("lambda", REGION, Credentials("AKIA", "secret"), PATIENCE)


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX-Header: ", BODY, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 "]
)
def test_an_answer_of_aws_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    with dripping(head) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        began = monotonic()
        with pytest.raises(ReadTimeoutError):
            client().get_function(FunctionName="f")
    assert monotonic() - began < LONG
