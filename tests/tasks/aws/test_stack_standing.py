"""Every status that CloudFormation documents for a stack has its place."""

from __future__ import annotations

import botocore.session

from tasks.aws.stack_standing import STANDINGS, Standing

GONE = "DELETE_COMPLETE"  # a stack with this status is no longer found by its name


def test_every_status_is_known() -> None:
    model = botocore.session.Session().get_service_model("cloudformation")
    assert {*STANDINGS, GONE} == set(model.shape_for("StackStatus").enum)


def test_what_is_on_its_way_is_waited_for() -> None:
    moving = {status for status, standing in STANDINGS.items() if standing is Standing.MOVING}
    assert moving == {status for status in STANDINGS if status.endswith("IN_PROGRESS")} - {"REVIEW_IN_PROGRESS"}
