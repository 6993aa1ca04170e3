"""Everything that is written for an organization: templates, OpenTofu files, documents, and a page that explains."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import Any

from ruamel.yaml import YAML

from tasks.bootstrap.blueprint import Wanted, blueprint
from tasks.bootstrap.cloudformation import execution_template, template
from tasks.bootstrap.instructions import DOCUMENTS, instructions
from tasks.bootstrap.opentofu import files as opentofu_files
from tasks.bootstrap.starter import ACCESS_STACK, SECRETS, Starter, landing_zone_document, platform_document

NOT_FOR_GIT = f"""\
# What is secret: external ids, access keys, and the state of OpenTofu, which holds the external ids.
/{DOCUMENTS}/{SECRETS}/
/opentofu/.terraform/
/opentofu/*.tfstate*
"""


@dataclass(frozen=True)
class Files:
    """Texts by path, relative to the directory that they go into."""

    made: dict[str, str]  # made again each time
    begun: dict[str, str]  # a person goes on with them


def files(wanted: Wanted, starter: Starter) -> Files:
    """Return everything but the secrets, for which see `starter.secret_files`."""
    accounts = blueprint(wanted)
    made = {"README.md": instructions(wanted, starter, accounts), ".gitignore": NOT_FOR_GIT}
    made |= {f"cloudformation/{account.key}.yaml": yaml(template(account)) for account in accounts}
    made |= {f"opentofu/{name}": text for name, text in opentofu_files(accounts, starter.region).items()}
    begun = {
        f"{DOCUMENTS}/platform.yaml": yaml(platform_document(wanted, starter)),
        f"{DOCUMENTS}/landing-zone.yaml": yaml(landing_zone_document(wanted, starter)),
    }
    if wanted.automation_account is not None:
        begun[f"{DOCUMENTS}/{ACCESS_STACK}"] = yaml(execution_template(wanted, wanted.automation_account))
    return Files(made, begun)


def yaml(document: dict[str, Any]) -> str:
    """Write a document as YAML, in the order that it has."""
    writer = YAML()
    writer.default_flow_style = False
    writer.width = 120
    writer.representer.ignore_aliases = lambda _: True
    stream = StringIO()
    writer.dump(document, stream)
    return stream.getvalue()
