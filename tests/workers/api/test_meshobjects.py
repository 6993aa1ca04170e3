from __future__ import annotations

import asyncio
import json
import shutil
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.requests import ClientDisconnect

from tasks.meshobjects.reading import read_yaml
from tasks.model.desired import TenantId
from tests.support.redis import CheckedRedis
from tests.workers.api.server import BODY, READ, TENANT, WRITE, Api, is_problem, make, serving
from workers.api.app import create_app
from workers.examples import EXAMPLES

ROOT = "/api/meshobjects"
JSON = "application/vnd.meshcloud.api.meshobjects.v1+json"
YAML = "application/vnd.meshcloud.api.meshobjects.v1+yaml"
NAME = TenantId("likvid", "shop", "aws.sandbox")
Document = dict[str, Any]


def v4(version: str = "v4") -> str:
    return f"application/vnd.meshcloud.api.meshtenant.{version}.hal+json"


def workspace(name: str = "likvid", **spec: Any) -> Document:
    spec.setdefault("displayName", "Likvid Bank")
    return {"apiVersion": "v2", "kind": "meshWorkspace", "metadata": {"name": name}, "spec": spec}


def project(name: str = "shop", owner: str = "likvid", **spec: Any) -> Document:
    metadata = {"name": name, "ownedByWorkspace": owner}
    spec = {"displayName": "Web shop", "tags": {"env": ["dev"]}, "paymentMethodIdentifier": "likvid-main", **spec}
    return {"apiVersion": "v2", "kind": "meshProject", "metadata": metadata, "spec": spec}


def payment() -> Document:
    metadata = {"name": "likvid-main", "ownedByWorkspace": "likvid"}
    spec = {"displayName": "Main", "expirationDate": "2031-12-31", "amount": 10, "tags": {"costCenter": ["7"]}}
    return {"apiVersion": "v2", "kind": "meshPaymentMethod", "metadata": metadata, "spec": spec}


def user(name: str = "ada", **spec: Any) -> Document:
    spec = {"email": f"{name}@example.com", "firstName": name.title(), "euid": f"{name}@example.com", **spec}
    return {"apiVersion": "v2", "kind": "meshUser", "metadata": {"name": name}, "spec": spec}


def tenant(name: str = "shop", **spec: Any) -> Document:
    metadata = {"ownedByWorkspace": "likvid", "ownedByProject": name, "platformIdentifier": "aws.sandbox"}
    spec = {"landingZoneIdentifier": "development", **spec}
    return {"apiVersion": "v3", "kind": "meshTenant", "metadata": metadata, "spec": spec}


def binding(
    subject: str = "ada", role: str = "Project Admin", at: str = "shop", kind: str = "User", name: str | None = None
) -> Document:
    return {
        "apiVersion": "v3",
        "kind": f"meshProject{kind}Binding",
        "metadata": {} if name is None else {"name": name},
        "roleRef": {"name": role},
        "targetRef": {"name": at, "ownedByWorkspace": "likvid"},
        "subject": {"name": subject},
    }


def group(*members: str) -> Document:
    metadata = {"name": "team", "ownedByWorkspace": "likvid"}
    spec = {"displayName": "Team", "members": list(members)}
    return {"apiVersion": "v1", "kind": "meshWorkspaceUserGroup", "metadata": metadata, "spec": spec}


def platform(secret: Any) -> Document:
    """A platform like that of the examples, in another location, with other names for what it makes."""
    text = (EXAMPLES / "config" / "platform-scim.yaml").read_text().partition("\n---\n")[0]
    [document] = read_yaml(text.replace("SANDBOX_", "MESHOBJECT_SECRET_").encode())
    replication = document["spec"]["config"]["aws"]["replication"]
    replication["accessConfig"]["auth"]["credential"]["secretKey"] = secret
    for part in ("accountAliasPattern", "accountEmailPattern"):
        replication[part] = replication[part].replace("scim", "fresh")
    replication["awsSso"]["groupNamePattern"] = replication["awsSso"]["groupNamePattern"].replace("scim", "fresh")
    document["metadata"] = {"name": "aws", "uuid": "11111111-2222-4333-8444-555555555555"}
    document["spec"]["locationRef"] = {"name": "fresh"}
    return dict(document)


