from __future__ import annotations

from typing import Any

import pytest

from workers.sandbox.aws.policies import Decision, evaluate, trusts

ROLE = "arn:aws:iam::111111111111:role/Role"


def statement(**members: Any) -> dict[str, Any]:
    return {"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*", **members}}


@pytest.mark.parametrize(
    ("document", "context", "decision"),
    [
        (statement(), {}, Decision.ALLOWED),
        (statement(Action=["iam:*", "STS:assume*"]), {}, Decision.ALLOWED),
        (statement(Action="sts:Get*"), {}, Decision.SILENT),
        (statement(NotAction="iam:*"), {}, Decision.ALLOWED),
        (statement(NotAction="sts:*"), {}, Decision.SILENT),
        (statement(Effect="Deny"), {}, Decision.DENIED),
        (statement(Resource="arn:aws:iam::*:role/Role"), {}, Decision.ALLOWED),
        (statement(Resource="arn:aws:iam::*:role/Rol"), {}, Decision.SILENT),
        (statement(Resource="arn:aws:iam::?11111111111:role/R*"), {}, Decision.ALLOWED),
        (statement(Condition={"StringEquals": {"sts:ExternalId": "x"}}), {}, Decision.SILENT),
        (statement(Condition={"StringEquals": {"sts:ExternalId": "x"}}), {"sts:ExternalId": "y"}, Decision.SILENT),
        (
            statement(Condition={"StringEquals": {"sts:ExternalId": ["y", "x"]}}),
            {"sts:ExternalId": "x"},
            Decision.ALLOWED,
        ),
        (statement(Condition={"StringLike": {"a": "o-1/*"}}), {"a": "o-1/r-1/"}, Decision.ALLOWED),
        (statement(Condition={"ForAnyValue:StringLike": {"a": ["b*"]}}), {"a": ["a", "bc"]}, Decision.ALLOWED),
        (statement(Condition={"StringNotEquals": {"a": "x"}}), {"a": "x"}, Decision.SILENT),
        (statement(Condition={"StringEqualsIfExists": {"a": "x"}}), {}, Decision.ALLOWED),
    ],
)
def test_decisions(document: dict[str, Any], context: dict[str, Any], decision: Decision) -> None:
    assert evaluate([document], "sts:AssumeRole", ROLE, context) is decision


def test_a_deny_wins_over_an_allow() -> None:
    documents = [statement(), statement(Effect="Deny", Resource=ROLE)]
    assert evaluate(documents, "sts:AssumeRole", ROLE, {}) is Decision.DENIED
    assert evaluate(documents, "sts:AssumeRole", ROLE + "2", {}) is Decision.ALLOWED
    assert evaluate([], "sts:AssumeRole", ROLE, {}) is Decision.SILENT


def test_what_it_does_not_understand_it_says() -> None:
    with pytest.raises(ValueError, match="NumericLessThan"):
        evaluate([statement(Condition={"NumericLessThan": {"a": "1"}})], "sts:AssumeRole", ROLE, {})


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        ({"AWS": "arn:aws:iam::222222222222:root"}, True),
        ({"AWS": ["arn:aws:iam::222222222222:user/a", "x"]}, True),
        ({"AWS": "arn:aws:iam::222222222222:user/*"}, False),  # AWS knows no wildcards inside a principal
        ({"AWS": "arn:aws:iam::222222222222:user/b"}, False),
        ({"Service": "lambda.amazonaws.com"}, False),
        ("*", True),
    ],
)
def test_trust(principal: Any, trusted: bool) -> None:
    document = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    names = {"AWS": ["arn:aws:iam::222222222222:user/a", "arn:aws:iam::222222222222:root"]}
    assert trusts(document, "sts:AssumeRole", names, {}) is trusted
