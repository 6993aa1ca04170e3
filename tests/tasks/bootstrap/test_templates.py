"""Templates and OpenTofu files: clean by cfn-lint, readable as HCL, within AWS's limits, and the published policies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
from ruamel.yaml import YAML

from tasks.aws.actions import Feature, Principal
from tasks.bootstrap.blueprint import Account, Wanted, blueprint, surroundings
from tasks.bootstrap.cloudformation import template
from tasks.bootstrap.files import files
from tasks.bootstrap.sign_in import SignIn, Way
from tasks.bootstrap.starter import Starter
from tasks.permissions.iam_documents import documents

INSTANCE = "arn:aws:sso:::instance/ssoins-0123456789abcdef"
STARTER = Starter(
    "aws",
    "main",
    "eu-central-1",
    "aws+#{workspaceIdentifier}.#{projectIdentifier}@example.com",
    identity_store="d-0123456789",
    permission_sets={"admin": "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef"},
)
# Characters without white space. Source: IAM and AWS STS quotas; Quotas for AWS Organizations
LIMITS = {"AWS::IAM::Role": 10_240, "AWS::IAM::User": 2_048, "AWS::Organizations::Policy": 10_240}


def wanted(way: Way, **fields: Any) -> Wanted:
    sign_in = SignIn(way, "oidc.example.com/id/1", "system:serviceaccount:meshcloud:replicator")
    given: dict[str, Any] = {"automation_account": "333333333333", "instance": INSTANCE, **fields}
    return Wanted("aws.main", "111111111111", "222222222222", sign_in, **given)


VARIANTS = {
    "a role": wanted(Way.POD_IDENTITY),
    "machines": wanted(Way.EC2, automation_account=None, metering=False),
    "tokens": wanted(Way.OIDC),
    "users": wanted(Way.USER, features=frozenset(Feature)),
}


@pytest.fixture(scope="module", params=VARIANTS, ids=str)
def variant(request: pytest.FixtureRequest) -> Wanted:
    return VARIANTS[request.param]


def lint(folder: Path) -> tuple[int, str]:
    """Run cfn-lint on every template, with warnings: it knows the names of all actions."""
    found = sorted(map(str, folder.rglob("*.yaml")))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "eu-central-1", "us-east-1", "--", *found]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.thorough
def test_cfn_lint_finds_nothing(tmp_path: Path) -> None:
    for name, each in VARIANTS.items():
        made = files(each, STARTER)
        texts = {**made.made, **{k: v for k, v in made.begun.items() if k.endswith("access-stack.yaml")}}
        for file, text in texts.items():
            if file.endswith(".yaml"):
                path = tmp_path / name / Path(file).name
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")

    assert lint(tmp_path) == (0, "")

    broken = tmp_path / "a role" / "management.yaml"
    broken.write_text(broken.read_text().replace("organizations:MoveAccount", "organizations:MoveAcount"))
    code, said = lint(tmp_path)
    assert code != 0
    assert "W3037" in said  # no action of that name exists


def test_opentofu_files_can_be_read(variant: Wanted) -> None:
    made = {name: text for name, text in files(variant, STARTER).made.items() if name.endswith(".tf")}
    read = {name: hcl2.loads(text) for name, text in made.items()}

    used = {word.split(".")[1].strip("},)]") for text in made.values() for word in text.split() if "var." in word}
    declared = {name.strip('"') for block in read["opentofu/variables.tf"]["variable"] for name in block}
    assert {name.removesuffix("_profile") for name in declared} >= {account.key for account in blueprint(variant)}
    assert used & declared
    resources = [kind.strip('"') for file in read.values() for block in file.get("resource", ()) for kind in block]
    assert ("aws_iam_user" in resources) == variant.sign_in.is_user
    assert ("aws_iam_instance_profile" in resources) == (variant.sign_in.way is Way.EC2)


def test_opentofu_would_lay_it_out_the_same(variant: Wanted, tmp_path: Path) -> None:
    program = shutil.which("tofu") or shutil.which("terraform")
    if program is None:
        pytest.skip("neither tofu nor terraform is installed")
    for name, text in files(variant, STARTER).made.items():
        if name.endswith(".tf"):
            (tmp_path / Path(name).name).write_text(text, encoding="utf-8")
    environment = {name: text for name, text in os.environ.items() if not name.startswith("TF_")}
    command = [program, "fmt", "-check", "-diff", str(tmp_path)]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)

    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_policies_fit_into_awss_limits(variant: Wanted) -> None:
    for kind, size in sizes(variant):
        assert size <= LIMITS[kind], kind


def sizes(variant: Wanted) -> Iterator[tuple[str, int]]:
    for account in blueprint(variant):
        for resource in template(account)["Resources"].values():
            properties = resource["Properties"]
            policies = [each["PolicyDocument"] for each in properties.get("Policies", ())]
            for content in [policies, properties.get("Content")]:
                if content:
                    yield resource["Type"], len(json.dumps(content, separators=(",", ":")))


def test_every_account_gets_the_published_policies(variant: Wanted) -> None:
    published = {each.principal: each for each in documents(surroundings(variant))}
    accounts = {account.key: account for account in blueprint(variant)}

    expected = {Principal.SERVICE_USER: "meshcloud", Principal.MANAGEMENT_ROLE: "management"}
    if variant.metering:
        expected |= {Principal.METERING_USER: "meshcloud", Principal.METERING_ROLE: "management"}
    if variant.automation_account:
        expected[Principal.AUTOMATION_ROLE] = "automation"
    for principal, key in expected.items():
        assert published[principal].policy in policies_of(accounts[key]), principal
        assert published[principal].account == accounts[key].id


def policies_of(account: Account) -> list[Any]:
    of_users = [policy for user in account.users for policy in user.policies.values()]
    return of_users + [policy for role in account.roles for policy in role.policies.values()]


def test_no_external_id_stands_in_a_file(variant: Wanted) -> None:
    """Each is a parameter that CloudFormation hides, and a variable that OpenTofu hides."""
    made = files(variant, STARTER).made
    for account in blueprint(variant):
        read = YAML(typ="safe").load(made[f"cloudformation/{account.key}.yaml"])
        hidden = {name for name, each in read.get("Parameters", {}).items() if each.get("NoEcho")}
        assert hidden == {each.name for each in account.external_ids}
    secret = [block for block in hcl2.loads(made["opentofu/variables.tf"])["variable"] if "external_id" in str(block)]
    assert secret
    assert all(next(iter(block.values()))["sensitive"] for block in secret)
    assert not any("<" in text for name, text in made.items() if name.endswith((".tf", ".yaml")))