def location(name: str) -> Document:
    return {"apiVersion": "v1", "kind": "meshLocation", "metadata": {"name": name}, "spec": {"displayName": name}}


def zone(name: str, **aws: Any) -> Document:
    aws = {"awsTargetOrgUnitId": "ou-sbox-development", "awsEnrollAccount": False, "awsRoleMappings": [], **aws}
    spec = {
        "displayName": name,
        "platformRef": {"identifier": "aws.sandbox"},
        "platformProperties": {"type": "aws", "aws": aws},
    }
    return {"apiVersion": "v1", "kind": "meshLandingZone", "metadata": {"name": name}, "spec": spec}


WHOLE = [workspace(), project(), payment(), user(), tenant(), binding()]


def put(http: httpx2.Client, *objects: Document, **query: Any) -> list[Document]:
    """Import objects; gives the rows."""
    answer = http.put(ROOT, content=json.dumps(objects), params=query, headers={"Content-Type": JSON, "Accept": JSON})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == JSON
    rows: list[Document] = answer.json()
    return rows


def put_well(http: httpx2.Client, *objects: Document, **query: Any) -> list[Document]:
    rows = put(http, *objects, **query)
    assert [row for row in rows if row["status"] != "SUCCESS"] == []
    return rows


def refused(http: httpx2.Client, status: int, *objects: Document, **query: Any) -> str:
    answer = http.put(ROOT, content=json.dumps(objects), params=query, headers={"Content-Type": JSON})
    return str(is_problem(answer, status)["detail"])


def access(http: httpx2.Client, path: str = TENANT) -> dict[str, list[str]]:
    desired = http.get(path).json()["desired"]
    return {person["username"]: person["roles"] for person in desired.get("access", [])}


def updated(http: httpx2.Client) -> dict[str, str]:
    return {each["tenant"]: each["updatedAt"] for each in http.get("/api/v1/tenants").json()["tenants"]}


def test_objects_become_an_order(http: httpx2.Client) -> None:
    rows = put(http, *WHOLE)

    assert rows[0] == {
        "meshObject": "meshWorkspace[likvid]",
        "status": "SUCCESS",
        "resultCode": None,
        "message": None,
        "remarks": None,
    }
    assert [row["meshObject"] for row in rows[1:5]] == [
        *("meshProject[likvid.shop]", "meshPaymentMethod[likvid-main]"),
        *("meshUser[ada]", "meshTenant[likvid.shop.aws.sandbox]"),
    ]
    assert http.get(TENANT).json()["desired"] == {
        "landingZone": "development",
        "workspace": {"displayName": "Likvid Bank"},
        "project": {"displayName": "Web shop", "tags": {"env": ["dev"]}},
        "paymentMethod": {
            "identifier": "likvid-main",
            "name": "Main",
            "expirationDate": "2031-12-31",
            "amount": "10",
            "tags": {"costCenter": ["7"]},
        },
        "access": [
            {
                "username": "ada",
                "firstName": "Ada",
                "email": "ada@example.com",
                "euid": "ada@example.com",
                "roles": ["admin"],
            }
        ],
    }


def test_the_order_of_the_objects_does_not_matter(http: httpx2.Client) -> None:
    put_well(http, *reversed(WHOLE))

    assert access(http) == {"ada": ["admin"]}


def test_only_tenants_whose_desired_state_changed_are_enqueued(http: httpx2.Client) -> None:
    put_well(http, *WHOLE, project("other"), tenant("other"))
    before = updated(http)

    put_well(http, *WHOLE, project("other"), tenant("other"))
    assert updated(http) == before
    put_well(http, project(tags={"env": ["prod"]}))

    changed = updated(http)
    assert [name for name in before if before[name] != changed[name]] == [str(NAME)]
    assert http.get(TENANT).json()["desired"]["project"]["tags"] == {"env": ["prod"]}


def test_yaml_of_several_documents(http: httpx2.Client) -> None:
    text = "\n---\n".join(json.dumps(each) for each in WHOLE)

    answer = http.put(ROOT, content=text, headers={"Content-Type": YAML})

    assert {row["status"] for row in answer.json()} == {"SUCCESS"}
    assert access(http) == {"ada": ["admin"]}


