"""The pull against a meshStack that is strict about media types, pages its lists, and ignores what it does not know."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tasks.meshobjects.pull import Pulled
from tasks.model.desired import TenantId
from tasks.model.handles import Handles
from tasks.orders.deletion import approve, request_deletion
from tests.meshstack.pulling import SHOP, House


def test_what_stands_in_meshstack_is_ordered(house: House) -> None:
    house.mesh.add(
        "meshworkspaceusergroups",
        {"name": "team", "ownedByWorkspace": "likvid"},
        spec={"displayName": "Team", "members": ["bob", "cyd"]},
    )
    house.mesh.bind("team", "Project Reader", kind="group")
    house.mesh.bind("cyd", "Watcher")
    house.mesh.add("meshprojectroles", {"name": "watch"}, spec={"name": "Watcher", "rank": 1})

    assert house.pull() == Pulled(1, 1)

    assert house.access() == {"ada": ["admin"], "bob": ["reader"], "cyd": ["reader", "watch"]}
    record = house.record()
    assert record is not None
    assert record.desired.project.tags == {"env": ["dev"]}
    assert record.desired.workspace.tags == {"cost": ["1"]}
    assert record.desired.access[0].euid == "ada@example.com"


def test_others_platforms_workspaces_and_projects_are_none_of_ours(house: House) -> None:
    """meshStack ignores what it does not know, and shows everything."""
    house.mesh.tenant("other", platform="00000000-0000-4000-8000-000000000000")
    house.mesh.project("shop", owner="rival", env=["theirs"])
    house.mesh.project("blog")
    house.mesh.bind("bob", project="blog")
    theirs = house.mesh.bind("cyd")
    theirs["targetRef"] = {"name": "shop", "ownedByWorkspace": "rival"}

    house.pull()

    assert house.access() == {"ada": ["admin"]}
    assert [str(each.id) for each in house.connector.store.tenants.listed()] == [str(SHOP)]


def test_unchanged_content_is_not_ordered_again(house: House) -> None:
    house.pull()

    house.mesh.event(house.now + timedelta(minutes=1))

    assert house.pull(timedelta(minutes=2)) == Pulled(1, 0)


def test_events_tell_which_workspace_to_look_at(house: House) -> None:
    house.mesh.tenant("shop", owner="rival")
    house.pull()
    house.mesh.bind("bob")
    house.mesh.asked.clear()
    assert house.pull() == Pulled()
    assert set(house.mesh.asked) == {"mesheventlogs"}

    house.mesh.event(house.now)

    assert house.pull() == Pulled(1, 1)
    assert house.access() == {"ada": ["admin"], "bob": ["admin"]}
    assert house.pull() == Pulled(), "an event counts once"


def test_without_the_event_log_everything_is_looked_at_each_time(house: House) -> None:
    house.mesh.forbidden.add("mesheventlogs")
    house.pull()
    house.mesh.objects["meshprojectbindings/userbindings"].clear()

    assert house.pull() == Pulled(1, 1)

    assert house.access() == {}


def test_an_event_of_no_workspace_brings_a_full_look_after_some_minutes(house: House) -> None:
    house.pull()
    house.mesh.bind("bob")
    house.mesh.event(house.now, workspace=None)
    assert house.pull() == Pulled()

    house.mesh.event(house.now + timedelta(minutes=20), workspace=None)

    assert house.pull(timedelta(minutes=20)) == Pulled(1, 1)


@pytest.mark.parametrize(
    "hidden",
    ["meshprojectbindings/userbindings", "meshprojectbindings/groupbindings", "meshworkspaceusergroups", "meshusers"],
)
def test_who_cannot_be_seen_loses_nothing(house: House, hidden: str) -> None:
    house.mesh.add("meshworkspaceusergroups", {"name": "team", "ownedByWorkspace": "likvid"}, spec={"members": ["bob"]})
    house.mesh.bind("team", "Project Reader", kind="group")
    house.pull()
    before = house.access()
    house.mesh.forbidden |= {hidden, "mesheventlogs"}
    house.mesh.tenant("fresh")
    house.mesh.project("fresh")
    house.mesh.bind("ada", project="fresh")
    if hidden == "meshworkspaceusergroups":
        house.mesh.bind("team", project="fresh", kind="group")

    house.pull()

    assert before == {"ada": ["admin"], "bob": ["reader"]}
    assert house.access() == before
    assert house.access(TenantId("likvid", "fresh", "aws.sandbox")) is None


class TestGroupsOfEveryWorkspace:
    """They belong to a workspace that nobody can name in a filter, so no list of a workspace shows them."""

    GLOBAL = "meshworkspaceusergroups"

    @pytest.fixture(autouse=True)
    def bound(self, house: House) -> None:
        metadata = {"name": "all-admins", "ownedByWorkspace": "meshcloud-global-partner"}
        house.mesh.add(self.GLOBAL, metadata, spec={"members": ["bob"]})
        house.mesh.bind("all-admins", "Project Reader", kind="group")

    def test_their_members_have_access(self, house: House) -> None:
        house.pull()

        assert house.access() == {"ada": ["admin"], "bob": ["reader"]}

    def test_one_that_is_nowhere_takes_nobodys_access(self, house: House) -> None:
        house.pull()
        house.mesh.forbidden.add("mesheventlogs")
        house.mesh.objects[self.GLOBAL].clear()  # as for an API key that may not see it

        house.pull()

        assert house.access() == {"ada": ["admin"], "bob": ["reader"]}


def test_a_list_that_changes_while_it_is_read_counts_for_nothing(house: House) -> None:
    for name in ("bob", "cyd"):
        house.mesh.bind(name)
    house.pull()
    house.mesh.forbidden.add("mesheventlogs")
    bindings = house.mesh.objects["meshprojectbindings/userbindings"]

    def lose_one() -> None:
        if house.mesh.asked[-1].endswith("userbindings") and len(bindings) == 3:
            bindings.pop(0)

    house.mesh.meanwhile = lose_one
    house.pull()
    assert house.access() == {"ada": ["admin"], "bob": ["admin"], "cyd": ["admin"]}

    house.pull()

    assert house.access() == {"bob": ["admin"], "cyd": ["admin"]}


def test_a_user_whom_meshstack_does_not_know_any_more_has_no_access(house: House) -> None:
    house.mesh.objects["meshusers"] = []

    house.pull()

    record = house.record()
    assert record is not None
    assert [each.euid for each in record.desired.access] == [None]


class TestDeletion:
    """What meshStack marks is deleted; what it does not show is not."""

    def test_marked_for_deletion(self, house: House) -> None:
        house.pull()
        house.mesh.forbidden.add("mesheventlogs")
        house.mesh.objects["meshtenants"][0]["status"]["lifecycle"]["state"] = "MARKED_FOR_DELETION"

        house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is not None
        assert record.deletion.requested_by == "meshStack"
        assert record.deletion.approved_at is None

    def test_refused_there_it_is_taken_back_here(self, house: House) -> None:
        self.test_marked_for_deletion(house)
        house.mesh.objects["meshtenants"][0]["status"]["lifecycle"]["state"] = "ACTIVE"

        house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is None

    def test_what_somebody_else_has_asked_for_goes_on(self, house: House) -> None:
        house.pull()
        house.mesh.forbidden.add("mesheventlogs")
        record = house.record()
        assert record is not None
        request_deletion(record, house.connector, by="ada")
        house.mesh.bind("bob")

        house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is not None

    def test_an_approved_deletion_goes_on(self, house: House) -> None:
        self.test_marked_for_deletion(house)
        record = house.record()
        assert record is not None
        approve(record, house.connector, by="ada")
        house.mesh.objects["meshtenants"][0]["status"]["lifecycle"]["state"] = "ACTIVE"

        house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is not None

    def test_a_tenant_that_is_shown_no_more_stays(self, house: House) -> None:
        house.pull()
        house.mesh.forbidden.add("mesheventlogs")
        house.mesh.objects["meshtenants"].clear()

        house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is None
        assert house.access() == {"ada": ["admin"]}

    def test_one_that_was_deleted_between_two_looks_is_deleted_here(self, house: House) -> None:
        """Its mark was never seen, and no list shows it any more; asked for by its UUID, meshStack says what it was."""
        house.pull()
        house.mesh.forbidden.add("mesheventlogs")
        house.mesh.objects["meshtenants"][0]["status"]["lifecycle"]["state"] = "DELETED"

        house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is not None

    def test_another_tenant_of_the_same_name_is_not_deleted(self, house: House) -> None:
        house.pull()
        house.mesh.forbidden.add("mesheventlogs")
        old = house.mesh.objects["meshtenants"][0]
        old["status"]["lifecycle"]["state"] = "MARKED_FOR_DELETION"
        old["metadata"]["uuid"] = "uuid-of-an-older-one"

        with capture_logs() as logs:
            house.pull()

        record = house.record()
        assert record is not None
        assert record.deletion is None
        assert any("not ours" in each["event"] for each in logs)


def test_what_meshstack_asks_for_is_waited_for(house: House) -> None:
    house.mesh.status = 429
    house.pull()
    asked = len(house.mesh.asked)
    house.mesh.status = 200

    assert house.pull(timedelta(seconds=60)) == Pulled()
    assert len(house.mesh.asked) == asked


def test_one_instance_at_a_time(house: House) -> None:
    with house.connector.store.locks.held("meshstack_pull", timedelta(minutes=1)):
        assert house.pull() == Pulled()
    assert house.mesh.asked == []


def test_a_big_meshstack_is_read_in_portions(house: House) -> None:
    for number in range(60):
        house.mesh.tenant("p", owner=f"w{number}")
    house.mesh.page = 100
    portions = []
    while (found := house.pull(timedelta(seconds=30))).workspaces:
        portions.append(found.workspaces)

    assert sum(portions) == 61
    assert len(portions) > 1
    assert house.pull(timedelta(seconds=1)) == Pulled(), "so many requests in a second, on average"


def test_one_tenant_that_cannot_be_ordered_stops_no_other(house: House) -> None:
    house.mesh.project("wrong")
    house.mesh.objects["meshtenants"].insert(0, house.mesh.tenant("wrong", landingZoneRef={"name": "nowhere"}))
    house.mesh.objects["meshtenants"].pop()

    house.pull()

    assert house.access() == {"ada": ["admin"]}


def test_the_account_that_meshstack_knows_is_named(house: House) -> None:
    house.mesh.objects["meshtenants"][0]["spec"]["platformTenantId"] = "500000000007"

    house.pull()

    record = house.record()
    assert record is not None
    assert record.desired.platform_tenant_id == "500000000007"
    assert record.handles == Handles()


def test_json_of_the_state_is_small(house: House) -> None:
    for _ in range(5):
        house.mesh.event(house.now)
        house.pull()

    stored = house.connector.store.pulls.state()
    assert len(json.dumps(stored.seen)) < 1000
