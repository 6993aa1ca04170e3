from pathlib import Path
from typing import Any

import pytest

from config.catalog import CatalogError
from config.platform import CredentialAuth, DefaultAuth, Limits, Platform, WorkloadIdentityAuth
from tests.config.samples import ENVIRONMENT, MAPPINGS, PLATFORM, REMOVE, REPLICATION, bent, load, mistakes

ACCESS = f"{REPLICATION}.accessConfig"
STORE = f"{REPLICATION}.awsIdentityStore"
SSO: dict[str, Any] = {
    "scimEndpoint": "https://scim.us-east-1.amazonaws.com/1/scim/v2/",
    "arn": "arn:aws:sso:::instance/ssoins-123456789012",
    "groupNamePattern": "#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}",
    "ssoAccessToken": {"plaintext": "scim-token"},
    "signInUrl": "https://d-123456789012.awsapps.com/start",
}


def one(folder: Path, document: dict[str, Any]) -> Platform:
    (platform,) = load(folder, document).platforms.values()
    return platform


def test_platform_is_normalised(tmp_path: Path) -> None:
    platform = one(tmp_path, PLATFORM)
    assert (platform.identifier, platform.name, platform.location) == ("aws.dev", "aws", "dev")
    assert (platform.partition, platform.management_account_id) == ("aws-us-gov", "123456789012")
    assert platform.automation_account_id == "210987654321"
    assert platform.account_access_role == "mesh/AccountAccess"
    assert isinstance(platform.auth, CredentialAuth)
    assert platform.auth.secret_key.get_secret_value() == ENVIRONMENT["SECRET"]
    assert platform.management_external_id is not None
    assert platform.enrollment is not None
    assert platform.enrollment.account_factory_product_id == "prod-abc123"
    assert platform.tenant_tags is not None
    assert platform.tenant_tags.tag_mappers[0].key == "project"
    assert [mapping.aws_role for mapping in platform.role_mappings] == ["Admin", "Reader"]
    assert platform.self_downgrade_access_role
    assert not platform.allow_hierarchical_organizational_unit_assignment


def test_limits_of_the_organization_are_optional(tmp_path: Path) -> None:
    assert one(tmp_path, PLATFORM).limits == Limits()
    limited = bent(PLATFORM, f"{REPLICATION}.limits", {"accountCreations": 3, "identityCenterCallsPerSecond": 10})
    assert one(tmp_path, limited).limits == Limits(account_creations=3, identity_center_calls_per_second=10)
    [mistake] = mistakes(tmp_path, bent(PLATFORM, f"{REPLICATION}.limits", {"stackSetOperations": 0}))
    assert "stackSetOperations" in mistake


def test_drift_is_repaired_unless_it_is_only_to_be_reported(tmp_path: Path) -> None:
    assert one(tmp_path, PLATFORM).drift == "repair"
    assert one(tmp_path, bent(PLATFORM, f"{REPLICATION}.drift", "report")).drift == "report"
    [mistake] = mistakes(tmp_path, bent(PLATFORM, f"{REPLICATION}.drift", "ignore"))
    assert "'repair' or 'report'" in mistake


@pytest.mark.parametrize("pattern", ["%s", "%S", "%s@corp.example.com"])
def test_euid_pattern_is_a_java_format(tmp_path: Path, pattern: str) -> None:
    store = one(tmp_path, bent(PLATFORM, f"{STORE}.euidPattern", pattern)).identity_store
    assert store is not None
    assert str(store.euid_pattern) == pattern


def test_secrets_are_resolved_listed_and_never_shown(tmp_path: Path) -> None:
    catalog = load(tmp_path, PLATFORM)
    assert set(catalog.secrets) == set(ENVIRONMENT.values())
    texts = [repr(catalog), str(catalog), *(p.model_dump_json() for p in catalog.platforms.values())]
    assert not any(secret in text for secret in catalog.secrets for text in texts)


def test_without_secrets_documents_are_checked_as_ever_and_secrets_are_not_read(tmp_path: Path) -> None:
    elsewhere = bent(PLATFORM, f"{ACCESS}.auth.credential.accessKey", {"file": "nowhere"})
    [platform] = load(tmp_path, elsewhere, secrets=False).platforms.values()
    assert isinstance(platform.auth, CredentialAuth)
    for secret in (platform.auth.access_key, platform.auth.secret_key, platform.management_external_id):
        assert secret is not None
        with pytest.raises(RuntimeError, match="without their secrets"):
            secret.get_secret_value()

    with pytest.raises(CatalogError, match="holds only a hash"):
        load(tmp_path, bent(PLATFORM, SECRET_KEY, {"hash": "sha256:abc"}), secrets=False)


