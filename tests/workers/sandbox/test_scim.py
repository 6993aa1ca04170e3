"""The simulator's SCIM endpoint has AWS's restrictions: what AWS refuses is refused here, in AWS's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ALICE, BOB = (organization.USERS[f"{name}@example.com"] for name in ("alice", "bob"))
NOBODY = "1234567890-00000000-0000-4000-8000-000000009999"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
TOKEN = {"Authorization": f"Bearer {organization.SCIM_ACCESS_TOKEN}"}


@pytest.fixture
def scim(simulator: SimulatorClient) -> Iterator[httpx2.Client]:
    url = simulator.url + organization.SCIM_PATH
    with httpx2.Client(base_url=url, headers=TOKEN, trust_env=False) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"scim-{uuid4().hex[:8]}"


@pytest.fixture
def group(scim: httpx2.Client, name: str) -> str:
    created = scim.post("/Groups", json={"displayName": name})
    assert created.status_code == 201
    return str(created.json()["id"])


def change(op: str, *user_ids: str, **more: Any) -> dict[str, Any]:
    value = [{"value": user_id} for user_id in user_ids]
    return {"schemas": [PATCH], "Operations": [{"op": op, "path": "members", "value": value, **more}]}


def members(scim: httpx2.Client, group: str) -> set[str]:
    found = scim.get("/Users", params={"filter": f'groups.value eq "{group}"', "cursor": ""}).json()
    return {each["id"] for each in found["Resources"]}


def test_the_groups_are_those_of_the_identity_store(simulator: SimulatorClient, group: str, name: str) -> None:
    shown = {each["id"]: each["name"] for each in simulator.state()["identity_store"]["groups"]}

    assert shown[group] == name


def test_members_come_and_go_and_a_group_never_shows_them(scim: httpx2.Client, group: str) -> None:
    assert scim.patch(f"/Groups/{group}", json=change("add", ALICE, BOB)).status_code == 204
    assert scim.patch(f"/Groups/{group}", json=change("add", ALICE)).status_code == 204
    assert scim.get(f"/Groups/{group}").json()["members"] == []
    assert members(scim, group) == {ALICE, BOB}

    assert scim.patch(f"/Groups/{group}", json=change("remove", ALICE)).status_code == 204
    assert scim.patch(f"/Groups/{group}", json=change("remove", ALICE)).status_code == 204
    assert members(scim, group) == {BOB}
    asked = scim.get("/Groups", params={"filter": f'id eq "{group}" and members eq "{BOB}"'}).json()
    assert (asked["totalResults"], asked["startIndex"], asked["Resources"][0]["id"]) == (1, 1, group)


@pytest.mark.parametrize(
    "body",
    [
        change("replace", ALICE),
        change("remove"),
        change("add", ALICE, path="displayName"),
        change("add", *[ALICE] * 101),
        {**change("add", ALICE), "schemas": []},
        {"schemas": [PATCH], "Operations": []},
        {"schemas": [PATCH], "Operations": [{"op": "remove", "path": "members"}]},
        {"schemas": [PATCH], "Operations": [{"op": "add", "path": "members", "value": [ALICE]}]},
        ["nothing"],
    ],
)
def test_a_patch_that_aws_refuses(scim: httpx2.Client, group: str, body: Any) -> None:
    refused = scim.patch(f"/Groups/{group}", json=body)

    assert (refused.status_code, refused.json()["status"]) == (400, "400")
    assert refused.json()["detail"] == "Request is unparsable, syntactically incorrect, or violates schema."
    assert refused.json()["exceptionRequestId"] == refused.headers["x-amzn-requestid"]


def test_one_who_is_gone_spoils_the_whole_patch(scim: httpx2.Client, group: str) -> None:
    assert scim.patch(f"/Groups/{group}", json=change("add", ALICE, NOBODY)).status_code == 404
    assert members(scim, group) == set()


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/Users", {"filter": 'userName co "ali"'}),
        ("/Users", {"filter": 'userName eq "a" or userName eq "b"'}),
        ("/Users", {"filter": 'emails.value eq "alice@example.com"'}),
        ("/Users", {"filter": "userName eq alice"}),
        ("/Users", {"filter": ""}),
        ("/Users", {"startIndex": "51"}),
        ("/Users", {"count": "101", "cursor": ""}),
        ("/Users", {"cursor": "%%%"}),
        ("/Groups", {"filter": f'displayName eq "x" and members eq "{ALICE}"'}),
    ],
)
def test_a_question_that_aws_refuses(scim: httpx2.Client, path: str, query: dict[str, str]) -> None:
    assert scim.get(path, params=query).status_code == 400


def test_pages_by_cursor(scim: httpx2.Client) -> None:
    seen, cursor = [], ""
    while cursor is not None:
        page = scim.get("/Users", params={"cursor": cursor, "count": "4"}).json()
        assert "totalResults" not in page
        seen += [each["userName"] for each in page["Resources"]]
        cursor = page.get("nextCursor")

    assert set(organization.USERS) <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_name_is_taken_once(scim: httpx2.Client, group: str, name: str) -> None:
    assert scim.post("/Groups", json={"displayName": name.upper()}).status_code == 409
    assert scim.post("/Groups", json={"displayName": ""}).status_code == 400
    assert scim.delete(f"/Groups/{group}").status_code == 204
    assert scim.delete(f"/Groups/{group}").status_code == 404
    assert scim.get(f"/Groups/{group}").status_code == 404
    assert scim.patch(f"/Groups/{group}", json=change("add", ALICE)).status_code == 404


@pytest.mark.parametrize("shown", [True, False])
def test_an_external_id_is_taken_changed_and_asked_for(
    simulator: SimulatorClient, scim: httpx2.Client, shown: bool
) -> None:
    simulator.set_options(scim_shows_external_ids=shown)
    made = scim.post("/Groups", json={"displayName": f"marked-{shown}", "externalId": f"a.b-{shown}"}).json()
    group = made["id"]

    assert made["externalId"] == f"a.b-{shown}"
    assert scim.get(f"/Groups/{group}").json().get("externalId") == (f"a.b-{shown}" if shown else None)
    change = {"op": "replace", "path": "externalId", "value": f"c_d-{shown}"}
    assert scim.patch(f"/Groups/{group}", json={"schemas": [PATCH], "Operations": [change]}).status_code == 204
    for mark, found in ((f"c_d-{shown}", [group]), (f"a.b-{shown}", [])):
        listed = scim.get("/Groups", params={"filter": f'externalId eq "{mark}"', "cursor": ""}).json()["Resources"]
        assert [each["id"] for each in listed] == found
    assert scim.post("/Groups", json={"displayName": "x", "externalId": "a:b"}).status_code == 400


def test_answers_have_the_headers_that_aws_documents(scim: httpx2.Client, group: str) -> None:
    """Against RFC 7644 AWS's answer to a creation has no Location; an id that it does not know is a 404."""
    created = scim.post("/Groups", json={"displayName": f"{group}-2"})
    assert (created.status_code, created.headers["content-type"]) == (201, "application/json")
    assert created.headers["x-amzn-requestid"]
    assert "location" not in created.headers
    for path in (f"/Groups/{NOBODY}", f"/Users/{NOBODY}"):
        assert scim.get(path).status_code == 404
    assert scim.delete(f"/Groups/{NOBODY}").status_code == 404


