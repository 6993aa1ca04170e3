from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.workers.api.server import BODY, TENANT, WRITE, Api, is_problem, make, serving
from workers.api.app import create_app

PERSON = BODY["access"][0]
JSON = {"Content-Type": "application/json"}


def refused(api: Api, response: httpx2.Response) -> dict[str, str]:
    """Check that nothing was stored; gives what was said of each field."""
    document = is_problem(response, 422)
    assert api.keys() == []
    assert all(error["message"] and error["value"] for error in document["errors"])
    return {error["field"]: error["message"] for error in document["errors"]}


@pytest.mark.parametrize(
    ("path", "field", "said"),
    [
        ("likvid/shop/aws.elsewhere", "platform", "aws.sandbox"),
        ("likvid/shop/aws", "platform", "aws.sandbox"),
        ("-likvid/shop/aws.sandbox", "workspace", ""),
        ("likvid-/shop/aws.sandbox", "workspace", ""),
        ("lik--vid/shop/aws.sandbox", "workspace", ""),
        ("Likvid/shop/aws.sandbox", "workspace", ""),
        ("lik.vid/shop/aws.sandbox", "workspace", ""),
        ("..%00/shop/aws.sandbox", "workspace", ""),
        ("a" * 17 + "/shop/aws.sandbox", "workspace", "16"),
        ("likvid/-shop/aws.sandbox", "project", ""),
        ("likvid/shop-/aws.sandbox", "project", ""),
        ("likvid/sh--op/aws.sandbox", "project", ""),
        ("likvid/" + "a" * 31 + "/aws.sandbox", "project", "30"),
    ],
)
def test_a_bad_path_is_a_422_that_names_the_part(
    api: Api, http: httpx2.Client, path: str, field: str, said: str
) -> None:
    found = refused(api, http.put(f"/api/v1/tenants/{path}", json=BODY))
    assert list(found) == [field]
    assert said in found[field]


def test_the_longest_identifiers_are_taken(http: httpx2.Client) -> None:
    path = f"/api/v1/tenants/{'a' * 16}/{'b' * 8}/aws.sandbox"
    assert http.put(path, json=BODY).status_code == 202


def test_the_limits_of_identifiers_are_settings_but_an_email_ends_at_64_characters(api: Api) -> None:
    connector = make(api.redis.url, project_identifier_length=40)
    path = f"/api/v1/tenants/{'a' * 16}/"  # the example's email is aws+<workspace>.<project>@example.com
    with serving(create_app(connector)) as url, httpx2.Client(base_url=url, headers=api.client().headers) as http:
        found = refused(api, http.put(f"{path}{'b' * 32}/aws.sandbox", json=BODY))
        assert "64" in found["accountEmailPattern"]
        assert http.put(f"{path}{'b' * 31}/aws.sandbox", json=BODY).status_code == 202
    connector.store.close()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"landingZone": "elsewhere"}, "landingZone"),
        ({"landingZone": None}, "landingZone"),
        ({"landingZone": ["development"]}, "landingZone"),
        ({"landingZone": "x" * 256}, "landingZone"),
        ({"platformTenantId": "12345678901"}, "platformTenantId"),
        ({"platformTenantId": 123456789012}, "platformTenantId"),
        ({"tenantPlatformNumber": -1}, "tenantPlatformNumber"),
        ({"workspace": "likvid"}, "workspace"),
        ({"workspace": {"tags": {"env": "dev"}}}, "workspace.tags.env"),
        ({"workspace": {"tags": {"env": [1]}}}, "workspace.tags.env[0]"),
        ({"workspace": {"displayName": "a\0b"}}, "workspace.displayName"),
        ({"workspace": {"displayName": "a\x1b[31mb"}}, "workspace.displayName"),
        ({"workspace": {"tags": {"a\0b": []}}}, "workspace.tags.a\\x00b.[key]"),
        ({"project": {"createdBy": {"email": 5}}}, "project.createdBy.email"),
        ({"paymentMethod": 5}, "paymentMethod"),
        ({"paymentMethod": {"name": "x"}}, "paymentMethod.identifier"),
        ({"access": {}}, "access"),
        ({"access": [PERSON, {**PERSON, "roles": []}]}, "access[1].roles"),
        ({"access": [{**PERSON, "roles": [{}]}]}, "access[0].roles[0]"),
        ({"access": [{"roles": ["admin"]}]}, "access[0].username"),
        ({"access": [{**PERSON, "first_nam": "x"}]}, "access[0].first_nam"),
        ({"landing-zone": "x"}, "landing-zone"),
        ({"\ud800": "x"}, "body"),
        ({"landingZone": "\ud800"}, "landingZone"),
    ],
)
def test_a_bad_field_is_named(api: Api, http: httpx2.Client, changes: dict[str, Any], field: str) -> None:
    response = http.put(TENANT, content=json.dumps({**BODY, **changes}), headers=JSON)
    assert field in refused(api, response)


