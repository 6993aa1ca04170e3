"""The page that goes with the files: what to run, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tasks.bootstrap.blueprint import METERING_USER, SERVICE_USER, Account, ExternalId, Wanted
from tasks.bootstrap.opentofu import variable
from tasks.bootstrap.sign_in import BY_TOKEN, Way
from tasks.bootstrap.starter import Starter, key_files, secret_file

DOCUMENTS = "config.d"
AFTERWARDS = {
    Way.POD_IDENTITY: (
        "Afterwards give the workers' service account the role: `aws eks create-pod-identity-association "
        "--disable-session-tags …`. Without that option, EKS adds session tags, and the access roles "
        "of new accounts refuse them."
    ),
    Way.IRSA: "Afterwards annotate the workers' service account with `eks.amazonaws.com/role-arn`.",
    Way.ECS: "Afterwards name the role as `taskRoleArn` in the workers' task definition.",
    Way.EC2: "Afterwards start the workers' machines with the instance profile of the same name.",
    Way.OIDC: "Afterwards mount a token file in the workers, and set `AWS_WEB_IDENTITY_TOKEN_FILE` to its path.",
}


def instructions(wanted: Wanted, starter: Starter, accounts: Sequence[Account]) -> str:
    """Return the page, as Markdown."""
    return "\n".join(_lines(wanted, starter, accounts)) + "\n"


def _lines(wanted: Wanted, starter: Starter, accounts: Sequence[Account]) -> Iterator[str]:
    yield f"# What the connector needs for {starter.identifier}"
    yield ""
    yield "`aws-connector bootstrap` wrote this directory. Run it again after an update: it writes the templates again,"
    yield f"and keeps what you have changed in `{DOCUMENTS}`. Never commit `{DOCUMENTS}/secrets`."
    if wanted.sign_in.way in BY_TOKEN:
        yield ""
        yield f"First make `https://{wanted.sign_in.issuer}` an IAM OIDC provider of account "
        yield f"{wanted.meshcloud_account}, with `{wanted.sign_in.audience}` among its client ids."
    yield ""
    yield "## Deploy"
    yield ""
    yield "Use either CloudFormation or OpenTofu, and keep the order: a policy cannot name a role that does not exist"
    yield "yet. Replace the profiles `meshcloud`, `management` and `automation` with your own. SSO profiles work."
    yield ""
    yield "With CloudFormation:"
    yield ""
    for account in accounts:
        yield from _deploy(account, starter.region)
    yield ""
    yield "With OpenTofu or Terraform:"
    yield ""
    yield "    cd opentofu"
    for each in dict.fromkeys(each for account in accounts for each in account.external_ids):
        yield f'    export TF_VAR_{variable(each.name)}="$(cat ../{DOCUMENTS}/{secret_file(each)})"'
    for account in accounts:
        yield f"    export TF_VAR_{account.key}_profile={account.key}"
    yield "    tofu init && tofu apply"
    yield ""
    yield "The state then contains the external ids: keep it where only you can read it."
    if wanted.sign_in.is_user:
        yield from _keys(wanted)
    else:
        yield ""
        yield AFTERWARDS[wanted.sign_in.way]
    yield from _protect(wanted)
    yield ""
    yield "## Check"
    yield ""
    yield f"    aws-connector validate {DOCUMENTS}"
    yield f"    CONNECTOR_CONFIG_DIR={DOCUMENTS} aws-connector doctor    # where a worker would run"


def _deploy(account: Account, region: str) -> Iterator[str]:
    yield f"    aws cloudformation deploy --profile {account.key} --region {region} \\"
    yield f"      --stack-name meshstack-connector --template-file cloudformation/{account.key}.yaml \\"
    last = "" if not account.external_ids else " \\"
    yield f"      --capabilities CAPABILITY_NAMED_IAM{last}"
    for number, each in enumerate(account.external_ids):
        first = "--parameter-overrides " if number == 0 else "  "
        more = " \\" if number < len(account.external_ids) - 1 else ""
        yield f'      {first}{each.name}="{_read(each)}"{more}'


def _read(external_id: ExternalId) -> str:
    return f"$(cat {DOCUMENTS}/{secret_file(external_id)})"


def _keys(wanted: Wanted) -> Iterator[str]:
    yield ""
    yield "Then create an access key for each user, and write it to the files that the platform document names."
    yield "`aws-connector bootstrap DIRECTORY --rotate-keys` does both, and rotates the keys later. By hand:"
    yield ""
    for user in (SERVICE_USER, METERING_USER)[: 2 if wanted.metering else 1]:
        yield f"    aws iam create-access-key --profile meshcloud --user-name {user}"
    yield ""
    yield from (f"- `{DOCUMENTS}/{file}`" for file in key_files(wanted))


def _protect(wanted: Wanted) -> Iterator[str]:
    yield ""
    yield "## Protect"
    yield ""
    yield "The service control policy `meshstack-connector` keeps administrators of the tenants' accounts from changing"
    yield f"the role `{wanted.access_role}` and the connector's stacks. It has no effect until you attach it to the"
    yield "OUs of these accounts, with the parameter `ProtectedUnits` of `management.yaml` or the variable"
    yield "`protected_units`. First enable service control policies in the organization."
