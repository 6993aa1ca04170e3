"""How a page is made: templates, the words and times in them, and the headers that go with every page."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined
from redis import RedisError

from config.log import get_logger
from config.printable import short
from tasks.metering.errors import DatabaseAway
from tasks.model.replication import Held
from tasks.orders.producer import RequestRefused
from tasks.state.connections import why_away
from workers.api.pages.visitor import NotSignedIn, Visitor, zone_of
from workers.standing import HELD, place

ASSETS = Path(__file__).parent / "assets"
# Nothing but our own files, and no script or style inside of a page: what a tenant is called can never become one.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
JUST_NOW = timedelta(minutes=1)
RECENT = timedelta(hours=20)  # longer ago a date says more than a number of hours


def templates() -> Environment:
    """Return the templates."""
    return _environment()


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("workers.api.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "ago": ago,
        "clock": clock,
        "lasting": lasting,
        "json": lambda value: json.dumps(value, indent=2, ensure_ascii=False),
        "keys": lambda value: ", ".join(value) if isinstance(value, dict) else "shown here",
        "money": money,
        "short": short,
        "words": words,
        "part": lambda text: quote(text, ""),
    }
    made.globals |= {
        "asset": asset,
        "version": version("meshstack-aws-connector"),
        "now": lambda: datetime.now(UTC),
        "place": place,
    }
    return made


def page(request: Request, visitor: Visitor | None, template: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """Make a whole page."""
    return HTMLResponse(html(request, visitor, template, **values), status, HEADERS)


def html(request: Request, visitor: Visitor | None, template: str, /, **values: Any) -> str:
    """Fill a template in, a whole page or a part of one."""
    root = request.scope.get("root_path", "")
    zone = visitor.zone if visitor else zone_of(request)
    flower = request.app.state.connector.settings.flower_url if visitor else None
    path = request.url.path.removeprefix(root)
    common = {"root": root, "visitor": visitor, "zone": zone, "path": path, "flower": flower}
    return templates().get_template(template).render(**common, **values)


def go_to(request: Request, path: str, **query: str) -> RedirectResponse:
    """Send the browser to another page, after a form or to sign in."""
    there = f"{request.scope.get('root_path', '')}{path}{'?' if query else ''}{urlencode(query)}"
    return RedirectResponse(there, 303, HEADERS)


class PageRoute(APIRoute):
    """A route whose errors are pages too."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handler = super().get_route_handler()

        async def shown(request: Request) -> Response:
            try:
                return await handler(request)
            except NotSignedIn:
                return _sign_in_first(request)
            except (HTTPException, RequestRefused, RequestValidationError, DatabaseAway, RedisError) as error:
                return trouble(request, *_told(error))

        return shown


def _told(error: Exception) -> tuple[int, str]:
    """Return the status of an error, and what to say of it."""
    match error:
        case HTTPException():
            return error.status_code, str(error.detail)
        case RequestRefused():
            return 422, f"Nothing was stored. {error}"
        case RequestValidationError():
            wrong = "; ".join(f"{each['loc'][-1]}: {each['msg']}" for each in error.errors())
            return 422, f"The address of this page is wrong: {wrong}."
        case DatabaseAway():
            get_logger(__name__).error("the metering database does not answer", error=str(error))
            return 503, "The metering database does not answer. Load this page again in a moment."
        case RedisError():
            get_logger(__name__).error("redis does not answer", error=f"{type(error).__name__}: {error}")
            return 503, f"{why_away(error)} Load this page again in a moment; nothing is lost."
        case _:
            raise error


def _sign_in_first(request: Request) -> Response:
    if request.headers.get("accept", "").startswith("text/event-stream") or request.method not in ("GET", "HEAD"):
        return trouble(request, 401, "Your session has ended. Sign in again; nothing was done.")
    root = request.scope.get("root_path", "")
    there = request.url.path.removeprefix(root) + (f"?{request.url.query}" if request.url.query else "")
    return go_to(request, "/sign-in", **({"next": there} if there != "/" else {}))


def trouble(request: Request, status: int, detail: str) -> HTMLResponse:
    """Say on a page what did not work."""
    return page(request, None, "trouble.html", status, status=status, detail=detail)


@cache
def asset(name: str) -> str:
    """Return the path of an asset. It names its content, so that browsers may keep it for ever."""
    return f"/assets/{name}?{sha256((ASSETS / name).read_bytes()).hexdigest()[:12]}"


def ago(moment: datetime, now: datetime, zone: Any) -> str:
    """Say when something was, as people do.

    >>> ago(datetime(2026, 3, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 9, 25, tzinfo=UTC), UTC)
    '25 min ago'
    >>> ago(datetime(2026, 2, 1, 9, tzinfo=UTC), datetime(2026, 3, 1, 9, 25, tzinfo=UTC), UTC)
    '1 Feb 09:00'
    """
    passed = now - moment
    if passed < JUST_NOW:
        return "just now" if passed > -JUST_NOW else clock(moment, zone)
    if passed < RECENT:
        return f"{lasting(passed)} ago"
    local, year = moment.astimezone(zone), now.astimezone(zone).year
    return f"{local.day} {local:%b}{'' if local.year == year else f' {local.year}'} {local:%H:%M}"


def clock(moment: datetime, zone: Any) -> str:
    """Say a moment in full, in the reader's time."""
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def lasting(time: timedelta | float) -> str:
    """Say how long something takes.

    >>> lasting(0.042), lasting(7.51), lasting(75), lasting(timedelta(hours=3)), lasting(200_000)
    ('42 ms', '7.5 s', '1 min', '3 h', '2 d')
    """
    seconds = time.total_seconds() if isinstance(time, timedelta) else time
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def money(amount: str | None) -> str:
    """Write an amount to the cent, as bills do; the API has all of its decimals.

    >>> money("1234.5678"), money("-0.001"), money(None)
    ('1,234.57', '0.00', '')
    """
    if amount is None:
        return ""
    cents = Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return f"{cents or abs(cents):,}"


def words(name: str) -> str:
    """Write the name of a step, or of a state, as words.

    >>> words("move_to_ou"), words("RUNNING"), words("PARKED")
    ('move to ou', 'running', 'needs a person')
    """
    return HELD[Held(name)] if name in set(Held) else name.replace("_", " ").lower()
