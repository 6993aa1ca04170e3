"""What the doctor finds: nothing wrong in the sandbox, and each thing that is made wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from config.landing_zone import AccessStack, LambdaHook, ServiceControlPolicy
from config.platform import DefaultAuth, Enrollment, ScimAccess
from tasks.doctor.credentials import signed_in
from tasks.doctor.examination import CHECKS
from tasks.doctor.finding import Finding, Level
from tasks.doctor.patient import Patient
from tasks.doctor.patient import patient as patient_of
from tasks.worker import ReaderWrites
from tests.support.cluster import PLATFORM
from tests.tasks.doctor.conftest import examined, levels, with_zone
from tests.tasks.steps.world import SCIM
from workers.sandbox import organization
from workers.sandbox.client import SimulatorClient

ADDRESS = "https://templates.example.com/doctor.yaml"


def access(patient: Patient, **fields: object) -> dict[str, object]:
    assert patient.platform.identity_store is not None
    return {"identity_store": patient.platform.identity_store.model_copy(update=fields)}


def test_nothing_is_wrong_in_the_sandbox_and_nothing_is_written(patient: Patient, simulator: SimulatorClient) -> None:
    mark = simulator.mark()

    found = examined(patient)

    errors = {name: lines for name, lines in found.items() if Level.ERROR in levels(lines)}
    assert errors == {}
    assert levels(found["management external id"]) == [Level.OK, Level.OK]
    assert levels(found["automation external id"]) == [Level.OK, Level.OK]
    assert levels(found["workers"]) == [Level.WARNING]
    assert len(found["permission sets"]) == len(organization.PERMISSION_SETS)
    assert "self-managed" in found["StackSets"][0].message
    assert found.keys() == {check.name for check in CHECKS} - {
        "session tags",
        "service control policies",
        "federation",
        "functions",
        "Control Tower",
    }
    assert simulator.writes_since(mark) == []


def test_a_wrong_key_is_one_error_and_nothing_else_is_tried(patient: Patient, simulator: SimulatorClient) -> None:
    auth = patient.platform.auth.model_copy(update={"secret_key": SecretStr("wrong")})
    mark = simulator.mark()

    found = examined(patient.changed(auth=auth, metering=None))  # who reads costs signs in with a key of its own

    assert levels(found["service user"]) == [Level.ERROR]
    assert "access key" in (found["service user"][0].remedy or "")
    assert found["management role"][0].message == "not checked, because service user failed"
    assert levels(found["organizational units"]) == [Level.WARNING]
    assert [call.operation for call in simulator.calls(mark)] == ["GetCallerIdentity"]


def test_nobody_is_told_to_wait_for_a_retry_that_the_doctor_does_not_make(
    patient: Patient, simulator: SimulatorClient
) -> None:
    simulator.inject(operation="GetCallerIdentity", kind="error", code="InternalFailure", status=500, times=-1)
    try:
        [found] = examined(patient, "service user")["service user"]
    finally:
        simulator.clear_faults()
    assert found.level is Level.ERROR
    assert "run the check again" in (found.remedy or "")


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        (organization.SERVICE_USER_ARN, "by a key in the worker's environment"),
        (f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/pods/connector", "but the platform document says"),
    ],
)
def test_it_says_who_the_environment_is(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, principal: str, words: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", organization.SERVICE_USER_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", organization.SERVICE_USER_SECRET_KEY)

    found = examined(patient.changed(auth=DefaultAuth(principal_arn=principal)), "service user")

    assert levels(found["service user"])[0] is Level.WARNING
    assert words in found["service user"][0].message


def test_a_session_of_the_role_that_the_document_names_is_right() -> None:
    role = DefaultAuth(principal_arn="arn:aws:iam::123456789012:role/pods/connector")
    assert signed_in(role, "arn:aws:sts::123456789012:assumed-role/connector/pod-1").level is Level.OK
    assert signed_in(role, "arn:aws:sts::210987654321:assumed-role/connector/pod-1").level is Level.WARNING


def test_a_role_that_may_not_read_savings_plans_is_an_error_before_a_collection_fails(
    patient: Patient, simulator: SimulatorClient
) -> None:
    pages = simulator.state()["cost_explorer"]["pages"]
    simulator.inject(
        service="ce", operation="GetSavingsPlansUtilizationDetails", code="AccessDeniedException", status=400
    )
    found = examined(patient, "metering role", "chargeback")["chargeback"]
    assert [(each.level, "GetSavingsPlans" in each.message) for each in found] == [
        (Level.OK, False),
        (Level.ERROR, True),
    ]
    assert simulator.state()["cost_explorer"]["pages"] == pages  # it has cost nothing


def test_roles_that_take_no_session_tags_are_errors(patient: Patient) -> None:
    found = examined(patient.changed(session_tags=True), "management role", "session tags")

    assert levels(found["management role"]) == [Level.OK]
    assert levels(found["session tags"]) == [Level.ERROR, Level.ERROR]  # of the management and the automation account
    assert "sts:TagSession" in found["session tags"][0].message


def test_a_wrong_external_id_is_an_error(patient: Patient) -> None:
    found = examined(
        patient.changed(automation_external_id=SecretStr("not-this-one")), "management role", "automation role"
    )

    assert levels(found["automation role"]) == [Level.ERROR]
    assert "not-this-one" not in str(found)
    assert levels(found["management role"]) == [Level.OK]


def test_a_role_that_lets_in_without_the_external_id_is_a_warning(patient: Patient, simulator: SimulatorClient) -> None:
    account, role = organization.MESHCLOUD_ACCOUNT_ID, "Open"  # in one account a trust that names the user is enough
    statement = {"Effect": "Allow", "Principal": {"AWS": organization.SERVICE_USER_ARN}, "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement]}
    simulator.operator("create_role", account=account, role=role, trust=trust)

    open_role = patient.changed(automation_role_arn=f"arn:aws:iam::{account}:role/{role}")
    found = examined(open_role, "automation role", "automation external id")

    assert levels(found["automation external id"]) == [Level.WARNING, Level.WARNING]
    assert "sts:ExternalId" in (found["automation external id"][0].remedy or "")


def test_a_role_that_asks_for_an_external_id_needs_one(patient: Patient) -> None:
    without = patient.changed(management_external_id=None, automation_external_id=None)

    found = examined(without, "management role", "management external id")

    assert levels(found["management role"]) == [Level.ERROR]  # the sandbox's trust asks for one
    assert found["management external id"][0].message.startswith("not checked")


@pytest.mark.parametrize(
    ("skew", "level"), [(0, Level.OK), (120, Level.WARNING), (-280, Level.ERROR)], ids=["right", "off", "refused"]
)
def test_the_clock(patient: Patient, skew: int, level: Level) -> None:
    shifted = replace(patient, now=lambda: datetime.now(UTC) + timedelta(seconds=skew))

    assert examined(shifted, "service user")["service user"][1].level is level


def test_units_that_are_not_there(patient: Patient) -> None:
    wrong = with_zone(patient, target_organizational_unit="ou-sbox-nowhere00")
    other_root = with_zone(patient, target_organizational_unit="r-none")
    root = with_zone(patient, target_organizational_unit=organization.ROOT_ID)

    remedy = examined(wrong, "organizational units")["organizational units"][0].remedy
    assert remedy == f"Correct awsTargetOrgUnitId of landing zone {patient.zones[0].name}."
    assert examined(other_root, "organizational units")["organizational units"][0].level is Level.ERROR
    assert examined(root, "organizational units")["organizational units"][0].level is Level.OK


def test_permission_sets_that_are_not_there(patient: Patient) -> None:
    center = patient.platform.identity_store
    assert center is not None
    unknown = f"arn:aws:sso:::permissionSet/{organization.INSTANCE_ID}/ps-unknown000000001"
    foreign = "arn:aws:sso:::permissionSet/ssoins-0000000000000000/ps-sandboxadmin0001"
    mapping = center.role_mappings[0].model_copy(update={"permission_set_arns": (unknown, foreign)})

    found = examined(patient.changed(**access(patient, role_mappings=(mapping,))), "permission sets")

    assert levels(found["permission sets"]) == [Level.ERROR, Level.ERROR]


def test_groups_that_cannot_be_read(patient: Patient) -> None:
    store = examined(patient.changed(**access(patient, identity_store_id="d-0000000000")), "groups")
    token: ScimAccess = SCIM.model_copy(update={"access_token": SecretStr("expired")})
    scim = examined(patient.changed(identity_store=None, scim=token), "groups")
    fine = examined(patient.changed(identity_store=None, scim=SCIM), "groups")

    assert levels(scim["groups"]) == [Level.ERROR]
    assert levels(store["groups"]) == [Level.ERROR]
    assert "SCIM endpoint and token work" in fine["groups"][0].message


def test_what_landing_zones_deploy(patient: Patient, simulator: SimulatorClient) -> None:
    arn = simulator.operator("offer_function", name="doctored", timeout=90)["arn"]
    hook = LambdaHook(arn=arn, name="doctored", region=organization.REGION)
    stack_set = patient.zones[0].stack_set
    assert stack_set is not None
    missing = stack_set.model_copy(update={"name": "missing", "arn": f"{stack_set.arn}0"})
    guard = ServiceControlPolicy(name="guard")
    template = AccessStack(template_url=ADDRESS)

    found = examined(
        with_zone(patient, stack_set=missing, lambda_hook=hook, access_stack=template, service_control_policy=guard),
        "StackSets",
        "functions",
        "templates",
        "service control policies",
    )

    assert levels(found["StackSets"]) == [Level.ERROR]
    assert levels(found["functions"]) == [Level.WARNING]
    assert "lambdaTimeoutSeconds" in (found["functions"][0].remedy or "")
    assert "no tenant has an account yet" in found["templates"][0].message
    assert "first replication" in found["service control policies"][0].message


@pytest.mark.parametrize(("state", "level"), [("Inactive", Level.OK), ("Failed", Level.ERROR)])
def test_a_functions_state(patient: Patient, simulator: SimulatorClient, state: str, level: Level) -> None:
    arn = simulator.operator("offer_function", name=state, state=state)["arn"]
    hook = LambdaHook(arn=arn, name=state, region=organization.REGION)

    assert levels(examined(with_zone(patient, lambda_hook=hook), "functions")["functions"]) == [level]


def test_a_function_that_may_not_be_looked_at_is_a_warning(patient: Patient, simulator: SimulatorClient) -> None:
    arn = simulator.operator("offer_function", name="hidden")["arn"]
    hook = LambdaHook(arn=arn, name="hidden", region=organization.REGION)
    simulator.deny("lambda:GetFunctionConfiguration")

    assert levels(examined(with_zone(patient, lambda_hook=hook), "functions")["functions"]) == [Level.WARNING]


def test_a_template_is_read_from_an_account_of_a_tenant(patient: Patient, simulator: SimulatorClient) -> None:
    made = simulator.operator(
        "create_account", name="doctored", email="doctored@example.com", roles=[organization.ACCESS_ROLE]
    )
    there = replace(with_zone(patient, access_stack=AccessStack(template_url=ADDRESS)), account_id=made["account"])

    before = examined(there, "access role", "templates")
    simulator.operator("offer_template", url=ADDRESS, body="Resources: {Topic: {Type: 'AWS::SNS::Topic'}}")
    after = examined(there, "access role", "templates")

    assert levels(before["access role"]) == [Level.OK]
    assert levels(before["templates"]) == [Level.ERROR]
    assert levels(after["templates"]) == [Level.OK]


def test_control_tower_and_its_product(patient: Patient, simulator: SimulatorClient) -> None:
    enrollment = Enrollment(
        management_account_id=organization.MANAGEMENT_ACCOUNT_ID, account_factory_product_id="prod-unknown000000"
    )
    simulator.set_options(enforce_policies=False)
    found = examined(with_zone(patient.changed(enrollment=enrollment), enroll_account=True), "Control Tower")
    simulator.set_options(enforce_policies=True)

    assert levels(found["Control Tower"]) == [Level.OK, Level.ERROR]
    assert "accountFactoryProductId" in (found["Control Tower"][1].remedy or "")


def test_the_doctor_cannot_write(patient: Patient) -> None:
    with pytest.raises(ReaderWrites):
        patient.aws.organizations.create_unit(organization.ROOT_ID, "never")


def test_limits_above_awss_own_are_a_warning(patient: Patient) -> None:
    limits = patient.platform.limits.model_copy(update={"account_creations": 9})

    found = examined(patient.changed(limits=limits), "limits")["limits"]

    assert levels(found) == [Level.WARNING, Level.OK]


def test_costs_that_cannot_be_kept_are_a_warning(patient: Patient, tmp_path: Path) -> None:
    """As in a container whose file system is read-only."""
    (tmp_path / "file").touch()

    def kept_in(**fields: object) -> list[Finding]:
        settings = patient.worker.settings.model_copy(update=fields)
        changed = replace(patient, worker=replace(patient.worker, settings=settings))
        return examined(changed, "cost database").get("cost database", [])

    assert levels(kept_in(data_dir=tmp_path / "new" / "data")) == [Level.OK]
    (warned,) = kept_in(data_dir=tmp_path / "file" / "data")
    assert warned.level is Level.WARNING
    assert "CONNECTOR_METERING_DATABASE_URL" in (warned.remedy or "")
    assert kept_in(metering_database_url=SecretStr("postgresql://db/costs")) == []
    assert not (tmp_path / "new").exists()


def test_a_platform_is_examined_as_it_is_configured(patient: Patient) -> None:
    found = patient_of(patient.worker, patient.platform)

    assert found.platform.identifier == PLATFORM
    assert {zone.name for zone in found.zones} == {zone.name for zone in patient.zones}
    assert found.account_id is None
