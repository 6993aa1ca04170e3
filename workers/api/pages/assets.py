"""The files of the pages: our stylesheet and script, and the libraries they stand on. Browsers keep them for ever."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Response
from fastapi.responses import FileResponse

from workers.api.pages.rendering import ASSETS

FILES = frozenset(each.name for each in ASSETS.iterdir() if each.suffix in {".css", ".js", ".svg"})
KEPT = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}

router = APIRouter(include_in_schema=False)


@router.get("/assets/{name}")
def get_asset(name: str) -> Response:
    """Send a file."""
    if name not in FILES:
        raise HTTPException(404)
    return FileResponse(ASSETS / name, headers=KEPT)
