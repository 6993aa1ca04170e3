"""What the SDK is told by the environment and cannot use is a sentence, at the start or as the reason of a step."""

from __future__ import annotations

import pytest

from config.environment import SettingsError
from tasks.aws.session import Sessions
from tasks.errors import PermanentError
from tests.tasks.steps.world import PLATFORM


@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
def test_a_profile_that_does_not_exist_is_one_sentence(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "nope")
    with pytest.raises(SettingsError, match=r"The config profile \(nope\) could not be found\. Correct or unset AWS"):
        Sessions()


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("AWS_ENDPOINT_URL", "nonsense", "Invalid endpoint: nonsense"),
        ("AWS_DEFAULTS_MODE", "x", "invalid defaults mode: x"),
    ],
)
def test_a_variable_that_the_sdk_cannot_use_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, reason: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(PermanentError, match=reason) as caught:
        Sessions().user(PLATFORM, "sts")
    assert "the SDK's own variables (AWS_…)" in caught.value.remedy
