import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from config.catalog import load_catalog
from config.landing_zone import LandingZone, LandingZoneRoleMapping, RoleMapping, effective_role_mappings
from tests.config.samples import AWS_ZONE, LANDING_ZONE, PLATFORM, REMOVE, REPLICATION, bent, load, mistakes

TEMPLATE = (
    "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: !Sub 'x-${AWS::AccountId}'}\n"
)
STACK_SET = {
    "arn": "arn:aws-cn:cloudformation:cn-north-1:210987654321:stackset/base-line:1a2b-3c",
    "regions": ["cn-north-1", "cn-northwest-1"],
}
NOT_ENROLLING = bent(LANDING_ZONE, f"{AWS_ZONE}.awsEnrollAccount", value=False)


def one(folder: Path, document: dict[str, Any]) -> LandingZone:
    (zone,) = load(folder, PLATFORM, document).landing_zones.values()
    return zone


def test_landing_zone_is_normalised(tmp_path: Path) -> None:
    zone = one(tmp_path, LANDING_ZONE)
    assert (zone.name, zone.display_name, zone.platform) == ("basic", "Basic", "aws.dev")
    assert (zone.target_organizational_unit, zone.enroll_account, zone.disabled) == ("ou-lpzq-kmf17bec", True, False)
    assert zone.automate_deletion_replication
    assert not zone.automate_deletion_approval


@pytest.mark.parametrize("value", [REMOVE, "", None])
def test_target_may_be_empty(tmp_path: Path, value: Any) -> None:
    zone = one(tmp_path, bent(NOT_ENROLLING, f"{AWS_ZONE}.awsTargetOrgUnitId", value))
    assert zone.target_organizational_unit is None


@pytest.mark.parametrize("target", ["r-ab12", "ou-lpzq-kmf17bec"])
def test_target_may_be_root_or_unit(tmp_path: Path, target: str) -> None:
    zone = one(tmp_path, bent(NOT_ENROLLING, f"{AWS_ZONE}.awsTargetOrgUnitId", target))
    assert zone.target_organizational_unit == target


@pytest.mark.parametrize(
    ("reference", "platform"),
    [
        (REMOVE, None),
        ({"name": "aws"}, "aws.dev"),
        ({"name": "aws.dev", "kind": "meshPlatform"}, "aws.dev"),
        ({"identifier": "aws.dev"}, "aws.dev"),
    ],
)
def test_platform_may_be_named_in_several_ways(tmp_path: Path, reference: Any, platform: str | None) -> None:
    assert one(tmp_path, bent(LANDING_ZONE, "spec.platformRef", reference)).platform == platform


def test_stack_set_is_taken_apart(tmp_path: Path) -> None:
    stack_set = one(tmp_path, bent(LANDING_ZONE, f"{AWS_ZONE}.stackSet", STACK_SET)).stack_set
    assert stack_set is not None
    assert (stack_set.name, stack_set.account_id, stack_set.region) == ("base-line", "210987654321", "cn-north-1")
    assert stack_set.regions == ("cn-north-1", "cn-northwest-1")


@pytest.mark.parametrize(("seconds", "timeout"), [(None, 60), (900, 900)])
@pytest.mark.parametrize("qualifier", ["", ":live", ":$LATEST"])
def test_lambda_function_is_taken_apart(tmp_path: Path, seconds: Any, timeout: int, qualifier: str) -> None:
    arn = f"arn:aws-cn:lambda:cn-north-1:210987654321:function:on_account{qualifier}"
    document = bent(bent(LANDING_ZONE, f"{AWS_ZONE}.awsLambdaArn", arn), f"{AWS_ZONE}.lambdaTimeoutSeconds", seconds)
    hook = one(tmp_path, document).lambda_hook
    assert hook is not None
    assert (hook.arn, hook.name, hook.region) == (arn, "on_account", "cn-north-1")
    assert hook.timeout == timedelta(seconds=timeout)


def test_access_stack_acknowledges_what_the_document_names(tmp_path: Path) -> None:
    stack: dict[str, Any] = {"templateUrl": "https://a/b"}
    every = one(tmp_path, bent(LANDING_ZONE, f"{AWS_ZONE}.accessStack", stack)).access_stack
    none = one(tmp_path, bent(LANDING_ZONE, f"{AWS_ZONE}.accessStack", {**stack, "capabilities": []})).access_stack
    assert every is not None
    assert every.capabilities == ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
    assert none is not None
    assert none.capabilities == ()


