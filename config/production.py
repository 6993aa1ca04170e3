"""What must not be in production: the sandbox's secrets, a Redis without password, an AWS that is not AWS.

Checked when a process starts with CONNECTOR_MODE=production; each mistake is one sentence for a person, and none
repeats a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from config.environment import SettingsError, process_environment
from config.known_secrets import KNOWN_SECRETS
from config.proxies import is_loopback
from config.settings import Settings

ENDPOINT = "AWS_ENDPOINT_URL"  # and AWS_ENDPOINT_URL_<SERVICE>
PRODUCTION = "in production mode (CONNECTOR_MODE=production)"
SHORTEST_PASSWORD = 16
"""Characters. Redis answers some 100,000 guesses a second."""


def check_production(
    settings: Settings, secrets: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> None:
    """Raise SettingsError with every reason why a process must not start in production; nothing in other modes.

    secrets      those of the documents, in a process that reads them
    environment  by default the process's own and the `.env` file
    """
    if settings.mode != "production":
        return
    found = process_environment() if environment is None else environment
    told = (*_redis(settings), *_metrics(settings), *_notifications(settings), *_meshstack(settings))
    mistakes = [*told, *_documents(secrets), *_ambient(found), *_endpoints(found)]
    if mistakes:
        raise SettingsError(mistakes)


def check_production_api(settings: Settings) -> None:
    """Raise SettingsError when the API must not start in production: nobody could call it."""
    if settings.mode == "production" and not settings.api_tokens:
        raise SettingsError([f"CONNECTOR_API_TOKENS is needed {PRODUCTION}: name:scope:<sha256 of the token in hex>."])


def _redis(settings: Settings) -> Iterator[str]:
    password, tls = settings.redis.password, settings.redis.tls
    if not password:
        yield f"CONNECTOR_REDIS_URL needs a password {PRODUCTION}: redis://:password@host:6379/0."
    elif len(password) < SHORTEST_PASSWORD:
        yield f"CONNECTOR_REDIS_URL needs a password of at least {SHORTEST_PASSWORD} characters {PRODUCTION}."
    if tls is not None and not (tls.verified and tls.named):
        yield f"CONNECTOR_REDIS_URL must have Redis's certificate checked {PRODUCTION}: give ssl_ca_certs instead."


def _metrics(settings: Settings) -> Iterator[str]:
    if settings.metrics_port is not None and not settings.api_tokens:
        yield (
            f"CONNECTOR_METRICS_PORT = {settings.metrics_port} needs CONNECTOR_API_TOKENS {PRODUCTION}: "
            "a token is the password for the metrics. Give it the tokens that the API has, or unset the port."
        )


def _notifications(settings: Settings) -> Iterator[str]:
    url = settings.notification_url
    if url is not None and not _is_remote_and_encrypted(url.get_secret_value()):
        yield f"CONNECTOR_NOTIFICATION_URL must be an https:// address of another machine {PRODUCTION}."


def _meshstack(settings: Settings) -> Iterator[str]:
    for name in ("meshstack_url", "meshstack_metering_url"):
        url = getattr(settings, name)
        if url is not None and not _is_remote_and_encrypted(url):
            yield f"CONNECTOR_{name.upper()} must be an https:// address of another machine {PRODUCTION}."


def _documents(secrets: Iterable[str]) -> Iterator[str]:
    if KNOWN_SECRETS.intersection(secrets):
        yield (
            "The platform documents use access keys or external ids of the sandbox, which everybody knows; "
            f"they are refused {PRODUCTION}."
        )


def _ambient(environment: Mapping[str, str]) -> Iterator[str]:
    """Refuse the sandbox's keys where the SDK looks for its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if environment.get(name) in KNOWN_SECRETS:
            yield f"{name} is the sandbox's, which everybody knows; it is refused {PRODUCTION}."


def _endpoints(environment: Mapping[str, str]) -> Iterator[str]:
    """Refuse an endpoint on this machine, or one that is spoken to in the clear: external ids travel in the calls."""
    for name in sorted(environment):
        if not (name == ENDPOINT or name.startswith(f"{ENDPOINT}_")) or not environment[name].strip():
            continue
        if not _is_remote_and_encrypted(environment[name].strip()):
            yield f"{name} must be an https:// address of another machine {PRODUCTION}; unset it to use AWS itself."


def _is_remote_and_encrypted(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and not is_loopback(host)