def test_the_example(http: httpx2.Client) -> None:
    text = (EXAMPLES.parents[1] / "examples" / "meshstack" / "objects.yaml").read_bytes()

    answer = http.put(ROOT, content=text, headers={"Content-Type": YAML})

    assert {row["status"] for row in answer.json()} == {"SUCCESS"}
    assert access(http) == {"ada": ["admin"], "bob": ["reader"]}


def test_one_object_needs_no_array(http: httpx2.Client) -> None:
    answer = http.put(ROOT, content=json.dumps(workspace()), headers={"Content-Type": JSON})

    assert [row["status"] for row in answer.json()] == ["SUCCESS"]


@pytest.mark.parametrize(
    "text", ["", "[", '[{"kind": "meshUser"}', '{"kind": "a", "kind": "b"}', "NaN", "[" * 100_000, "\xff"]
)
def test_a_body_that_cannot_be_read_does_nothing(api: Api, http: httpx2.Client, text: str) -> None:
    is_problem(http.put(ROOT, content=text.encode("latin-1"), headers={"Content-Type": JSON}), 400)

    assert "connector:objects" not in api.keys()  # noqa: SIM118 (it is no dict)


@pytest.mark.parametrize("text", ["a: [", "a: &x [*x]", "a: 1\na: 2", "!!python/object:os.system {}", "\t- a"])
def test_yaml_that_cannot_be_read_does_nothing(http: httpx2.Client, text: str) -> None:
    is_problem(http.put(ROOT, content=text, headers={"Content-Type": YAML}), 400)


def test_media_types_are_meshstacks(http: httpx2.Client) -> None:
    for wrong in ("application/json", "text/yaml", "application/vnd.meshcloud.api.meshobjects.v2+json"):
        is_problem(http.put(ROOT, content="[]", headers={"Content-Type": wrong}), 415)
    is_problem(http.put(ROOT, content="[]", headers={"Content-Type": JSON, "Accept": "text/html"}), 406)
    assert http.put(ROOT, content="[]", headers={"Content-Type": JSON.upper() + "; charset=utf-8"}).json() == []


def test_a_token_may_come_as_a_password(api: Api) -> None:
    def basic(token: str) -> dict[str, str]:
        return {"Authorization": f"Basic {b64encode(f'anybody:{token}'.encode()).decode()}", "Content-Type": JSON}

    with api.client(None) as http:
        assert http.put(ROOT, content="[]", headers=basic(WRITE)).status_code == 200
        is_problem(http.put(ROOT, content="[]", headers=basic(READ)), 403)
        wrong = http.put(ROOT, content="[]", headers=basic("wrong-token"))
        is_problem(wrong, 401)
        assert wrong.headers["www-authenticate"].startswith("Basic")
        assert http.get(f"{ROOT}/meshtenants", headers=basic(READ)).status_code == 200
        is_problem(http.put(TENANT, json=BODY, headers={**basic(WRITE), "Content-Type": "application/json"}), 401)


@pytest.mark.parametrize(
    ("document", "code", "said"),
    [
        (project(owner="nobody"), "WORKSPACE_NOT_FOUND", "meshWorkspace"),
        (tenant("nothing"), "PROJECT_NOT_FOUND", "meshProject"),
        (binding(at="nothing"), "PROJECT_NOT_FOUND", "meshProject"),
        ({**workspace(), "kind": "meshCity"}, "INVALID_MESH_OBJECT", "meshProject"),
        ({**workspace(), "apiVersion": "v9"}, "INVALID_MESH_OBJECT", "v9"),
        (workspace("a.b"), "INVALID_MESH_OBJECT", "metadata.name"),
        ({"kind": "meshUser"}, "INVALID_MESH_OBJECT", "metadata is required"),
        (tenant(landingZoneIdentifier="nowhere"), "INVALID_MESH_OBJECT", "landing zone"),
        (tenant(localId="12"), "INVALID_MESH_OBJECT", "platformTenantId"),
    ],
)
def test_a_wrong_object_is_told_and_stops_no_other(
    http: httpx2.Client, document: Document, code: str, said: str
) -> None:
    rows = put(http, workspace(), project(), document, user())

    assert [row["status"] for row in rows] == ["SUCCESS", "SUCCESS", "FAILED", "SUCCESS"]
    assert rows[2]["resultCode"] == code
    assert said in rows[2]["message"]


