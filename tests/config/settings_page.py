"""docs/settings.md, made of `config.settings.Settings`: `python -m tests.config.settings_page > docs/settings.md`.

A test compares the page with what this module makes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.environment import variable
from config.settings import Settings

HEAD = """# Settings

<!-- Made by `python -m tests.config.settings_page > docs/settings.md`. -->

You configure each process with environment variables. It reads them when it starts, together with a file `.env` in its
working directory; the environment takes precedence. (`honcho` reads `.env` too, and there the file takes precedence.) A
wrong value or a misspelled name stops the process with one sentence for each mistake.

You describe your AWS organizations and landing zones in documents instead: see [configuration](configuration.md).
"""

SECTIONS = {  # the field with which each begins
    "mode": "General",
    "api_tokens": "API",
    "oidc_issuer": "Sign-in to the page",
    "worker_concurrency": "Workers",
    "step_deadline": "Deadlines and grace periods",
    "replication_interval": "Daily replication",
    "account_creation_limit": "AWS's limits",
    "workspace_identifier_length": "Identifiers",
    "notification_url": "Notifications",
    "metrics_host": "Metrics",
    "meshstack_url": "meshStack and the runner",
    "data_dir": "Metering",
    "retention_days": "Retention",
}
ABOUT = {
    "API": """To generate a token and its entry ([what scopes allow](security.md#api-tokens)):

    token=$(openssl rand -hex 32); echo "meshstack:order:$(printf %s "$token" | sha256sum | cut -d' ' -f1)"
""",
    "AWS's limits": """All workers together keep to these limits. A platform may have its own: see [limits](limits.md).
""",
}

TAIL = """
## Other variables

- `CONNECTOR_URL` and `CONNECTOR_TOKEN` give commands the address of the API and their token; so do the options `--url`
  and `--token-file`.
- Variables that a document names with `{env: NAME}` hold [secrets](configuration.md#secrets) of the platforms. Workers,
  and commands that call AWS, read them.
- `AWS_ENDPOINT_URL`, `AWS_WEB_IDENTITY_TOKEN_FILE`, `AWS_CA_BUNDLE` and the like work as in any boto3 program.
- `HTTPS_PROXY`, `NO_PROXY` and the like name the [proxies](configuration.md#proxies) through which AWS, SCIM, SAML
  metadata and the receiver of notifications are reached.

You can also set all of them in `.env`. The environment takes precedence.
"""

UNITS = {"_SECONDS": "seconds", "_DAYS": "days", "_LENGTH": "characters", "_PER_SECOND": "calls a second"}


def page() -> str:
    """Return the whole page."""
    return "\n".join([HEAD.rstrip(), *_sections(), TAIL])


def _sections() -> Iterator[str]:
    rows: dict[str, list[str]] = {title: [] for title in SECTIONS.values()}
    title = ""
    for name, field in Settings.model_fields.items():
        title = SECTIONS.get(name, title)
        rows[title].append(_row(name, field))
    for title, found in rows.items():
        about = f"{ABOUT[title]}\n" if title in ABOUT else ""
        yield f"\n## {title}\n\n{about}| variable | default | unit | meaning |\n|---|---|---|---|"
        yield from found


def _row(name: str, field: FieldInfo) -> str:
    known = variable(name)
    unit = next((unit for ending, unit in UNITS.items() if known.endswith(ending)), "")
    return f"| `{known}` | {_default(field.default)} | {unit} | {_linked(field.description or '')}{_choices(field)} |"


def _default(value: Any) -> str:
    match value:
        case None | () | dict():
            return "none"
        case SecretStr():
            return f"`{value.get_secret_value()}`"
        case timedelta():
            return f"{value.total_seconds():g}{_in_words(value)}"
        case _:
            return f"`{value}`" if isinstance(value, str) or not isinstance(value, int) else str(value)


def _in_words(time: timedelta) -> str:
    """Say longer times so that nobody must divide.

    >>> _in_words(timedelta(seconds=15)), _in_words(timedelta(minutes=30)), _in_words(timedelta(days=3))
    ('', ' (30 minutes)', ' (3 days)')
    """
    for unit, name in ((timedelta(days=1), "day"), (timedelta(hours=1), "hour"), (timedelta(minutes=1), "minute")):
        if time >= unit and not time % unit:
            return f" ({time // unit} {name}{'' if time == unit else 's'})"
    return ""


def _linked(text: str) -> str:
    """Make a link of each page that a description names: the settings know it by its path in the repository."""
    return re.sub(r"docs/([a-z]+)\.md", r"[\1](\1.md)", text)


def _choices(field: FieldInfo) -> str:
    if get_origin(field.annotation) is not Literal:
        return ""
    return f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}."


if __name__ == "__main__":
    sys.stdout.write(page())
