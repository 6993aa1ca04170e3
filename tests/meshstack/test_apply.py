"""Runs that order a tenant: steps, outputs, what the team reads, and what meshStack may do meanwhile."""

from __future__ import annotations

from tests.meshstack.fake import inputs
from tests.meshstack.scene import Scene


def test_an_order_ends_with_its_outputs_and_names_its_steps(played: Scene) -> None:
    run = played.fake.queue(inputs("shop", "alice"))
    played.start_runner()

    played.ended(run)

    assert run.status == "SUCCEEDED", run.operators_messages
    account = played.account("shop")
    assert run.sent["account_id"] == account
    assert run.sent["sign_in_url"] == f"https://likvid.awsapps.com/start/#/{account}"
    assert run.sent["summary"].startswith(f"**AWS account {account}** is ready.")
    assert "| Alice Example | admin |" in run.sent["summary"]
    assert [step["displayName"] for step in run.steps.values()][:3] == [
        "Read the order",
        "Take away access that is not ordered any more",
        "Request the AWS account",
    ]
    assert {step["status"] for step in run.steps.values()} == {"SUCCEEDED"}