@pytest.mark.parametrize("body", [TEMPLATE, '{\n\t"Resources": {"A": {"Type": "AWS::S3::Bucket"}}\n}'])
def test_access_stack_reads_its_template_beside_the_document(tmp_path: Path, body: str) -> None:
    (tmp_path / "template.any").write_text(body, encoding="utf-8")
    stack = {"templateFile": "template.any", "parameters": {"Budget": "100"}}
    zone = one(tmp_path, bent(LANDING_ZONE, f"{AWS_ZONE}.accessStack", stack))
    assert zone.access_stack is not None
    assert (zone.access_stack.template_body, zone.access_stack.region) == (body, None)
    assert zone.access_stack.parameters == {"Budget": "100"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"Resources: {}", "at least one entry in Resources"),
        (b"[]", "at least one entry in Resources"),
        (b"", "must be one YAML document"),
        (b"Resources: {A: !Foo b}", "unknown tag '!Foo'"),
        (b"Resources: {A: b}\n---\nb: c", "must be one YAML document"),
        (b"Resources: {A: {Type: b, Type: c}}", "the key 'Type' appears here a second time"),
        (b'{"Resources": ', "neither JSON nor YAML"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a: [", "is not YAML"),
        (b"Resources: {A: b}\n#" + b"x" * 51_200, "as a file at most 51200"),
    ],
)
def test_wrong_template_is_refused(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "t").write_bytes(content)
    found = mistakes(tmp_path, PLATFORM, bent(LANDING_ZONE, f"{AWS_ZONE}.accessStack", {"templateFile": "t"}))
    assert [expected in line for line in found] == [True], found


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{AWS_ZONE}.awsTargetOrgUnitId", "ou-1", "id of an organizational unit"),
        (f"{AWS_ZONE}.awsLambdaArn", "arn:aws:lambda", "ARN of a Lambda function"),
        (
            f"{AWS_ZONE}.accessStack",
            {"templateUrl": "https://a/b", "parameters": {"A": "#{workspace}"}},
            "accessStack.parameters",
        ),
        (f"{AWS_ZONE}.lambdaTimeoutSeconds", 60, "must not hold lambdaTimeoutSeconds without awsLambdaArn"),
        (f"{AWS_ZONE}.lambdaTimeoutSeconds", 901, "lambdaTimeoutSeconds = 901"),
        (
            f"{AWS_ZONE}.accessStack",
            {"templateUrl": "https://a/b", "capabilities": ["CAPABILITY_ALL"]},
            "capabilities[0] = 'CAPABILITY_ALL'",
        ),
        (f"{AWS_ZONE}.awsEnrolAccount", True, "did you mean 'awsEnrollAccount'?"),
        (f"{AWS_ZONE}.stackSet", {**STACK_SET, "regions": []}, "stackSet.regions = a list"),
        (f"{AWS_ZONE}.stackSet", {**STACK_SET, "regions": ["eu-west-1"] * 2}, "more than once"),
        (f"{AWS_ZONE}.stackSet", {**STACK_SET, "arn": "base-line"}, "ARN of a StackSet"),
        (f"{AWS_ZONE}.accessStack", {}, "exactly one of templateFile and templateUrl"),
        (f"{AWS_ZONE}.accessStack", {"templateUrl": "http://a/b"}, "https://"),
        (f"{AWS_ZONE}.accessStack", {"templateFile": "missing"}, "templateFile = 'missing' cannot be read"),
        (
            f"{AWS_ZONE}.accessStack",
            {"templateUrl": "https://a/b", "parameters": {"A": [1]}},
            "parameters.A = a list must be a text",
        ),
        (f"{AWS_ZONE}.awsRoleMappings", [{"projectRoleRef": {"name": "a"}, "platformRole": ""}], "platformRole = ''"),
        ("spec.platformProperties.type", REMOVE, "type is required"),
        (
            "spec.platformRef",
            {"uuid": "other"},
            "spec.platformRef = 'other' is not a platform of these documents; known: aws.dev",
        ),
        ("spec.platformRef", {"name": "gcp"}, "is not a platform of these documents"),
        ("spec.platformRef", {}, "is not a platform of these documents"),
    ],
)
def test_mistake_names_path_and_what_is_allowed(tmp_path: Path, path: str, value: Any, expected: str) -> None:
    found = mistakes(tmp_path, PLATFORM, bent(LANDING_ZONE, path, value))
    assert [expected in line for line in found] == [True], found


