"""The environment and a `.env` file, read into `Settings` here and nowhere else.

Nothing is read at import; `load_settings()` is called by each process when it starts. Whatever `.env` says counts for
the whole process then, so that no part of it speaks to another AWS than the rest.
"""

import difflib
import os
from collections.abc import Iterable, Mapping

from dotenv import dotenv_values
from pydantic import ValidationError

from config.mistakes import plain_words, shown
from config.proxies import Proxies, ProxyMistakes
from config.settings import ENV_FILE, PREFIX, Settings, port_variable

_NEARLY = 0.85
"""How alike (0 to 1) an unknown name must be to a setting to count as a slip of the pen."""

_SECRET = frozenset(
    {"redis_url", "redis_sentinel_password", "api_tokens", "notification_url", "notification_secret"}
    | {
        "meshstack_url",
        "meshstack_metering_url",
        "meshstack_client_secret",
        "meshstack_api_user",
        "oidc_client_secret",
        "metering_database_url",
    }
)
"""Settings whose values are not repeated, not even a wrong one."""


class SettingsError(ValueError):
    """The environment holds mistakes; the text has one sentence for each. Permanent: a person must correct them."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(self.mistakes))


def process_environment() -> Mapping[str, str]:
    """Return the process's environment over the variables of `.env`. Raises SettingsError."""
    try:
        from_file = {
            name: text for name, text in dotenv_values(ENV_FILE, interpolate=False).items() if text is not None
        }
    except (OSError, UnicodeDecodeError):
        raise SettingsError([f"{ENV_FILE} cannot be read as UTF-8 text"]) from None
    return {**from_file, **os.environ}


def adopt_env_file() -> None:
    """Let what `.env` says count for whoever looks into the environment alone: the AWS SDK, proxies, Vault.

    What the environment says already wins, and settings are read from both anyway. Raises SettingsError.
    """
    said = {name.upper() for name in os.environ}
    for name, text in process_environment().items():
        if name.upper() not in said and not name.upper().startswith(PREFIX):
            os.environ[name] = text


def variable(name: str) -> str:
    """Return the environment variable of a setting, or of the alias under which pydantic names it in an error.

    >>> variable("redis_url"), variable("lease")
    ('CONNECTOR_REDIS_URL', 'CONNECTOR_LEASE_SECONDS')
    """
    field = Settings.model_fields.get(name)
    alias = name if field is None else field.validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{name.upper()}"


def load_settings() -> Settings:
    """Read the environment and `.env`. Raises SettingsError with one sentence per mistake."""
    adopt_env_file()
    environment = process_environment()
    mistakes = [*_misspelled(environment), *_proxies()]
    try:
        settings = Settings()
    except ValidationError as error:
        raise SettingsError([*mistakes, *_sentences(error)]) from None
    if mistakes:
        raise SettingsError(mistakes)
    return settings


def _proxies() -> Iterable[str]:
    """Find what our clients would choke on later; the SDK and all others look into the environment alone."""
    try:
        Proxies.read(os.environ)
    except ProxyMistakes as error:
        yield from error.mistakes


def _misspelled(environment: Mapping[str, str]) -> Iterable[str]:
    """Find variables that are nearly a setting; other CONNECTOR_ names may belong to other tools."""
    known = [variable(name).removeprefix(PREFIX) for name in Settings.model_fields]
    for name in sorted(environment):
        ending = name.upper().removeprefix(PREFIX)
        if name.upper().startswith(PREFIX) and ending not in known:
            for near in difflib.get_close_matches(ending, known, n=1, cutoff=_NEARLY):
                yield f"{name} is not a known setting; did you mean {PREFIX}{near}?"


def _sentences(error: ValidationError) -> Iterable[str]:
    for detail in error.errors(include_url=False):
        name = str(detail["loc"][0])
        told_by = port_variable(name) or variable(name)
        value = shown(detail["input"], secret=name in _SECRET)
        yield f"{told_by} = {value}: {plain_words(detail['msg'])}."