def test_what_belongs_to_a_wrong_object_is_refused_too(http: httpx2.Client) -> None:
    rows = put(
        http, project(owner="nobody"), {**tenant(), "metadata": tenant()["metadata"] | {"ownedByWorkspace": "nobody"}}
    )

    assert [row["resultCode"] for row in rows] == ["WORKSPACE_NOT_FOUND"] * 2


def test_the_same_object_twice(http: httpx2.Client) -> None:
    rows = put(http, workspace(), workspace("LIKVID"))

    assert [row["status"] for row in rows] == ["SUCCESS", "FAILED"]


def test_something_that_is_no_object(http: httpx2.Client) -> None:
    answer = http.put(ROOT, content='[7, null, "a", {"kind": ["meshUser"]}]', headers={"Content-Type": JSON})

    assert {row["resultCode"] for row in answer.json()} == {"INVALID_MESH_OBJECT"}


@pytest.fixture
def redis_of_its_own() -> Iterator[CheckedRedis]:
    with CheckedRedis(fsync="no") as redis:
        yield redis


class TestAccess:
    def test_groups_are_resolved_and_roles_joined(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, group("ada", "bob"), user("bob"), binding("team", "Project Reader", kind="Group"))

        assert access(http) == {"ada": ["admin", "reader"], "bob": ["reader"]}

    def test_a_member_of_a_group_who_leaves_loses_access(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, group("ada", "bob"), user("bob"), binding("team", "Project Reader", kind="Group"))

        put_well(http, group("ada"))

        assert access(http) == {"ada": ["admin", "reader"]}

    def test_a_role_is_known_by_its_name_for_people(self, http: httpx2.Client) -> None:
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

    def test_a_user_changes_in_every_tenant(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE)

        put_well(http, user(euid="ada@new.example.com"))

        assert http.get(TENANT).json()["desired"]["access"][0]["euid"] == "ada@new.example.com"

    def test_a_binding_that_moves_leaves_nothing_behind(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE[:-1], project("other"), tenant("other"), binding(name="b1"))

        put_well(http, binding(at="other", name="b1"))

        assert access(http) == {}
        assert access(http, "/api/v1/tenants/likvid/other/aws.sandbox") == {"ada": ["admin"]}

    def test_a_tenant_that_was_ordered_in_another_way_keeps_its_people_until_bindings_come(
        self, http: httpx2.Client
    ) -> None:
        assert http.put(TENANT, json=BODY).status_code == 202

        put_well(http, workspace(), project(), payment(), tenant())
        assert set(access(http)) == {"ada", "bob"}
        put_well(http, user(), binding())

        assert access(http) == {"ada": ["admin"]}

    def test_who_is_to_have_none_loses_it_also_when_the_order_is_refused(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, user("bob"), binding("bob", name="b2"), meshObjectCollection="c")
        objects = [*WHOLE[:4], user("bob"), tenant(landingZoneIdentifier="nowhere"), binding()]

        rows = put(http, *objects, binding("ada", name="b2"))

        assert [row["meshObject"] for row in rows if row["status"] == "FAILED"] == [
            "meshTenant[likvid.shop.aws.sandbox]"
        ]
        assert access(http) == {"ada": ["admin"]}
        assert http.get(TENANT).json()["desired"]["landingZone"] == "development"