def test_v1_means_the_same_as_v2(tmp_path: Path) -> None:
    v1 = bent(PLATFORM, "spec.locationRef", {"identifier": "dev", "kind": "meshLocation"}, apiVersion="v1")
    key = {"accessKey": {"env": "ACCESS"}, "secretKey": ENVIRONMENT["SECRET"]}
    v1 = bent(bent(v1, f"{ACCESS}.auth", REMOVE), f"{ACCESS}.serviceUserConfig", key)
    v1 = bent(bent(v1, STORE, REMOVE), f"{REPLICATION}.awsSso", SSO)
    roles = {
        m["projectRoleRef"]["name"]: {"awsRoleName": m["awsRole"], "permissionSetArns": m["permissionSetArns"]}
        for m in MAPPINGS
    }
    v1 = bent(v1, f"{REPLICATION}.awsSso.roleMappings", roles)
    older, newer = one(tmp_path, v1), one(tmp_path, PLATFORM)
    assert older.auth == newer.auth
    assert older.location == newer.location
    assert older.role_mappings == newer.role_mappings
    assert older.scim is not None
    assert older.scim.access_token.get_secret_value() == "scim-token"


def test_workload_identity_needs_no_secret(tmp_path: Path) -> None:
    role = {"roleArn": "arn:aws:iam::123456789012:role/Entry"}
    for field, value in (
        ("auth", {"type": "workloadIdentity", "workloadIdentity": role}),
        ("workloadIdentityConfig", role),
    ):
        document = bent(bent(PLATFORM, f"{ACCESS}.auth", REMOVE), f"{ACCESS}.{field}", value)
        assert one(tmp_path, document).auth == WorkloadIdentityAuth(role_arn=role["roleArn"])


def test_the_environment_may_sign_in_and_nothing_is_stored(tmp_path: Path) -> None:
    named = {"profile": "connector", "principalArn": "arn:aws:iam::123456789012:role/eks/connector"}
    for auth, expected in (
        ({"type": "default"}, DefaultAuth()),
        ({"type": "default", "default": named}, DefaultAuth(profile="connector", principal_arn=named["principalArn"])),
    ):
        assert one(tmp_path, bent(PLATFORM, f"{ACCESS}.auth", auth)).auth == expected
    role = {"roleArn": named["principalArn"]}
    [mistake] = mistakes(tmp_path, bent(PLATFORM, f"{ACCESS}.auth", {"type": "default", "workloadIdentity": role}))
    assert "exactly one block, named like its type: default" in mistake


def test_metering_has_its_own_entry(tmp_path: Path) -> None:
    access = PLATFORM["spec"]["config"]["aws"]["replication"]["accessConfig"]
    metering = {"accessConfig": access, "filter": "EXCLUDE_TAX", "processing": {"deleteRawDataAfterDays": 30}}
    platform = one(tmp_path, bent(PLATFORM, "spec.config.aws.metering", metering))
    assert platform.metering is not None
    assert (platform.metering.filter, platform.metering.delete_raw_data_after_days) == ("EXCLUDE_TAX", 30)