def test_every_mistake_is_told_at_once(api: Api, http: httpx2.Client) -> None:
    body = {"access": [{**PERSON, "roles": "admin"}], "tenantPlatformNumber": "x"}
    assert refused(api, http.put(TENANT, json=body)).keys() == {
        "landingZone",
        "access[0].roles",
        "tenantPlatformNumber",
    }


def test_a_secret_in_a_wrong_place_is_not_repeated(http: httpx2.Client) -> None:
    response = http.put(TENANT, json={**BODY, "secretKey": "hunter2-hunter2"})
    is_problem(response, 422)
    assert "hunter2" not in response.text


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe", b"[" * 200_000, b"nonsense", b'{"landingZone": 1e999'])
def test_what_is_no_json_is_a_client_error(api: Api, http: httpx2.Client, content: bytes) -> None:
    response = http.put(TENANT, content=content, headers=JSON)
    assert response.status_code in {400, 422}
    is_problem(response, response.status_code)
    assert api.keys() == []


@pytest.mark.parametrize("content", [b"null", b"[]", b"5", b'"x"', b"NaN"])
def test_json_that_is_no_object_is_a_422(api: Api, http: httpx2.Client, content: bytes) -> None:
    assert list(refused(api, http.put(TENANT, content=content, headers=JSON))) == ["body"]


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", "a"])
def test_other_media_types_are_a_415(api: Api, http: httpx2.Client, kind: str) -> None:
    is_problem(http.put(TENANT, content=json.dumps(BODY), headers={"Content-Type": kind}), 415)
    assert api.keys() == []


def test_json_with_a_charset_is_taken(http: httpx2.Client) -> None:
    response = http.put(TENANT, content=json.dumps(BODY), headers={"Content-Type": "application/json; charset=utf-8"})
    assert response.status_code == 202


def test_a_body_over_4_mib_is_a_413(api: Api, http: httpx2.Client) -> None:
    padded = json.dumps(BODY).encode()
    padded += b" " * (4 * 1024 * 1024 - len(padded))
    assert http.put(TENANT, content=padded, headers=JSON).status_code == 202
    api.redis.client.flushall()
    is_problem(http.put(TENANT, content=padded + b" ", headers=JSON), 413)
    chunks = (padded[start : start + 65536] for start in range(0, len(padded), 65536))

    def chunked() -> Any:
        yield from chunks
        yield b"  "

    is_problem(http.put(TENANT, content=chunked(), headers=JSON), 413)
    assert api.keys() == []


def test_a_chunked_body_under_the_limit_is_taken(http: httpx2.Client) -> None:
    text = json.dumps(BODY).encode()
    content = (text[start : start + 7] for start in range(0, len(text), 7))
    assert http.put(TENANT, content=content, headers=JSON).status_code == 202


def test_a_text_of_10_mb_is_a_413(api: Api, http: httpx2.Client) -> None:
    is_problem(http.put(TENANT, json={**BODY, "landingZone": "x" * 10_000_000}), 413)
    assert api.keys() == []


def test_who_asks_before_sending_too_much_is_refused_at_once(api: Api) -> None:
    connection = HTTPConnection(api.url.removeprefix("http://"), timeout=10)
    connection.putrequest("PUT", TENANT)
    for name, value in {
        "Authorization": f"Bearer {WRITE}",
        "Expect": "100-continue",
        "Content-Length": "5000000",
    }.items():
        connection.putheader(name, value)
    connection.endheaders()  # and no body: the server must not wait for it
    assert connection.getresponse().status == 413
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/api/v1/tenants/", 404),
        ("GET", "/api/v1/tenants/a/b/c/d", 404),
        ("PUT", "/api/v1/tenants/likvid%2Fshop/aws.sandbox/x/y", 404),
        ("GET", "/api/v1/tenants/../../etc/passwd", 404),
        ("GET", "/api/v1/replications/..%2f..", 404),
        ("GET", "/api/v1/replications/%00", 404),
        ("PATCH", TENANT, 405),
        ("POST", TENANT, 405),
        ("PUT", "/api/v1/tenants", 405),
        ("GET", "/api/v1/replications/x/cancel", 405),
    ],
)
def test_wrong_paths_and_methods_are_problems(http: httpx2.Client, method: str, path: str, status: int) -> None:
    response = http.request(method, path)
    is_problem(response, status)
    assert status != 405 or response.headers["allow"]