class TestCollections:
    def test_what_is_missing_is_deleted(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, user("bob"), binding("bob"), meshObjectCollection="c")

        rows = put_well(http, *WHOLE, user("bob"), meshObjectCollection="c")

        assert "missing in the collection" in rows[-1]["remarks"]
        assert access(http) == {"ada": ["admin"]}

    def test_what_others_imported_stays(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, meshObjectCollection="c")
        put_well(http, user("bob"), binding("bob"), meshObjectCollection="d")
        put_well(http, user("cyd"), binding("cyd"), meshObjectCollection="c", owner="likvid")

        put_well(http, *WHOLE, meshObjectCollection="c")

        assert set(access(http)) == {"ada", "bob", "cyd"}

    def test_a_tenant_that_is_missing_goes_the_usual_way(self, http: httpx2.Client) -> None:
        objects = [*WHOLE, project("other"), tenant("other", landingZoneIdentifier="production")]
        put_well(http, *objects, meshObjectCollection="c")

        put_well(http, *objects[:-1], meshObjectCollection="c")

        shown = http.get("/api/v1/tenants/likvid/other/aws.sandbox").json()
        assert shown["deletion"]["requestedBy"] == "producer"
        assert shown["deletion"]["approvedAt"] is None
        assert shown["deletedAt"] is None
        assert http.get(TENANT).json()["deletion"] is None

    def test_it_comes_back_when_it_is_imported_again(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, meshObjectCollection="c")
        put_well(http, *[each for each in WHOLE if each["kind"] != "meshTenant"], meshObjectCollection="c")
        assert http.get(TENANT).json()["deletion"] is not None

        put_well(http, *WHOLE, meshObjectCollection="c")

        assert http.get(TENANT).json()["deletion"] is None

    @pytest.mark.parametrize("text", ["", "[]", " "])
    def test_an_empty_body_deletes_nothing(self, http: httpx2.Client, text: str) -> None:
        put_well(http, *WHOLE, meshObjectCollection="c")

        query = {"meshObjectCollection": "c", "deletions": "1000"}
        for kind in (JSON, YAML):
            answer = http.put(ROOT, content=text, params=query, headers={"Content-Type": kind})
            assert answer.status_code in (400, 409)

        assert access(http) == {"ada": ["admin"]}
        assert http.get(TENANT).json()["deletion"] is None

    def test_a_body_that_breaks_off_deletes_nothing(self, api: Api, http: httpx2.Client) -> None:
        """What has come of it by then could be read."""
        put_well(http, *WHOLE, meshObjectCollection="c")
        begun = "\n---\n".join(json.dumps(each) for each in WHOLE[:-1]) + "\n---\n"
        messages: Iterator[Document] = iter(
            [{"type": "http.request", "body": begun.encode(), "more_body": True}, {"type": "http.disconnect"}]
        )
        scope = {
            "type": "http",
            "method": "PUT",
            "path": ROOT,
            "raw_path": ROOT.encode(),
            "http_version": "1.1",
            "scheme": "http",
            "server": ("x", 80),
            "client": ("x", 1),
            "root_path": "",
            "app": api.app,
            "query_string": b"meshObjectCollection=c",
            "headers": [(b"authorization", f"Bearer {WRITE}".encode()), (b"content-type", YAML.encode())],
        }
        sent: list[Document] = []

        async def receive() -> Document:
            return next(messages)

        async def send(message: Any) -> None:
            sent.append(message)

        with suppress(ClientDisconnect):
            asyncio.run(api.app(scope, receive, send))

        assert not any(message.get("status") == 200 for message in sent)
        assert access(http) == {"ada": ["admin"]}

    def test_a_body_without_an_object_that_can_be_read_deletes_nothing(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, meshObjectCollection="c")

        rows = put(http, *WHOLE[:-2], {"kind": "meshTenant"}, meshObjectCollection="c")

        assert "none of the" in rows[-1]["remarks"]
        assert access(http) == {"ada": ["admin"]}

    def test_more_than_usual_is_deleted_only_when_the_request_says_how_many(self, http: httpx2.Client) -> None:
        more = [each for name in "abc" for each in (project(name), tenant(name))]
        put_well(http, *WHOLE, *more, meshObjectCollection="c")
        left = [*WHOLE, *more[:2]]

        assert "deletions=4" in refused(http, 409, *left, meshObjectCollection="c")
        assert "deletions=4" in refused(http, 409, *left, meshObjectCollection="c", deletions=3)
        assert http.get("/api/v1/tenants/likvid/b/aws.sandbox").json()["deletion"] is None
        put_well(http, *left, meshObjectCollection="c", deletions=4)

        assert http.get("/api/v1/tenants/likvid/b/aws.sandbox").json()["deletion"] is not None
        assert http.get("/api/v1/tenants/likvid/a/aws.sandbox").json()["deletion"] is None

    def test_a_project_is_kept_as_long_as_something_belongs_to_it(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE[:-2], workspace("more"), user("x"), meshObjectCollection="c")
        put_well(http, *WHOLE[-2:])

        objects = [each for each in WHOLE[:-2] if each["kind"] != "meshProject"]
        rows = put(http, *objects, workspace("more"), user("x"), meshObjectCollection="c")

        assert rows[-1]["meshObject"] == "meshProject[likvid.shop]"
        assert rows[-1]["status"] == "FAILED"
        put_well(http, user(firstName="Countess"))
        assert http.get(TENANT).json()["desired"]["project"]["displayName"] == "Web shop"


