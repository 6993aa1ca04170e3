"""A meshStack that shows objects, strict about media types, and a connector that pulls from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from tasks.connector import Connector
from tasks.meshobjects.pull import Pulled, pull
from tasks.meshstack.access import api_key, connect
from tasks.meshstack.api_user import ApiUser
from tasks.model.desired import TenantId
from tasks.state.records import TenantRecord

Object = dict[str, Any]
AWS = "5f0c1d3a-7b52-4c0e-9a55-0d3a1c9e7f10"  # that of aws.sandbox in the examples
KINDS = {
    "meshtenants": ("meshTenant", "v4"),
    "meshprojects": ("meshProject", "v2"),
    "meshworkspaces": ("meshWorkspace", "v2"),
    "meshpaymentmethods": ("meshPaymentMethod", "v2"),
    "meshprojectbindings/userbindings": ("meshProjectUserBinding", "v3"),
    "meshprojectbindings/groupbindings": ("meshProjectGroupBinding", "v3"),
    "meshworkspaceusergroups": ("meshWorkspaceUserGroup", "v1"),
    "meshusers": ("meshUser", "v2"),
    "meshprojectroles": ("meshProjectRole", "v1"),
    "mesheventlogs": ("meshEventLog", "v1"),
    "meshplatforms": ("meshPlatform", "v2"),
}
IMPORT = "application/vnd.meshcloud.api.meshobjects.v1+json"
SHOP = TenantId("likvid", "shop", "aws.sandbox")
BEGIN = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Mesh:
    """A meshStack that only shows. It knows the filters `state`, `page` and `size`, and ignores all others."""

    objects: dict[str, list[Object]] = field(default_factory=lambda: {path: [] for path in KINDS})
    forbidden: set[str] = field(default_factory=set)
    status: int = 200
    asked: list[str] = field(default_factory=list)
    page: int = 2
    imports: list[Object] = field(default_factory=list)
    import_code: str | None = None  # why every import fails
    meanwhile: Callable[[], None] | None = None  # between two pages

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        target = urlsplit(str(request.url))
        if target.path == "/api/login":
            return httpx2.Response(200, json={"access_token": "t", "expires_in": 300})
        if request.method == "PUT" and target.path == "/api/meshobjects":
            return self._import(request)
        assert request.headers["authorization"] == "Bearer t"
        assert request.method == "GET"
        path = target.path.removeprefix("/api/meshobjects/")
        self.asked.append(path)
        if self.status != 200:
            return httpx2.Response(self.status, headers={"Retry-After": "90"})
        listed = path in KINDS
        base, _, name = (path, "", "") if listed else path.rpartition("/")
        kind, version = KINDS[base]
        if base in self.forbidden:
            return httpx2.Response(403)
        if request.headers["accept"] != f"application/vnd.meshcloud.api.{kind.lower()}.{version}.hal+json":
            return httpx2.Response(406)
        if listed:
            return httpx2.Response(200, json=self._list(path, kind, parse_qs(target.query)))
        found = [each for each in self.objects[base] if _identifier(each) == name]
        return httpx2.Response(200, json=found[0]) if found else httpx2.Response(404)

    def _import(self, request: httpx2.Request) -> httpx2.Response:
        """Attach accounts to tenants, as an API user may; a tenant that is not there is made."""
        assert request.headers["authorization"] == "Basic YXBpOnBhc3N3b3Jk"  # api:password
        assert {request.headers["accept"], request.headers["content-type"]} == {IMPORT}
        self.imports += (documents := json.loads(request.content))
        rows = []
        for each in documents:
            metadata, code = each["metadata"], self.import_code
            name = f"{metadata['ownedByWorkspace']}.{metadata['ownedByProject']}.{metadata['platformIdentifier']}"
            there = next((t for t in self.objects["meshtenants"] if _named(t, metadata)), None)
            assert there is not None, "a tenant that nobody has ordered"
            if code is None:
                there["spec"]["platformTenantId"] = each["spec"]["localId"]
            status = "SUCCESS" if code is None else "FAILED"
            rows.append({"meshObject": f"meshTenant[{name}]", "status": status, "resultCode": code, "message": "x"})
        return httpx2.Response(200, json=rows, headers={"Content-Type": IMPORT})

    def _list(self, path: str, kind: str, query: dict[str, list[str]]) -> Object:
        rows = self.objects[path]
        if path == "meshtenants":
            states = query.get("state", ["ACTIVE"])
            rows = [each for each in rows if each["status"]["lifecycle"]["state"] in states]
        number = int(query["page"][0])
        found = rows[number * self.page : (number + 1) * self.page]
        pages = -(-len(rows) // self.page)
        document = {
            "_embedded": {f"{kind}s": found},
            "page": {"size": self.page, "totalElements": len(rows), "totalPages": pages, "number": number},
        }
        if self.meanwhile is not None:
            self.meanwhile()
        return document

    def add(self, path: str, metadata: Object, **rest: Any) -> Object:
        kind, version = KINDS[path]
        made = {"kind": kind, "apiVersion": version, "metadata": metadata, **rest}
        self.objects[path].append(made)
        return made

    def tenant(self, project: str = "shop", owner: str = "likvid", platform: str = AWS, **spec: Any) -> Object:
        metadata = {"uuid": f"uuid-{owner}-{project}", "ownedByWorkspace": owner, "ownedByProject": project}
        spec = {"platformRef": {"uuid": platform}, "landingZoneRef": {"name": "development"}, **spec}
        return self.add("meshtenants", metadata, spec=spec, status={"lifecycle": {"state": "ACTIVE"}})

    def project(self, name: str = "shop", owner: str = "likvid", **tags: list[str]) -> Object:
        metadata = {"name": name, "ownedByWorkspace": owner}
        return self.add("meshprojects", metadata, spec={"displayName": name.title(), "tags": tags})

    def user(self, name: str) -> Object:
        return self.add("meshusers", {"name": name}, spec={"euid": f"{name}@example.com", "email": f"{name}@x.org"})

    def bind(self, name: str, role: str = "Project Admin", project: str = "shop", kind: str = "user") -> Object:
        made = self.add(f"meshprojectbindings/{kind}bindings", {"name": f"b{len(self.asked)}{name}{role}{project}"})
        target = {"name": project, "ownedByWorkspace": "likvid"}
        made |= {"roleRef": {"name": role}, "targetRef": target, "subject": {"name": name}}
        return made

    def event(self, at: datetime, workspace: str | None = "likvid") -> None:
        place = None if workspace is None else {"kind": "meshWorkspace", "name": workspace}
        metadata = {"uuid": f"e{len(self.objects['mesheventlogs'])}"}
        created = {"created": {"timestamp": at.isoformat()}}
        self.add("mesheventlogs", metadata, spec={"title": "x", "workspaceRef": place}, status=created)


def _named(tenant: Object, metadata: Object) -> bool:
    fields = ("ownedByWorkspace", "ownedByProject")
    return all(tenant["metadata"][each] == metadata[each] for each in fields)


def _identifier(each: Object) -> str:
    if each["kind"] == "meshTenant":
        return str(each["metadata"]["uuid"])
    name, owner = each["metadata"]["name"], each["metadata"].get("ownedByWorkspace")
    owned = each["kind"] in ("meshProject", "meshWorkspaceUserGroup")
    return f"{owner}.{name}" if owner is not None and owned else name


@dataclass
class House:
    """A connector that pulls from a meshStack."""

    mesh: Mesh
    connector: Connector
    now: datetime = BEGIN

    def __post_init__(self) -> None:
        transport = httpx2.MockTransport(self.mesh.handle)
        self.meshstack = connect(self.connector.settings, api_key(self.connector.settings), transport)
        self.user: ApiUser | None = None

    def pull(self, later: timedelta = timedelta(minutes=1)) -> Pulled:
        self.now += later
        return pull(self.connector, self.meshstack, self.now, self.user)

    def record(self, tenant: TenantId = SHOP) -> TenantRecord | None:
        return self.connector.store.tenants.find(tenant)

    def access(self, tenant: TenantId = SHOP) -> dict[str, list[str]] | None:
        record = self.record(tenant)
        return None if record is None else {each.username: each.roles for each in record.desired.access}