def test_platform_name_must_fit_only_one(tmp_path: Path) -> None:
    second = bent(bent(PLATFORM, "metadata.uuid", "other"), "spec.locationRef.name", "prod")
    root = f"{REPLICATION}.accessConfig.organizationRootAccountRole"
    second = bent(second, root, "arn:aws:iam::999999999999:role/MeshfedServiceRole")  # of another organization
    second = bent(
        bent(second, f"{REPLICATION}.enrollmentConfiguration", REMOVE), f"{REPLICATION}.awsIdentityStore", REMOVE
    )
    (line,) = mistakes(tmp_path, PLATFORM, second, bent(LANDING_ZONE, "spec.platformRef", {"name": "aws"}))
    assert line.endswith("fits more than one platform; write one of aws.dev, aws.prod")


def test_mistakes_of_a_platform_are_not_told_again_by_its_landing_zones(tmp_path: Path) -> None:
    (line,) = mistakes(tmp_path, bent(PLATFORM, "spec.config.aws.region", "eu"), LANDING_ZONE)
    assert "spec.config.aws.region" in line


def test_platform_mappings_hold_when_the_landing_zone_has_none(tmp_path: Path) -> None:
    platform = load(tmp_path, PLATFORM).platforms["aws.dev"]
    for zone in (None, LandingZone(name="a", display_name="a")):
        assert [m.aws_role for m in effective_role_mappings(platform, zone)] == ["Admin", "Reader"]


def role(project_role: str, platform_role: str) -> dict[str, Any]:
    return {"projectRoleRef": {"name": project_role}, "platformRole": platform_role, "policies": []}


def test_a_role_without_permission_set_is_noted(tmp_path: Path) -> None:
    zone = bent(LANDING_ZONE, f"{AWS_ZONE}.awsRoleMappings", [role("admin", "Admin"), role("guest", "Guest")])
    notes = [note for note in load(tmp_path, PLATFORM, zone).notes if "permission set" in note]
    assert [note.partition(": ")[2] for note in notes] == ["aws.dev has no permission set for Guest of basic"]


def test_landing_zone_mappings_replace_and_borrow_permission_sets(tmp_path: Path) -> None:
    platform = load(tmp_path, PLATFORM).platforms["aws.dev"]
    admin, reader = (mapping.permission_set_arns for mapping in platform.role_mappings)
    pairs = [("admin", "Reader"), ("reader", "Special"), ("guest", "None")]
    mappings = tuple(LandingZoneRoleMapping(project_role=a, platform_role=b) for a, b in pairs)
    zone = LandingZone(name="a", display_name="a", role_mappings=mappings)
    assert admin != reader
    assert effective_role_mappings(platform, zone) == (
        RoleMapping(project_role="admin", aws_role="Reader", permission_set_arns=reader),
        RoleMapping(project_role="reader", aws_role="Special", permission_set_arns=reader),
        RoleMapping(project_role="guest", aws_role="None", permission_set_arns=()),
    )


def test_null_says_nothing_and_numbers_are_texts(tmp_path: Path) -> None:
    zone = bent(LANDING_ZONE, f"{AWS_ZONE}.awsRoleMappings", None)
    stack = {"templateUrl": "https://a/b", "region": None, "parameters": {"Size": 5, "Public": False}}
    found = one(tmp_path, bent(zone, f"{AWS_ZONE}.accessStack", stack))

    assert found.role_mappings == ()
    assert found.access_stack is not None
    assert found.access_stack.parameters == {"Size": "5", "Public": "false"}


def test_some_documents_alone_are_checked_without_their_platform(tmp_path: Path) -> None:
    file = tmp_path / "zone.json"
    file.write_text(json.dumps(LANDING_ZONE), encoding="utf-8")

    catalog = load_catalog([file], {}, complete=False)

    assert list(catalog.landing_zones) == [LANDING_ZONE["metadata"]["name"]]
    assert any("the platform of this landing zone is not among" in note for note in catalog.notes)