class TestDeletion:
    def test_an_import_does_not_take_a_deletion_back(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE)
        http.delete(TENANT)

        rows = put(http, *WHOLE, user("bob"), binding("bob"))

        assert [row["meshObject"] for row in rows if row["status"] == "FAILED"] == [
            "meshTenant[likvid.shop.aws.sandbox]"
        ]
        assert http.get(TENANT).json()["deletion"] is not None

    @pytest.mark.parametrize(
        "marked",
        [
            {**tenant(), "metadata": {**tenant()["metadata"], "deletedOn": "2026-05-01T10:00:00Z"}},
            {**tenant(), "status": {"lifecycle": {"state": "MARKED_FOR_DELETION"}}},
        ],
    )
    def test_a_tenant_that_is_marked_for_deletion_is_deleted(self, http: httpx2.Client, marked: Document) -> None:
        put_well(http, *WHOLE)

        put_well(http, marked)
        put_well(http, user("bob"), binding("bob"))

        assert http.get(TENANT).json()["deletion"] is not None


def test_a_platform_is_used_without_a_restart(http: httpx2.Client) -> None:
    fresh = {**zone("fresh"), "spec": {**zone("fresh")["spec"], "platformRef": {"identifier": "aws.fresh"}}}
    put_well(http, location("fresh"), platform({"env": "MESHOBJECT_SECRET_KEY"}), fresh)
    named = {**tenant(landingZoneIdentifier="fresh")}
    named["metadata"] = {**named["metadata"], "platformIdentifier": "aws.fresh"}

    put_well(http, *WHOLE, named)

    assert http.get("/api/v1/tenants/likvid/shop/aws.fresh").status_code == 200
    assert [each["tenant"] for each in http.get("/api/v1/tenants").json()["tenants"]] == [
        *("likvid.shop.aws.fresh", "likvid.shop.aws.sandbox"),
    ]


