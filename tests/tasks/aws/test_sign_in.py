"""What is the platform's own refusal, for which all of its tenants wait, and what concerns one account."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tasks.aws.faults import translate
from tasks.aws.sign_in import is_of_platform, of_platform


def answer(code: str, operation: str = "GetRole") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {}}, operation)


@pytest.mark.parametrize(
    ("error", "inside", "region", "young", "expected"),
    [
        (answer("UnrecognizedClientException", "ListRoots"), False, "", False, True),
        (answer("AccessDenied", "ListRoots"), False, "", False, False),  # a policy does not allow one call
        (answer("InvalidClientTokenId", "AssumeRole"), True, "", False, True),  # who asks is not known, whatever for
        (answer("AccessDenied", "AssumeRole"), True, "", False, False),  # the access role of one account
        (answer("InvalidClientTokenId"), True, "", False, False),  # that account is suspended, or not ready
        (answer("InvalidClientTokenId", "AssumeRole"), True, "", True, False),
        (answer("UnrecognizedClientException", "ListStacks"), False, "me-south-1", False, False),  # not enabled there
        (answer("Throttling", "ListRoots"), False, "", False, False),
    ],
)
def test_whose_refusal_it_is(error: ClientError, inside: bool, region: str, young: bool, expected: bool) -> None:
    failure = translate("iam", error, region)
    assert is_of_platform(failure, error, region, inside=inside, young=young) is expected


def test_what_a_platforms_own_role_is_refused_is_the_platforms() -> None:
    def fetch() -> dict[str, str]:
        raise answer("AccessDenied", "AssumeRole")

    with pytest.raises(ClientError) as raised:
        of_platform(fetch)()
    assert is_of_platform(translate("iam", raised.value), raised.value, "", inside=True, young=True)
