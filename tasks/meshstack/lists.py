"""Lists of meshObjects: paged, and filtered again, because meshStack ignores query parameters that it does not know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tasks.meshstack.client import MeshStack
from tasks.meshstack.errors import Away, Refused, Unauthorised
from tasks.meshstack.media import media
from tasks.meshstack.objects import OTHER_VERSION, ROOT, UNSEEN

SIZE = 1000  # objects of a page, the most that meshStack gives: what is on one page belongs together
MOST_PAGES = 5000
Object = dict[str, Any]
NOT_FOUND = 404


class Lists:
    """Reads lists. Methods raise Away or Refused."""

    def __init__(self, meshstack: MeshStack) -> None:
        self._meshstack = meshstack

    def all(
        self,
        path: str,
        kind: str,
        versions: tuple[str, ...],
        fits: Callable[[Object], bool],
        **query: str | list[str],
    ) -> list[Object] | None:
        """Read every object of a list that fits; None: our API key may not see them.

        path       behind /api/meshobjects
        versions   of the kind, the first that this meshStack has is taken
        """
        for version in versions:
            try:
                return [each for each in self._pages(path, kind, media(kind, version), query) if fits(each)]
            except Unauthorised as refused:  # also after a new login: later it may be accepted
                raise Away(f"meshStack does not accept the API key ({refused})") from refused
            except Refused as refused:
                if refused.status not in UNSEEN:
                    raise
                if refused.status not in OTHER_VERSION:
                    return None
        return None

    def one(self, path: str, kind: str, version: str, name: str) -> tuple[Object | None, bool]:
        """Read an object by its name; None: there is none, or the second answer says that we may not see it."""
        path = f"{ROOT}/{path}/{quote(name, safe='')}"
        try:
            return self._meshstack.send("GET", path, media(kind, version)).document(), True
        except Unauthorised as refused:
            raise Away(f"meshStack does not accept the API key ({refused})") from refused
        except Refused as refused:
            if refused.status not in UNSEEN:
                raise
            return None, refused.status == NOT_FOUND

    def _pages(self, path: str, kind: str, wanted: str, query: dict[str, str | list[str]]) -> list[Object]:
        found: list[Object] = []
        totals: set[int] = set()
        for number in range(MOST_PAGES):
            asked: dict[str, Any] = {**query, "page": number, "size": SIZE}
            answer = self._meshstack.send("GET", f"{ROOT}/{path}", wanted, **asked).document()
            rows = answer.get("_embedded", {}).get(f"{kind}s", [])
            found += rows
            page = answer.get("page", {})
            totals.add(page.get("totalElements", len(found)))
            if not rows or number + 1 >= page.get("totalPages", 1):
                if totals != {len(found)}:  # one page may have lost what another one has not: somebody's access
                    raise Away(f"the list of {path} changed while it was read")
                return found
        raise Refused(200, f"the list of {path} has no end")