class TestConfiguration:
    def test_a_landing_zone_is_used_without_a_restart(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, zone("fresh"), project("b"), tenant("b", landingZoneIdentifier="fresh"))

        assert http.get("/api/v1/tenants/likvid/b/aws.sandbox").json()["landingZone"] == "fresh"
        body = {**BODY, "landingZone": "fresh"}
        assert http.put("/api/v1/tenants/likvid/c/aws.sandbox", json=body).status_code == 202

    def test_mistakes_are_told_and_the_good_one_stays(self, http: httpx2.Client) -> None:
        put_well(http, zone("fresh"))

        rows = put(http, zone("fresh", awsTargetOrgUnitId="nonsense"), zone("other"))

        assert [row["status"] for row in rows] == ["FAILED", "SUCCESS"]
        assert "awsTargetOrgUnitId" in rows[0]["message"]
        for name in ("fresh", "other"):
            path = f"/api/v1/tenants/likvid/{name}/aws.sandbox"
            assert http.put(path, json={**BODY, "landingZone": name}).status_code == 202

    @pytest.mark.parametrize(
        "aws",
        [
            {"accessStack": {"templateFile": "/etc/passwd"}},
            {"serviceControlPolicy": {"name": "x", "templateFile": "../x.json"}},
        ],
    )
    def test_no_file_of_a_workers_machine_is_read(self, http: httpx2.Client, aws: Document) -> None:
        [row] = put(http, zone("fresh", **aws))

        assert row["status"] == "FAILED"
        assert "names a file" in row["message"]

    @pytest.mark.parametrize(
        "secret",
        [{"plaintext": "geheimnis"}, "geheimnis", {"file": "/run/secrets/geheimnis"}, {"env": "CONNECTOR_GEHEIMNIS"}],
    )
    def test_no_secret_comes_this_way_nor_is_sent_anywhere(self, api: Api, http: httpx2.Client, secret: Any) -> None:
        [row] = put(http, platform(secret))

        assert row["status"] == "FAILED"
        assert "MESHOBJECT_SECRET_" in row["message"]
        assert "geheimnis" not in json.dumps(row).lower().replace("connector_geheimnis", "")
        assert "connector:documents" not in api.keys()  # noqa: SIM118 (it is no dict)

    def test_what_is_used_is_not_deleted(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE)
        zones = [zone("a"), zone("b"), zone("c")]
        put_well(http, *zones, meshObjectCollection="zones")
        put_well(http, tenant(landingZoneIdentifier="a"))

        rows = put(http, zones[1], zones[2], meshObjectCollection="zones")

        assert rows[-1]["status"] == "FAILED"
        assert "still use it" in rows[-1]["message"]
        assert [row["status"] for row in put(http, zones[0], zones[1], meshObjectCollection="zones")] == ["SUCCESS"] * 3
        body = {**BODY, "landingZone": "c"}
        is_problem(http.put("/api/v1/tenants/likvid/d/aws.sandbox", json=body), 422)

    def test_what_another_process_takes_counts_for_the_next_order(self, api: Api, http: httpx2.Client) -> None:
        put_well(http, *WHOLE)
        put_well(http, zone("fresh"))
        orders = [f"/api/v1/tenants/likvid/{project}/aws.sandbox" for project in ("one", "two", "three")]
        answers = [http.put(orders[0], json={**BODY, "landingZone": "fresh"})]
        documents = api.store.documents.all()

        api.store.documents.change({}, ["meshLandingZone fresh"])
        answers.append(http.put(orders[1], json={**BODY, "landingZone": "fresh"}))
        api.store.documents.change(documents, [])
        answers.append(http.put(orders[2], json={**BODY, "landingZone": "fresh"}))

        assert [answer.status_code for answer in answers] == [202, 422, 202]

    def test_a_broken_directory_refuses_every_document(self, redis_of_its_own: CheckedRedis, tmp_path: Path) -> None:
        directory = tmp_path / "config"
        shutil.copytree(EXAMPLES / "config", directory)
        connector = make(redis_of_its_own.url)
        mine = replace(connector, settings=connector.settings.model_copy(update={"config_dir": directory}))
        with serving(create_app(mine)) as url:
            (directory / "broken.yaml").write_text("kind: [")
            headers = {"Authorization": f"Bearer {WRITE}"}
            with httpx2.Client(base_url=url, headers=headers, timeout=30, verify=False) as http:
                rows = put(http, zone("fresh"), workspace())
        mine.store.close()
        assert [row["status"] for row in rows] == ["FAILED", "SUCCESS"]

    def test_what_a_file_describes_counts_as_the_file_says_it(self, http: httpx2.Client) -> None:
        [row] = put_well(http, zone("development"))

        assert "which counts" in row["remarks"]


