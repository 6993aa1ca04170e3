"""Identity federation and direct mode in documents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.catalog import load_catalog
from config.platform import Platform
from config.saml_metadata import check_metadata, same_metadata
from tests.config.samples import AWS_ZONE, LANDING_ZONE, PLATFORM, REMOVE, REPLICATION, bent, load, mistakes
from tests.support.saml import saml_metadata
from workers.examples import EXAMPLES
from workers.sandbox import organization

EXAMPLE = EXAMPLES / "direct"
FEDERATION: dict[str, Any] = {
    "samlProviderName": "mesh",
    "metadataUrl": "https://idp.example.com/metadata",
    "awsRoleMappings": [
        {"projectRoleRef": {"name": "admin"}, "awsRole": "admin", "policies": ["AdministratorAccess"]},
        {"projectRoleRef": {"name": "auditor"}, "awsRole": "auditor", "externalRole": True},
    ],
}
ROLE = f"{REPLICATION}.accessConfig.organizationRootAccountRole"
DIRECT = bent(
    bent(bent(PLATFORM, ROLE, REMOVE), f"{REPLICATION}.tenantTags", REMOVE),
    f"{REPLICATION}.accessConfig.organizationRootAccountId",
    "123456789012",
)


def with_federation(**changes: Any) -> dict[str, Any]:
    federation = {name: value for name, value in {**FEDERATION, **changes}.items() if value is not None}
    return bent(PLATFORM, f"{REPLICATION}.identityFederation", federation)


def one(folder: Path, document: dict[str, Any]) -> Platform:
    (platform,) = load(folder, document).platforms.values()
    return platform


def mapping(**fields: Any) -> list[dict[str, Any]]:
    return [{"projectRoleRef": {"name": "admin"}, "awsRole": "admin", **fields}]


def test_federation_is_normalised_beside_identity_center(tmp_path: Path) -> None:
    platform = one(tmp_path, with_federation())
    federation = platform.identity_federation

    assert platform.identity_store is not None
    assert federation is not None
    assert (federation.saml_provider_name, federation.metadata_url) == ("mesh", FEDERATION["metadataUrl"])
    assert (federation.fail_if_not_found, federation.role_path) == (True, "/")
    assert [(each.aws_role, each.external) for each in federation.role_mappings] == [
        ("admin", False),
        ("auditor", True),
    ]


def test_metadata_is_read_from_a_file_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "idp.xml").write_text(saml_metadata())
    federation = one(tmp_path, with_federation(metadataUrl=None, metadataFile="idp.xml")).identity_federation

    assert federation is not None
    assert federation.metadata == saml_metadata()
    assert saml_metadata() not in repr(federation)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"samlProviderName": "a b"}, "the name of a SAML provider"),
        ({"metadataUrl": "http://idp.example.com"}, "starts with https://"),
        ({"metadataFile": "idp.xml"}, "cannot be read"),
        ({"rolePath": "people/"}, "begins and ends with /"),
        ({"awsRoleMappings": mapping(policies=["arn:aws:s3:::bucket"])}, "the name or the ARN of an IAM policy"),
        ({"awsRoleMappings": mapping(policies=["ReadOnlyAccess"], externalRole=True)}, "beside externalRole"),
        ({"failIfMissing": True}, "failIfMissing"),
    ],
)
def test_what_aws_would_refuse_is_refused_here(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    [mistake] = mistakes(tmp_path, with_federation(**changes))

    assert "identityFederation" in mistake
    assert words in mistake


def test_two_sources_of_metadata_are_refused(tmp_path: Path) -> None:
    (tmp_path / "idp.xml").write_text(saml_metadata())
    [mistake] = mistakes(tmp_path, with_federation(metadataFile="idp.xml"))

    assert "both metadataFile and metadataUrl" in mistake


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x" * 999, "999 characters"),
        ("<a/>" + " " * 1000, "EntityDescriptor"),
        ("<a>" + " " * 1000, "is not XML"),
        (saml_metadata().replace("IDPSSODescriptor", "SPSSODescriptor"), "an identity provider"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + saml_metadata(), "document type"),
    ],
)
def test_texts_that_are_no_metadata(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        check_metadata(text.encode())


def test_what_makes_metadata_the_same() -> None:
    assert same_metadata(saml_metadata(), saml_metadata(spaced=True))
    assert not same_metadata(saml_metadata(), saml_metadata(certificate="B"))
    assert not same_metadata(saml_metadata(), saml_metadata("https://other.example.com"))
    assert not same_metadata("of somebody else", saml_metadata())


@pytest.mark.parametrize(
    ("role", "words"),
    [
        ({"platformRole": "two words", "policies": []}, "'two words' cannot name an IAM role"),
        ({"platformRole": "accountaccess", "policies": []}, "accountAccessRole"),
        ({"platformRole": "admin", "policies": ["a b"]}, "the name or the ARN of an IAM policy"),
    ],
)
def test_landing_zones_are_checked_against_platforms_with_federation(
    tmp_path: Path, role: dict[str, Any], words: str
) -> None:
    zone = bent(LANDING_ZONE, f"{AWS_ZONE}.awsRoleMappings", [{"projectRoleRef": {"name": "admin"}, **role}])

    [mistake] = mistakes(tmp_path, with_federation(), zone)

    assert words in mistake


def test_without_federation_any_role_of_a_landing_zone_will_do(tmp_path: Path) -> None:
    role = {"projectRoleRef": {"name": "admin"}, "platformRole": "two words", "policies": []}
    assert mistakes(tmp_path, PLATFORM, bent(LANDING_ZONE, f"{AWS_ZONE}.awsRoleMappings", [role])) == []


def test_direct_mode_names_the_management_account(tmp_path: Path) -> None:
    platform = one(tmp_path, bent(DIRECT, "spec.config.aws.region", "cn-north-1"))

    assert platform.is_direct
    assert (platform.management_account_id, platform.partition) == ("123456789012", "aws-cn")
    assert not one(tmp_path, PLATFORM).is_direct


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (f"{REPLICATION}.accessConfig.organizationRootAccountId", REMOVE, "exactly one of organizationRootAccountRole"),
        (ROLE, "arn:aws:iam::123456789012:role/Mesh", "exactly one of organizationRootAccountRole"),
        (f"{REPLICATION}.tenantTags", PLATFORM["spec"]["config"]["aws"]["replication"]["tenantTags"], "no tagging"),
    ],
)
def test_direct_mode_excludes(tmp_path: Path, path: str, value: Any, words: str) -> None:
    [mistake] = mistakes(tmp_path, bent(DIRECT, path, value))

    assert words in mistake


def test_two_platforms_of_an_organization_whose_accounts_nothing_tells_apart(tmp_path: Path) -> None:
    other = bent(PLATFORM, "metadata", {"name": "other"})

    found = [mistake for mistake in mistakes(tmp_path, DIRECT, other) if "accountEmailPattern" in mistake]

    assert len(found) == 1
    assert "for workspace a, project a, on aws.dev and for workspace a, project a, on other.dev" in found[0]


def test_the_access_role_is_awss_own_when_none_is_named(tmp_path: Path) -> None:
    platform = one(tmp_path, bent(PLATFORM, f"{REPLICATION}.accountAccessRole", REMOVE))
    assert platform.account_access_role == "OrganizationAccountAccessRole"


def test_the_example_loads() -> None:
    catalog = load_catalog([EXAMPLE], organization.environment("http://127.0.0.1:1", "redis://127.0.0.1:2/0"))
    platform = catalog.platforms["aws-direct.sandbox"]

    assert (catalog.notes, list(catalog.landing_zones)) == ((), ["direct"])
    assert platform.is_direct
    assert platform.identity_federation is not None
    assert platform.identity_federation.metadata is not None