@pytest.mark.parametrize("kind", ["meshPlatform", "MESHPLATFORM", "meshplatform"])
def test_kind_and_type_are_read_without_regard_to_case(tmp_path: Path, kind: str) -> None:
    assert one(tmp_path, bent(PLATFORM, "spec.config.type", "AWS", kind=kind)).identifier == "aws.dev"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.config.aws.region", "eu", "spec.config.aws.region = 'eu' must be an AWS region such as eu-central-1"),
        ("spec.config.aws.region", 5, "spec.config.aws.region = 5 must be a text"),
        ("spec.config.aws.region", REMOVE, "spec.config.aws.region is required"),
        (
            "spec.config.aws.regoin",
            "eu-west-1",
            "spec.config.aws.regoin is not a known field; did you mean 'region'? allowed:",
        ),
        ("spec.config.aws", [], "spec.config.aws = a list must be a mapping"),
        ("spec.config.type", REMOVE, "spec.config.type is required"),
        ("spec.locationRef", {}, "spec.locationRef must name a location"),
        ("metadata.name", REMOVE, "metadata.name is required"),
        ("apiVersion", "v3", "apiVersion = 'v3' must be 'v1', 'v2-preview' or 'v2'"),
        (f"{ACCESS}.organizationRootAccountRole", "Role", "must be the ARN of a role, such as"),
        (f"{ACCESS}.organizationRootAccountRole", "arn:aws:iam::12345:role/x", "must be the ARN of a role"),
        (f"{ACCESS}.auth", REMOVE, "accessConfig must hold exactly one of auth, serviceUserConfig"),
        (f"{ACCESS}.auth.type", "workloadIdentity", "exactly one block, named like its type: workloadIdentity"),
        (f"{ACCESS}.auth.credential.secertKey", "oops", "did you mean 'secretKey'? allowed: accessKey, secretKey"),
        (f"{REPLICATION}.accountAccessRole", "arn:aws:iam::123456789012:role/x", "not an ARN"),
        (f"{REPLICATION}.accountAliasPattern", "#{workspace}", "unknown placeholder #{workspace}; allowed:"),
        (f"{REPLICATION}.enforceAccountAlias", "yes", "must be true or false"),
        (f"{REPLICATION}.enforceAccountAlias", REMOVE, "enforceAccountAlias is required"),
        (f"{REPLICATION}.accountEmailPattern", "aws@example.com", "every tenant its own address"),
        (f"{REPLICATION}.accountEmailPattern", "#{rand:%.8s}", "must be an email address"),
        (f"{REPLICATION}.tenantTags.namespacePrefix", "", "must not be empty"),
        (f"{REPLICATION}.tenantTags.namespacePrefix", "aws:", "legal start of an AWS tag key"),
        (
            f"{REPLICATION}.tenantTags.tagMappers",
            [{"key": "a", "valuePattern": "${x}"}],
            "tagMappers[0].valuePattern = '${x}' unknown part",
        ),
        (
            f"{REPLICATION}.tenantTags.tagMappers",
            [{"key": "a", "valuePattern": "x"}] * 2,
            "writes the tag mesh_a more than once",
        ),
        (f"{REPLICATION}.tenantTags.multiValueSeparator", ",", "must be legal in AWS tag values"),
        (f"{REPLICATION}.tenantTags.multiValueSeparator", "x" * 11, "at most 10 characters"),
        (f"{STORE}.euidPattern", "%.8s", "must keep the whole euid"),
        (f"{STORE}.euidPattern", "%03d", "must keep the whole euid"),
        (f"{STORE}.euidPattern", "a%s%q", "character 4: format 'a%s%q' uses the unknown conversion '%q'"),
        (f"{STORE}.euidPattern", 5, "must be a text"),
        (
            f"{REPLICATION}.enrollmentConfiguration.managementAccountId",
            123456789012,
            "must be a text (put quotes around numbers",
        ),
        (f"{REPLICATION}.enrollmentConfiguration.managementAccountId", "1234", "12 digits"),
        (f"{STORE}.identityStoreId", "x-1", "id of an identity store"),
        (f"{STORE}.arn", "arn:aws:iam::123456789012:role/x", "ARN of an Identity Center instance"),
        (
            f"{STORE}.groupNamePattern",
            "#{workspaceIdentifier}.#{projectIdentifier}",
            "must contain #{platformGroupAlias}, since 2 AWS roles",
        ),
        (f"{STORE}.groupNamePattern", "#{workspaceIdentifier}.#{platformGroupAlias}", "every tenant its own groups"),
        (
            f"{STORE}.groupNamePattern",
            "#{workspaceIdentifier:%.5s}.#{projectIdentifier}.#{platformGroupAlias}",
            "every tenant its own groups",
        ),
        (f"{STORE}.signInUrl", "ftp://x", "https://"),
        (f"{STORE}.awsRoleMappings", [], "at least one project role"),
        (
            f"{STORE}.awsRoleMappings",
            [MAPPINGS[0], {**MAPPINGS[0], "permissionSetArns": []}],
            "maps admin -> Admin more than once",
        ),
        (f"{STORE}.awsRoleMappings", [{**MAPPINGS[0], "permissionSetArns": []}], "without a permission set"),
        (
            f"{STORE}.awsRoleMappings",
            [{**MAPPINGS[0], "permissionSetArns": ["ps-1"]}],
            "awsRoleMappings[0].permissionSetArns[0] = 'ps-1'",
        ),
        (f"{STORE}.awsRoleMappings", [{**MAPPINGS[0], "awsRol": "x"}], "did you mean 'awsRole'?"),
        ("spec.config.aws.metering", {"filter": "ALL"}, "metering.accessConfig is required"),
    ],
)
def test_mistake_names_path_and_what_is_allowed(tmp_path: Path, path: str, value: Any, expected: str) -> None:
    found = mistakes(tmp_path, bent(PLATFORM, path, value))
    assert any(expected in line for line in found), found
    assert all("\n" not in line for line in found)


