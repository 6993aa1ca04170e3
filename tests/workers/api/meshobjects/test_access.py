from __future__ import annotations

import httpx2

from tests.workers.api.meshobjects.objects import (
    WHOLE,
    access,
    binding,
    group,
    payment,
    project,
    put,
    put_well,
    tenant,
    user,
    workspace,
)
from tests.workers.api.server import BODY, TENANT


def test_groups_are_resolved_and_roles_joined(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, group("ada", "bob"), user("bob"), binding("team", "Project Reader", kind="Group"))

    assert access(http) == {"ada": ["admin", "reader"], "bob": ["reader"]}


def test_a_member_of_a_group_who_leaves_loses_access(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, group("ada", "bob"), user("bob"), binding("team", "Project Reader", kind="Group"))

    put_well(http, group("ada"))

    assert access(http) == {"ada": ["admin", "reader"]}


def test_a_role_is_known_by_its_name_for_people(http: httpx2.Client) -> None:
    role = {
        "apiVersion": "v1",
        "kind": "meshProjectRole",
        "metadata": {"name": "auditor"},
        "spec": {"name": "Look"},
    }
    put_well(http, *WHOLE, binding("ada", "Look"))
    assert access(http) == {"ada": ["Look", "admin"]}

    put_well(http, role)

    assert access(http) == {"ada": ["admin", "auditor"]}


def test_a_user_changes_in_every_tenant(http: httpx2.Client) -> None:
    put_well(http, *WHOLE)

    put_well(http, user(euid="ada@new.example.com"))

    assert http.get(TENANT).json()["desired"]["access"][0]["euid"] == "ada@new.example.com"


def test_a_binding_that_moves_leaves_nothing_behind(http: httpx2.Client) -> None:
    put_well(http, *WHOLE[:-1], project("other"), tenant("other"), binding(name="b1"))

    put_well(http, binding(at="other", name="b1"))

    assert access(http) == {}
    assert access(http, "/api/v1/tenants/likvid/other/aws.sandbox") == {"ada": ["admin"]}


def test_a_tenant_that_was_ordered_in_another_way_keeps_its_people_until_bindings_come(http: httpx2.Client) -> None:
    assert http.put(TENANT, json=BODY).status_code == 202

    put_well(http, workspace(), project(), payment(), tenant())
    assert set(access(http)) == {"ada", "bob"}
    put_well(http, user(), binding())

    assert access(http) == {"ada": ["admin"]}


def test_who_is_to_have_none_loses_it_also_when_the_order_is_refused(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, user("bob"), binding("bob", name="b2"), meshObjectCollection="c")
    objects = [*WHOLE[:4], user("bob"), tenant(landingZoneIdentifier="nowhere"), binding()]

    rows = put(http, *objects, binding("ada", name="b2"))

    assert [row["meshObject"] for row in rows if row["status"] == "FAILED"] == ["meshTenant[likvid.shop.aws.sandbox]"]
    assert access(http) == {"ada": ["admin"]}
    assert http.get(TENANT).json()["desired"]["landingZone"] == "development"


def test_a_binding_of_an_older_version_has_several_subjects(http: httpx2.Client) -> None:
    """As meshStack's documentation writes them: no name, and a list."""
    older = {**binding(), "apiVersion": "v1", "subjects": [{"name": "bob"}, {"name": "cyd"}]}
    del older["subject"], older["metadata"]
    of_workspace = {**older, "kind": "meshWorkspaceUserBinding", "targetRef": {"name": "likvid"}}

    rows = put_well(http, *WHOLE, older, of_workspace, meshObjectCollection="c")
    assert len(rows) == len(WHOLE) + 2
    assert access(http) == {"ada": ["admin"], "bob": ["admin"], "cyd": ["admin"]}

    fewer = {**older, "subjects": [{"name": "cyd"}]}
    put_well(http, *WHOLE, fewer, of_workspace, meshObjectCollection="c")
    assert access(http) == {"ada": ["admin"], "cyd": ["admin"]}


def test_a_wrong_subject_is_told_and_takes_nothing(http: httpx2.Client) -> None:
    older = {**binding(), "apiVersion": "v1", "subjects": [{"name": "bob"}, {}]}
    del older["subject"]

    rows = put(http, *WHOLE, older)

    assert [row["status"] for row in rows] == ["SUCCESS"] * len(WHOLE) + ["FAILED"]
    assert access(http) == {"ada": ["admin"]}


def test_a_group_of_every_workspace(http: httpx2.Client) -> None:
    everywhere = {**group("bob"), "metadata": {"name": "all", "ownedByWorkspace": "meshcloud-global-partner"}}
    put_well(http, *WHOLE, everywhere, binding("all", "Project Reader", kind="Group"))
    assert access(http) == {"ada": ["admin"], "bob": ["reader"]}

    put_well(http, {**everywhere, "spec": {"members": []}})

    assert access(http) == {"ada": ["admin"]}
