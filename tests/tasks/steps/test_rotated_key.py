"""A key that was rotated is used at once: credentials that the one before has opened are not made anew by it."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from config.platform import CredentialAuth
from tasks.aws.session import Sessions
from tasks.errors import SignInRefused
from tests.tasks.steps.world import World
from workers.sandbox import organization

KEY = CredentialAuth(
    access_key=SecretStr(organization.SERVICE_USER_ACCESS_KEY),
    secret_key=SecretStr(organization.SERVICE_USER_SECRET_KEY),
)
WRONG = KEY.model_copy(update={"secret_key": SecretStr("somebody-elses")})


def test_another_key_signs_in_itself(world: World) -> None:
    assert world.aws(world.tenant(platform={"auth": KEY})).organizations.root() == organization.ROOT_ID

    with pytest.raises(SignInRefused, match="SignatureDoesNotMatch"):
        world.aws(world.tenant(platform={"auth": WRONG})).organizations.root()

    mark = world.simulator.mark()
    world.aws(world.tenant(platform={"auth": KEY})).organizations.root()
    assert [call.operation for call in world.simulator.calls(mark)] == ["ListRoots"]


def test_a_key_that_aws_refuses_is_told(world: World) -> None:
    told: list[str] = []
    world.sessions = Sessions(refused=lambda: told.append("refused"))

    world.aws(world.tenant(platform={"auth": KEY})).organizations.root()
    assert told == []
    with pytest.raises(SignInRefused):
        world.aws(world.tenant(platform={"auth": WRONG})).organizations.root()
    assert told == ["refused"]


def test_another_external_id_is_shown_to_aws(world: World) -> None:
    world.aws(world.tenant()).organizations.root()
    with pytest.raises(SignInRefused):
        world.aws(world.tenant(platform={"management_external_id": SecretStr("not-this-one")})).organizations.root()