def test_both_access_variants_exclude_each_other(tmp_path: Path) -> None:
    sso = {**SSO, "awsRoleMappings": MAPPINGS}
    (line,) = mistakes(tmp_path, bent(PLATFORM, f"{REPLICATION}.awsSso", sso))
    assert line.endswith("excludes awsSso: configure one of them")


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("scimEndpoint", "http://scim.eu-central-1.amazonaws.com/1/scim/v2/", "the SCIM endpoint that Identity Center"),
        ("scimEndpoint", "https://d-123.awsapps.com/start", "such as https://scim.eu-central-1.amazonaws.com/"),
        ("ssoAccessToken", {"hash": "sha256:abc"}, "holds only a hash"),
        ("groupNamePattern", "#{workspaceIdentifier}", "every tenant its own groups"),
        ("arn", "ssoins-1", "the ARN of an Identity Center instance"),
    ],
)
def test_mistakes_of_scim_access(tmp_path: Path, field: str, value: Any, expected: str) -> None:
    document = bent(PLATFORM, STORE, REMOVE)
    found = mistakes(tmp_path, bent(document, f"{REPLICATION}.awsSso", {**SSO, field: value}))
    assert any(f"awsSso.{field}" in line and expected in line for line in found), found


SECRET_KEY = f"{ACCESS}.auth.credential.secretKey"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"env": "MISSING"}, "needs the environment variable MISSING, which is not set"),
        ({"file": "nowhere"}, "which cannot be read: No such file or directory"),
        ({"hash": "sha256:abc"}, "holds only a hash"),
        ("mesh/hidden-secret", "placeholder for a secret"),
        ({"plaintext": ""}, "empty secret"),
        ({"plain": "hunter2-secret"}, "is not a secret; allowed: {env: NAME}"),
        ({"plaintext": "hunter2-secret", "env": "SECRET"}, "is not a secret"),
        (["hunter2-secret"], "is not a secret"),
        (None, "is required"),
    ],
)
def test_secret_mistakes_explain_and_never_show_the_value(tmp_path: Path, value: Any, expected: str) -> None:
    (line,) = mistakes(tmp_path, bent(PLATFORM, SECRET_KEY, value))
    assert expected in line
    assert "hunter2-secret" not in line


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{ACCESS}.auth", "hunter2-secret"),
        (f"{ACCESS}.auth.credential", "hunter2-secret"),
        (f"{ACCESS}.auth.credential", {"accessKey": "a", "secret": "hunter2-secret"}),
        (f"{ACCESS}.secretKey", "hunter2-secret"),
        (f"{REPLICATION}.secretKey", "hunter2-secret"),
        (f"{ACCESS}.auth.type", "hunter2-secret"),
    ],
)
def test_secret_in_the_wrong_place_is_not_shown(tmp_path: Path, path: str, value: Any) -> None:
    found = mistakes(tmp_path, bent(PLATFORM, path, value))
    assert found
    assert not any("hunter2-secret" in line for line in found)


def test_secret_from_a_file_is_relative_to_the_document(tmp_path: Path) -> None:
    (tmp_path / "key.txt").write_text("from-a-file\n", encoding="utf-8")
    auth = one(tmp_path, bent(PLATFORM, SECRET_KEY, {"file": "key.txt"})).auth
    assert isinstance(auth, CredentialAuth)
    assert auth.secret_key.get_secret_value() == "from-a-file"


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    document = bent(PLATFORM, "spec.config.aws.region", "eu")
    document = bent(document, f"{REPLICATION}.accountAccessRole", 1)
    document = bent(document, f"{STORE}.arn", "x" * 200)
    found = mistakes(tmp_path, document)
    assert len(found) == 3
    assert max(map(len, found)) < 400


def test_a_region_that_is_nearly_one_is_remarked_and_a_new_one_is_not(tmp_path: Path) -> None:
    def notes(region: str) -> list[str]:
        document = bent(PLATFORM, "spec.config.aws.region", region)
        return [note for note in load(tmp_path, document).notes if "region" in note]

    [note] = notes("us-gov-wst-1")
    assert note.endswith("us-gov-wst-1 is not a known region; did you mean us-gov-west-1?")
    assert notes("us-gov-west-1") == []
    assert notes("us-gov-antarctica-7") == []
