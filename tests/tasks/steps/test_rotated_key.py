"""A key that was rotated is used at once: credentials that the one before has opened are not made anew by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from config.platform import CredentialAuth, WorkloadIdentityAuth
from tasks.aws.session import Sessions
from tasks.errors import SignInRefused, StepError
from tests.tasks.steps.world import SCIM, World
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


def test_a_scim_token_that_has_expired_concerns_the_whole_platform(world: World) -> None:
    expired = SCIM.model_copy(update={"access_token": SecretStr("expired")})
    with pytest.raises(SignInRefused, match="UnauthorizedException") as raised:
        world.aws(world.tenant(platform={"identity_store": None, "scim": expired})).directory.user_id("alice")
    assert raised.value.gate == "sign-in to SCIM of aws.sandbox"
    assert raised.value.remedy.endswith("All tenants that wait for it then continue automatically.")


def test_so_does_a_web_identity_that_is_not_there_but_for_who_only_looks(world: World, tmp_path: Path) -> None:
    auth = WorkloadIdentityAuth(role_arn=organization.ENTRY_ROLE_ARN, token_file=str(tmp_path / "none"))
    aws = world.aws(world.tenant(platform={"auth": auth}))
    with pytest.raises(SignInRefused, match="WebIdentityTokenUnreadable"):
        aws.organizations.root()
    with pytest.raises(StepError, match="WebIdentityTokenUnreadable") as raised:
        aws.user_identity.whoami()
    assert not isinstance(raised.value, SignInRefused)
