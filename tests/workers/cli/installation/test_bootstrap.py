"""`aws-connector bootstrap`: what it writes works in an AWS that enforces it, and a person's own work is kept."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.support.empty_organization import empty_organization
from tests.support.redis import CheckedRedis
from tests.workers.cli.running import RunHere, clean_environment, run
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient
from workers.sandbox.web_identity import make_token

ACCOUNTS = {
    "--management-account": organization.MANAGEMENT_ACCOUNT_ID,
    "--meshcloud-account": organization.MESHCLOUD_ACCOUNT_ID,
    "--automation-account": organization.AUTOMATION_ACCOUNT_ID,
    "--account-email": "aws+#{workspaceIdentifier}.#{projectIdentifier}@example.com",
}
SANDBOX = {
    "--platform": "aws.fresh",
    "--sign-in": "irsa",
    "--issuer": f"https://{organization.WEB_IDENTITY_PROVIDER}",
    "--subject": organization.WEB_IDENTITY_SUBJECT,
    "--access-role": organization.ACCESS_ROLE,
    "--unit": organization.DEVELOPMENT_OU_ID,
    "--identity-store": organization.IDENTITY_STORE_ID,
    "--instance": organization.INSTANCE_ARN,
    "--permission-set": f"admin={organization.ADMIN_PERMISSION_SET_ARN}",
}


def arguments(directory: Path, **options: str) -> list[str]:
    given = {**ACCOUNTS, **options}
    return ["bootstrap", str(directory), *(text for pair in given.items() for text in pair)]


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorClient]:
    with empty_organization(SimulatorOptions(lag_seconds=0)) as client:
        yield client


def test_the_doctor_is_content_with_what_was_deployed(tmp_path: Path, simulator: SimulatorClient) -> None:
    written = run(*arguments(tmp_path, **SANDBOX))
    assert (written.returncode, written.stderr) == (0, "")
    for account in ("meshcloud", "management", "automation"):
        deploy(tmp_path, account, simulator)
    (tmp_path / "token").write_text(make_token(), encoding="ascii")

    with CheckedRedis() as redis:
        environment = clean_environment(
            AWS_ENDPOINT_URL=simulator.url,
            AWS_DEFAULT_REGION=organization.REGION,
            AWS_EC2_METADATA_DISABLED="true",
            AWS_ROLE_ARN=f"arn:aws:iam::{organization.MESHCLOUD_ACCOUNT_ID}:role/MeshstackConnectorRole",
            AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
            CONNECTOR_REDIS_URL=redis.url,
            CONNECTOR_CONFIG_DIR=str(tmp_path / "config.d"),
        )
        done = run("doctor", "--json", environment=environment)

    (findings,) = json.loads(done.stdout).values()
    assert [each for each in findings if each["level"] == "error"] == []
    assert done.returncode == 0
    said = [(each["check"], each["message"]) for each in findings if each["level"] == "ok"]
    assert any(check == "service user" and ":assumed-role/MeshstackConnectorRole/" in text for check, text in said)
    assert {"management role", "automation role", "metering role", "permission sets"} <= {check for check, _ in said}


def deploy(directory: Path, account: str, simulator: SimulatorClient) -> None:
    """Make the roles of a template, with the parameters that its page names."""
    read = YAML(typ="safe").load((directory / "cloudformation" / f"{account}.yaml").read_text())
    text = json.dumps(read["Resources"])
    for name in read["Parameters"]:
        file = directory / "config.d" / "secrets" / f"{name.removesuffix('ExternalId').lower()}-external-id"
        if name.endswith("ExternalId"):
            text = text.replace(json.dumps({"Ref": name}), json.dumps(file.read_text().strip()))
    for resource in json.loads(text).values():
        if resource["Type"] == "AWS::IAM::Role":
            make_role(resource["Properties"], ACCOUNTS[f"--{account}-account"], simulator)


def make_role(properties: Mapping[str, Any], account: str, simulator: SimulatorClient) -> None:
    simulator.operator(
        "create_role",
        account=account,
        role=properties["RoleName"],
        trust=properties["AssumeRolePolicyDocument"],
        policies={each["PolicyName"]: each["PolicyDocument"] for each in properties.get("Policies", ())},
    )


STAND_IN = """\
#!/bin/sh
exec >> calls
printf '%s' "${0##*/}"
printf '\\037%s' "$@" "TF_VAR_management_external_id=$TF_VAR_management_external_id"
echo
"""


def test_the_page_gives_each_template_its_parameters(run_here: RunHere, tmp_path: Path) -> None:
    """Its commands run as they stand; aws and tofu only write down what they were told."""
    assert run_here(*arguments(tmp_path), environment=clean_environment()).returncode == 0
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("aws", "tofu"):
        (tools / name).write_text(STAND_IN.replace("calls", str(tmp_path / "calls")))
        (tools / name).chmod(0o755)
    page = (tmp_path / "README.md").read_text()
    deploy = "\n".join(
        line[4:] for line in page.splitlines() if line.startswith("    ") and "aws-connector" not in line
    )

    environment = {"PATH": f"{tools}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euc", deploy], cwd=tmp_path, env=environment, timeout=300, check=True)

    calls = [line.split("\037") for line in (tmp_path / "calls").read_text().splitlines()]
    deployed = [call for call in calls if call[:3] == ["aws", "cloudformation", "deploy"]]
    assert len(deployed) == 3
    for call in deployed:
        template = tmp_path / call[call.index("--template-file") + 1]
        parameters = YAML(typ="safe").load(template.read_text()).get("Parameters", {})
        given = dict(each.split("=", 1) for each in call if each.partition("=")[0] in parameters)
        assert given == {name: secret_of(tmp_path, name) for name, each in parameters.items() if "Default" not in each}
    assert [call[:2] for call in calls[-2:]] == [["tofu", "init"], ["tofu", "apply"]]
    assert calls[-1][-1] == f"TF_VAR_management_external_id={secret_of(tmp_path, 'ManagementExternalId')}"


def secret_of(directory: Path, parameter: str) -> str:
    file = f"{parameter.removesuffix('ExternalId').lower()}-external-id"
    return (directory / "config.d" / "secrets" / file).read_text().strip()


def test_a_second_run_keeps_secrets_and_documents(run_here: RunHere, tmp_path: Path) -> None:
    first = json.loads(run_here(*arguments(tmp_path), "--json").stdout)
    secret = tmp_path / "config.d" / "secrets" / "management-external-id"
    external_id, document = secret.read_text(), tmp_path / "config.d" / "platform.yaml"
    document.write_text(f"# mine\n{document.read_text()}")
    (tmp_path / "cloudformation" / "management.yaml").write_text("old")

    second = json.loads(run_here(*arguments(tmp_path), "--json").stdout)

    assert first["kept"] == first["missing"] == []
    assert sorted(second["written"] + second["kept"]) == first["written"]
    assert (secret.read_text(), document.read_text()[:6]) == (external_id, "# mine")
    assert len(external_id.strip()) >= 43
    assert secret.stat().st_mode & 0o777 == 0o600
    assert secret.parent.stat().st_mode & 0o777 == 0o700
    assert "AWSTemplateFormatVersion" in (tmp_path / "cloudformation" / "management.yaml").read_text()
    assert run_here("validate", str(tmp_path / "config.d")).returncode == 0


def test_a_later_run_needs_no_option_again(run_here: RunHere, tmp_path: Path) -> None:
    first = run_here(*arguments(tmp_path, **SANDBOX), "--no-metering", "--json")
    assert first.returncode == 0, first.stderr
    remembered, template = tmp_path / "bootstrap.yaml", tmp_path / "cloudformation" / "management.yaml"
    before = remembered.read_text(), template.read_text()
    for path in (tmp_path / "config.d" / "secrets").iterdir():
        assert path.read_text().strip() not in before[0]

    assert run_here("bootstrap", str(tmp_path)).returncode == 0
    assert (remembered.read_text(), template.read_text()) == before
    assert run_here("bootstrap", str(tmp_path), "--metering").returncode == 0
    assert organization.METERING_ROLE in template.read_text()
    assert "region: " not in remembered.read_text()  # as it is by default
    document = tmp_path / "config.d" / "platform.yaml"
    assert "type: default" in document.read_text()
    assert run_here("bootstrap", str(tmp_path), "--sign-in", "user").returncode == 0
    assert "type: credential" in document.read_text()  # nobody had changed it

    remembered.write_text("management-account: 1\ncolour: blue\n")
    done = run_here("bootstrap", str(tmp_path))
    assert done.returncode == 64
    assert "--meshcloud-account is needed: there is no" in run_here("bootstrap", str(tmp_path)).stderr
    remembered.write_text(f"{before[0]}color: blue\n")
    assert "color: Unexpected keyword argument" in run_here("bootstrap", str(tmp_path)).stderr


def test_what_was_added_to_the_platform_document_is_allowed(run_here: RunHere, tmp_path: Path) -> None:
    assert run_here(*arguments(tmp_path, **SANDBOX)).returncode == 0
    document, written = tmp_path / "config.d" / "platform.yaml", YAML(typ="safe")
    platform = written.load(document.read_text())
    replication = platform["spec"]["config"]["aws"]["replication"]
    replication |= {"importRole": "AccountFactoryRole", "managementAccountTenant": "platform.management"}
    replication["enrollmentConfiguration"] = {
        "managementAccountId": organization.MANAGEMENT_ACCOUNT_ID,
        "accountFactoryProductId": organization.ACCOUNT_FACTORY_PRODUCT_ID,
    }
    del replication["awsIdentityStore"]  # groups by SCIM instead
    replication["awsSso"] = {
        "scimEndpoint": "https://scim.eu-central-1.amazonaws.com/x/scim/v2",
        "arn": organization.INSTANCE_ARN,
        "ssoAccessToken": {"env": "SCIM_TOKEN"},
        "groupNamePattern": "#{workspaceIdentifier}.#{projectIdentifier}.#{platformGroupAlias}",
        "awsRoleMappings": [],
    }
    with document.open("w") as file:
        written.dump(platform, file)

    done = run_here("bootstrap", str(tmp_path))

    assert done.returncode == 0, done.stderr
    template = (tmp_path / "cloudformation" / "management.yaml").read_text()
    assert "arn:aws:iam::*:role/AccountFactoryRole" in template
    assert "AWSControlTowerAccountFactoryAccess" in template
    assert "OrgManagementAccessAdditionalSSOForRootAccount" in template
    assert "OrgManagementAccessSSO" in template
    assert "identitystore:" not in template  # the token of SCIM is enough
    assert "AccountFactoryRole" in (tmp_path / "opentofu" / "management.tf").read_text()

    other = run_here("bootstrap", str(tmp_path), "--platform", "aws.other")
    assert (other.returncode, other.stdout) == (64, "")
    assert "known: aws.fresh" in other.stderr


def test_git_leaves_out_what_is_secret(run_here: RunHere, tmp_path: Path) -> None:
    assert run_here(*arguments(tmp_path)).returncode == 0
    (tmp_path / "opentofu" / "terraform.tfstate").write_text("{}")
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *words], cwd=tmp_path, timeout=300, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True)

    kept = listed.stdout.splitlines()
    assert {"bootstrap.yaml", "config.d/platform.yaml", "opentofu/management.tf"} <= set(kept)
    assert [name for name in kept if "secrets/" in name or "tfstate" in name] == []


def test_with_users_it_says_which_keys_are_to_be_added(run_here: RunHere, tmp_path: Path) -> None:
    done = json.loads(run_here(*arguments(tmp_path, **{"--sign-in": "user"}), "--json").stdout)

    assert [Path(name).name for name in done["missing"]] == [
        "service-user-access-key",
        "service-user-secret-key",
        "metering-user-access-key",
        "metering-user-secret-key",
    ]
    assert (
        "create-access-key --profile meshcloud --user-name meshfed-service-user" in (tmp_path / "README.md").read_text()
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"--management-account": "1"}, "--management-account 1 must be an AWS account id of 12 digits"),
        ({"--sign-in": "magic"}, "--sign-in magic is not one of pod-identity, irsa, ecs"),
        ({"--sign-in": "irsa"}, "--sign-in irsa needs --issuer and --subject"),
        ({"--platform": "aws"}, "--platform aws must be <platform>.<location>"),
        ({"--instance": organization.INSTANCE_ARN}, "--identity-store and --instance go together"),
        ({"--permission-set": "admin"}, "--permission-set admin must be <project role>=…"),
        ({"--account-email": "aws@example.com"}, "must give every tenant its own address"),
        ({"--unit": "somewhere"}, "the id of an organizational unit"),
    ],
)
def test_a_wrong_option_writes_nothing(run_here: RunHere, tmp_path: Path, options: dict[str, str], words: str) -> None:
    done = run_here(*arguments(tmp_path / "new", **options))

    assert (done.returncode, done.stdout) == (64, "")
    assert words in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_is_one_sentence(run_here: RunHere, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run_here(*arguments(tmp_path / "file"))
    assert done.returncode == 64
    assert "choose another directory" in done.stderr
