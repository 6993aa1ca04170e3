"""The media types of meshStack's API: one for each kind and version, wanted in Accept and in Content-Type."""

from __future__ import annotations


def media(kind: str, version: str) -> str:
    """Name the media type of a kind.

    >>> media("meshTenant", "v4")
    'application/vnd.meshcloud.api.meshtenant.v4.hal+json'
    """
    return f"application/vnd.meshcloud.api.{kind.lower()}.{version}.hal+json"


RUN = media("meshBuildingBlockRun", "v1")
RUNNER = media("meshBuildingBlockRunner", "v1-preview")
IMPORT = "application/vnd.meshcloud.api.meshobjects.v1+json"  # of usage reports too
JSON = "application/json"
OCTETS = "application/octet-stream"