class TestTenants:
    PATH = f"{ROOT}/meshtenants"

    @pytest.fixture(autouse=True)
    def ordered(self, http: httpx2.Client) -> None:
        put_well(http, *WHOLE, *[each for name in "abcd" for each in (project(name), tenant(name))])

    def shown(self, http: httpx2.Client, version: str = "v4", path: str = "", **query: Any) -> Document:
        answer = http.get(self.PATH + path, params=query, headers={"Accept": v4(version)})
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == v4(version)
        found: Document = answer.json()
        return found

    def names(self, http: httpx2.Client, **query: Any) -> list[str]:
        found = self.shown(http, "v3", **query)
        return [each["metadata"]["ownedByProject"] for each in found["_embedded"]["meshTenants"]]

    def test_every_version(self, http: httpx2.Client) -> None:
        newest = self.shown(http, projectIdentifier="shop")["_embedded"]["meshTenants"][0]
        uuid = newest["metadata"]["uuid"]

        assert newest["spec"]["landingZoneRef"] == {"name": "development", "kind": "meshLandingZone"}
        assert newest["status"]["lifecycle"]["state"] == "ACTIVE"
        assert newest["status"]["tags"] == {"env": ["dev"], "costCenter": ["7"]}
        preview = self.shown(http, "v4-preview", f"/{uuid}")
        assert preview["apiVersion"] == "v4-preview"
        assert preview["spec"]["platformIdentifier"] == "aws.sandbox"
        oldest = self.shown(http, "v3", f"/{NAME}")
        assert oldest["metadata"]["tenantIdentifier"] == str(NAME)
        assert oldest["_links"]["self"]["href"].endswith(f"{self.PATH}/{NAME}")
        with httpx2.Client(headers=http.headers | {"Accept": v4()}, verify=False) as other:
            assert other.get(newest["_links"]["self"]["href"]).json() == newest

    def test_what_is_shown_can_be_imported(self, http: httpx2.Client) -> None:
        before = updated(http)
        for version in ("v3", "v4-preview", "v4"):
            put_well(http, *self.shown(http, version)["_embedded"]["meshTenants"])

        assert updated(http) == before

    def test_pages(self, http: httpx2.Client) -> None:
        first = self.shown(http, size=2, workspaceIdentifier="likvid")
        assert first["page"] == {"size": 2, "totalElements": 5, "totalPages": 3, "number": 0}
        seen, page = list(first["_embedded"]["meshTenants"]), first

        while "next" in page["_links"]:
            page = http.get(page["_links"]["next"]["href"], headers={"Accept": v4()}).json()
            seen += page["_embedded"]["meshTenants"]

        assert [each["metadata"]["ownedByProject"] for each in seen] == ["a", "b", "c", "d", "shop"]
        assert page["_links"].keys() == {"self", "first", "prev", "last"}
        assert self.shown(http, size=5000)["page"]["size"] == 1000
        assert self.shown(http)["_links"].keys() == {"self"}
        assert self.shown(http, page=9)["_embedded"] == {"meshTenants": []}

    def test_filters(self, http: httpx2.Client) -> None:
        http.delete("/api/v1/tenants/likvid/a/aws.sandbox")

        assert self.names(http) == ["b", "c", "d", "shop"]
        assert self.names(http, state=["MARKED_FOR_DELETION"]) == ["a"]
        assert self.names(http, deletionState="MARKED_FOR_DELETION") == ["a"]
        assert self.names(http, state=["ACTIVE", "MARKED_FOR_DELETION"]) == ["a", "b", "c", "d", "shop"]
        assert self.names(http, projectIdentifier="c", platformIdentifier="aws.sandbox") == ["c"]
        for nothing in (
            {"workspaceIdentifier": "x"},
            {"platformTypeIdentifier": "AZURE"},
            {"landingZoneIdentifier": "production"},
            {"platformTenantId": "123456789012"},
            {"state": "DELETED"},
        ):
            assert self.names(http, **nothing) == []
        assert self.names(http, platformTypeIdentifier="AWS") == ["b", "c", "d", "shop"]

    def test_what_is_not_there(self, http: httpx2.Client) -> None:
        is_problem(http.get(f"{self.PATH}/likvid.nothing.aws.sandbox"), 404)
        is_problem(http.get(f"{self.PATH}/7e63ef28-c38f-4f4b-90d8-920d1b49c4f8"), 404)
        is_problem(http.get(self.PATH, headers={"Accept": v4("v9")}), 406)
        is_problem(http.get(self.PATH, params={"state": "GONE"}), 422)

    def test_the_uuid_of_meshstack_is_kept(self, http: httpx2.Client) -> None:
        uuid = "7e63ef28-c38f-4f4b-90d8-920d1b49c4f8"
        spec = {
            "platformRef": {"uuid": "5f0c1d3a-7b52-4c0e-9a55-0d3a1c9e7f10"},
            "landingZoneRef": {"name": "development"},
        }
        metadata = {"uuid": uuid, "ownedByWorkspace": "likvid", "ownedByProject": "shop"}
        put_well(http, {"apiVersion": "v4", "kind": "meshTenant", "metadata": metadata, "spec": spec})

        assert self.shown(http, path=f"/{uuid}")["metadata"]["ownedByProject"] == "shop"

    def test_a_platform_that_only_meshstack_knows(self, http: httpx2.Client) -> None:
        metadata = {"ownedByWorkspace": "likvid", "ownedByProject": "shop"}
        spec = {"platformRef": {"uuid": "00000000-0000-4000-8000-000000000000"}}

        [row] = put(http, {"apiVersion": "v4", "kind": "meshTenant", "metadata": metadata, "spec": spec})

        assert row["status"] == "FAILED"
        assert "known platform" in row["message"]