def test_a_group_cannot_be_put(scim: httpx2.Client, group: str) -> None:
    assert scim.put(f"/Groups/{group}", json={"displayName": "x", "members": []}).status_code == 400
    assert scim.post("/Bulk", json={}).status_code == 400


def test_without_the_token_nothing_is_told(simulator: SimulatorClient, scim: httpx2.Client, group: str) -> None:
    elsewhere = f"{simulator.url}/other-tenant/scim/v2/Users"

    assert scim.get("/Users", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert scim.get(elsewhere).status_code == 401
    assert scim.patch(f"/Groups/{group}", json=change("add", ALICE), headers={"User-Agent": ""}).status_code == 403


def test_too_many_requests_say_when_to_come_again(simulator: SimulatorClient, scim: httpx2.Client) -> None:
    simulator.set_options(rates={"scim": 0.001})
    scim.get("/Users")

    refused = scim.get("/Users")

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


def test_a_group_keeps_the_id_that_its_provider_has_for_it(scim: httpx2.Client, name: str) -> None:
    made = scim.post("/Groups", json={"displayName": name, "externalId": f"ours/{name}"}).json()
    assert made["externalId"] == f"ours/{name}"
    assert scim.get(f"/Groups/{made['id']}").json()["externalId"] == f"ours/{name}"
    found = scim.get("/Groups", params={"filter": f'externalId eq "ours/{name}"'}).json()["Resources"]
    assert [each["id"] for each in found] == [made["id"]]
    assert "externalId" not in scim.post("/Groups", json={"displayName": f"{name}-2"}).json()


def test_a_user_is_shown_or_unknown(scim: httpx2.Client) -> None:
    assert scim.get(f"/Users/{ALICE}").json()["userName"] == "alice@example.com"
    assert scim.get(f"/Users/{NOBODY}").status_code == 404


def test_case_may_count(simulator: SimulatorClient, scim: httpx2.Client, group: str, name: str) -> None:
    simulator.set_options(names_ignore_case=False)
    assert scim.post("/Groups", json={"displayName": name}).status_code == 409
    assert scim.post("/Groups", json={"displayName": name.upper()}).status_code == 201
    assert scim.get("/Users", params={"filter": 'userName eq "ALICE@example.com"'}).json()["Resources"] == []
