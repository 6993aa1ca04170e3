"""meshObjects as tests import them, and how they are sent and looked at."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tasks.meshobjects.reading import read_yaml
from tasks.model.desired import TenantId
from tests.workers.api.server import TENANT, is_problem
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
