from __future__ import annotations

import json
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import httpx2
import pytest

from tasks.meshobjects.importing import Wanted, import_objects
from tests.workers.api.meshobjects.objects import (
    JSON,
    NAME,
    ROOT,
    WHOLE,
    YAML,
    Document,
    access,
    binding,
    project,
    put,
    put_well,
    tenant,
    updated,
    user,
    workspace,
)
from tests.workers.api.server import BODY, READ, TENANT, WRITE, Api, is_problem
from workers.examples import EXAMPLES


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


@pytest.mark.parametrize("gone", [False, True])
def test_four_times_as_many_objects_are_four_times_the_work(api: Api, gone: bool) -> None:
    """Also when half of them are missing in the collection; among 10,000 tenants anything else would take hours."""

    def calls(name: str, number: int) -> int:
        objects = [workspace(name), *(each for at in range(number) for each in of_project(name, f"p{at}"))]
        wanted = Wanted("ada", collection=name, deletions=3 * number)
        if gone:
            import_objects(objects, wanted, lambda: api.connector)
            del objects[1 + 3 * number // 2 :]
        counted = 0

        def count(_frame: FrameType, event: str, _argument: object) -> None:
            nonlocal counted
            counted += event == "call"

        sys.setprofile(count)
        try:
            rows = import_objects(objects, wanted, lambda: api.connector)
        finally:
            sys.setprofile(None)
        assert {row.code for row in rows} == {None}
        return counted

    calls("warm", 10)
    assert calls("many", 80) < 4.6 * calls("few", 20)


def of_project(owner: str, name: str) -> list[Document]:
    there = {"ownedByWorkspace": owner, "ownedByProject": name, "platformIdentifier": "aws.sandbox"}
    named = {**binding(at=name), "targetRef": {"name": name, "ownedByWorkspace": owner}}
    return [project(name, owner, paymentMethodIdentifier=None), {**tenant(name), "metadata": there}, named]


def test_imports_at_the_same_time_lose_nothing_of_each_other(api: Api, http: httpx2.Client) -> None:
    put_well(http, *WHOLE)
    names = [f"user{number}" for number in range(8)]

    def give_a_role(name: str) -> None:
        with api.client() as other:
            put_well(other, user(name), binding(name), project(tags={"env": ["dev"]}))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(give_a_role, names))

    assert set(access(http)) == {"ada", *names}
    assert len(http.get(f"{TENANT}/replications").json()["replications"]) <= 2  # one under way, and the newest content