TEXT = st.text(st.characters(codec=None), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([*BODY, "platformTenantId", "unknown"])
QUICKLY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICKLY
@given(changes=st.dictionaries(FIELDS, VALUES, min_size=1, max_size=3))
def test_no_body_is_a_server_error(http: httpx2.Client, changes: dict[str, Any]) -> None:
    content = json.dumps({**BODY, **changes})
    response = http.put(TENANT, content=content, headers=JSON)
    assert response.status_code in {202, 422}, response.text
    if response.status_code == 202:
        assert http.get(TENANT).status_code == 200
    else:
        is_problem(response, 422)


@QUICKLY
@given(parts=st.lists(st.binary(max_size=12), min_size=1, max_size=4), method=st.sampled_from(["GET", "PUT", "POST"]))
def test_no_path_is_a_server_error(http: httpx2.Client, parts: list[bytes], method: str) -> None:
    # A dot is escaped too: a client takes `.` and `..` out of a path by itself, and the server would never see them.
    path = "/api/v1/tenants/" + "/".join(quote(part, safe="").replace(".", "%2E") for part in parts)
    response = http.request(method, path, json=BODY if method == "PUT" else None)
    assert 400 <= response.status_code < 500
    is_problem(response, response.status_code)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b'{"landingZone": "development", "landingZone": "production"}', "landingZone"),
        (b'{"landingZone": "development", "access": [{"username": "ada", "roles": [], "roles": ["admin"]}]}', "roles"),
        (b'{"landingZone": "development", "\\u0061ccess": [], "access": []}', "access"),
        (b'{"a\\u001b[31m": 1, "a\\u001b[31m": 2}', "a\\x1b[31m"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("PUT", TENANT), ("POST", f"{TENANT}/plan")])
def test_a_key_that_stands_twice_is_named(
    api: Api, http: httpx2.Client, method: str, path: str, content: bytes, key: str
) -> None:
    document = is_problem(http.request(method, path, content=content, headers=JSON), 400)
    assert [error["field"] for error in document["errors"]] == [key]
    assert f"gives {key} twice" in document["detail"]
    assert api.keys() == []


def test_who_only_asks_is_not_told_that_nothing_was_stored(http: httpx2.Client) -> None:
    assert is_problem(http.get("/api/v1/tenants?size=many"), 422)["detail"].startswith("Correct ")
    assert is_problem(http.put(TENANT, json={}), 422)["detail"].startswith("Nothing was stored. Correct ")


def test_a_parameter_that_nobody_knows_is_refused_everywhere(http: httpx2.Client) -> None:
    """Else a misspelt filter shows everything, and a misspelt reason is lost."""
    operations = [(method, path) for path, item in http.get("/openapi.json").json()["paths"].items() for method in item]
    mine = [(method, path) for method, path in operations if path.startswith("/api/")]
    assert len(mine) > 30
    for method, path in mine:
        said = is_problem(http.request(method, path.replace("{", "").replace("}", ""), params={"nonesuch": "x"}), 422)
        assert [each["field"] for each in said["errors"]] == ["nonesuch"], (method, path)


def test_a_parameter_that_is_nearly_one_is_named(http: httpx2.Client) -> None:
    [error] = is_problem(http.get("/api/v1/tenants", params={"landingzone": "x", "page": "0"}), 422)["errors"]
    assert error["message"] == "is not a parameter here; did you mean landingZone?"
