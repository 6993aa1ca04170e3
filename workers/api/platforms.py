"""Platforms: let a worker look whether everything is there that replications need, and show what it found."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Response, Security

from tasks import questions
from tasks.questions.kinds import HEALTH
from workers.api.dependencies import CurrentConnector
from workers.api.openapi import ACCEPTED, responses
from workers.api.schemas import HealthView, health_view
from workers.api.security import BEARER

HEALTH_PATH = "/{platform}/health"

router = APIRouter(prefix="/api/v1/platforms", tags=["platforms"], dependencies=[Security(BEARER)])


def known_platform(
    platform: Annotated[str, Path(description="<platform>.<location>", examples=["aws.sandbox"])],
    connector: CurrentConnector,
) -> str:
    """Return the platform that a path names; answers 404 when it is not configured."""
    known = connector.catalog.platforms
    if platform not in known:
        raise HTTPException(404, f"Platform {platform} not found; known: {', '.join(sorted(known)) or 'none'}.")
    return platform


KnownPlatform = Annotated[str, Depends(known_platform)]


@router.post(
    HEALTH_PATH,
    status_code=202,
    operation_id="examine_platform",
    summary="Let a worker check a platform",
    responses=ACCEPTED | responses(401, 403, 404, 503),
)
def post_health(platform: KnownPlatform, connector: CurrentConnector, response: Response) -> HealthView:
    """Ask a worker to look at credentials, roles, OUs, permission sets, StackSets and the rest. It changes nothing.

    While a worker looks, asking again is the same question.
    """
    response.headers["Location"] = f"/api/v1/platforms/{platform}/health"
    return health_view(platform, questions.ask(connector, HEALTH, platform, platform))


@router.get(
    HEALTH_PATH,
    operation_id="get_platform_health",
    summary="Show what a worker found on a platform",
    responses=responses(401, 404, 503),
)
def get_health(platform: KnownPlatform, connector: CurrentConnector) -> HealthView:
    """Show the newest examination: each finding is ok, a warning or an error with what to do."""
    question = questions.look(connector, f"{HEALTH}.{platform}")
    if question is None:
        raise HTTPException(404, f"No check of {platform} was requested in the last hour. Request one first (POST).")
    return health_view(platform, question)
