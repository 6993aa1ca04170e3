import io
import json
import logging
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

from config.log import FIELDS, MASKER, Masker, configure_logging, get_logger, register_secrets

Start = Callable[..., io.StringIO]


@pytest.fixture
def start() -> Iterator[Start]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = list(root.handlers), root.level

    def configure(
        form: Literal["auto", "json", "text"] = "json", level: str = "info", secrets: tuple[str, ...] = ()
    ) -> io.StringIO:
        stream = io.StringIO()
        configure_logging(form, level, secrets, stream)
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    sys.excepthook = hook
    logging.captureWarnings(False)
    structlog.reset_defaults()
    MASKER.forget()


def test_json_line_has_the_fixed_fields_first(start: Start) -> None:
    stream = start()
    logger = get_logger("tasks.orders.producer").bind(calls=3, tenant="ws.project")
    logger.info("step done", request_id="abc", account="123456789012", step="create_account", replication="r1")
    line = json.loads(stream.getvalue())
    assert list(line) == [
        *("timestamp", "level", "event", "tenant", "replication", "step", "account", "request_id"),
        *("calls", "logger"),
    ]
    assert (line["level"], line["tenant"], line["logger"]) == ("info", "ws.project", "tasks.orders.producer")
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["celery.task", "uvicorn.access", "anything"])
def test_records_of_libraries_take_the_same_road(start: Start, name: str) -> None:
    logging.getLogger(name).addHandler(logging.NullHandler())
    stream = start()
    logging.getLogger(name).warning("took %d ms", 5)
    line = json.loads(stream.getvalue())
    assert (line["event"], line["logger"], line["level"]) == ("took 5 ms", name, "warning")


def test_level_holds_and_libraries_that_log_headers_stay_at_info(start: Start) -> None:
    stream = start(level="debug")
    get_logger("tasks").debug("seen")
    logging.getLogger("botocore.endpoint").debug("Authorization: token")
    assert stream.getvalue().count("\n") == 1
    stream = start(level="warning")
    get_logger("tasks").info("not seen")
    assert stream.getvalue() == ""


def test_warnings_are_logged(start: Start) -> None:
    stream = start()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert json.loads(stream.getvalue())["logger"] == "py.warnings"


@pytest.mark.parametrize("written", ["auto", "json", "text"])
@pytest.mark.parametrize("secret", ["very/secret+key=", 'qu"ote\\back', "ümläut-ß", "two\nlines", "it's"])
def test_secret_is_masked_wherever_it_stands(
    start: Start, written: Literal["auto", "json", "text"], secret: str
) -> None:
    stream = start(written, secrets=(secret,))
    logger = get_logger("x")
    logger.info(secret, field=secret, nested={"a": [secret]}, obj=ValueError(secret))
    logging.getLogger("lib").error("url %s and %r", quote(secret, safe=""), secret)
    logging.getLogger("lib").error("form %s", quote_plus(secret))
    try:
        raise RuntimeError(f"cannot sign in with {secret}")
    except RuntimeError:
        logger.exception("failed")
        logging.getLogger("lib").exception("failed")
    text = stream.getvalue()
    assert text.count("***") >= 9
    for form in (secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)):
        assert form not in text
    assert written == "text" or all(json.loads(line) for line in text.splitlines())


def test_password_of_a_url_is_masked_but_not_its_host(start: Start) -> None:
    stream = start(secrets=("redis://:p%40ssw%2Frd@cache.example:6379/0", "redis://plain.example:6379/0"))
    get_logger("x").info(
        "connect", url="redis://:p%40ssw%2Frd@cache.example:6379/0", decoded="p@ssw/rd", other="plain.example"
    )
    line = json.loads(stream.getvalue())
    assert (line["url"], line["decoded"], line["other"]) == (
        "redis://:***@cache.example:6379/0",
        "***",
        "plain.example",
    )


def test_secrets_may_be_registered_later(start: Start) -> None:
    stream = start()
    register_secrets(["later-secret"])
    get_logger("x").info("later-secret")
    assert "later-secret" not in stream.getvalue()


def test_uncaught_exception_is_logged_and_masked(start: Start) -> None:
    stream = start(secrets=("hunter2",))
    try:
        raise ValueError("hunter2")
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    line = json.loads(stream.getvalue())
    assert line["level"] == "critical"
    assert "ValueError: ***" in line["exception"]


def test_longer_secret_is_masked_as_a_whole() -> None:
    masker = Masker()
    masker.register(["secret", "secret-longer", "", "abc"])
    assert masker.mask("secret-longer secret abc") == "*** *** abc"


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40).filter(
        lambda text: "*" not in text
    )
)
def test_no_secret_survives_json_and_url_quoting(secret: str) -> None:
    masker = Masker()
    masker.register([secret])
    if "://" in secret:
        return
    forms = (
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        quote(secret),
        quote_plus(secret),
        repr(secret),
    )
    assert not any(secret in masker.mask(f"<{form}>") for form in forms)


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def test_text_for_people_says_first_when_to_whom_and_what(start: Start) -> None:
    stream = start("text")
    get_logger("tasks.engine").warning("parked", step="move_to_ou", tenant="a.b.c.d", code="Quota", request_id=None)

    time, rest = stream.getvalue().split(" ", 1)
    assert time.endswith("Z")
    assert rest == "warning  a.b.c.d move_to_ou parked  code=Quota logger=tasks.engine\n"


@pytest.mark.parametrize(
    ("environment", "colored"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_text_in_colours_unless_it_wants_none(
    start: Start, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], colored: bool
) -> None:
    start()
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    configure_logging("auto", "info", (), stream)
    get_logger("x").error("broken\x1b[2J")

    assert ("\x1b[31m" in stream.getvalue()) is colored
    assert "\\x1b[2J" in stream.getvalue(), "what others have written cannot act on the terminal"


def test_elsewhere_it_is_json(start: Start) -> None:
    stream = start("auto")
    get_logger("x").info("said")
    assert json.loads(stream.getvalue())["event"] == "said"


def test_the_page_describes_the_fixed_fields_in_their_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "logs.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE) == ["timestamp", "level", "event", *FIELDS]
