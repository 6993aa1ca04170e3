"""Our way to meshStack, as the settings say."""

from __future__ import annotations

import httpx2

from config.environment import SettingsError
from config.proxies import ProxyMistakes
from config.settings import Settings
from tasks.meshstack.client import NAME, ApiKey, MeshStack, installed_version

NEEDED = ("meshstack_url", "meshstack_client_id")


def api_key(settings: Settings) -> ApiKey:
    """Read who we are in meshStack; raises SettingsError with a sentence for each that is missing."""
    mistakes = [
        f"CONNECTOR_{name.upper()} is needed to connect to meshStack." for name in NEEDED if not _is_set(settings, name)
    ]
    secret = _secret(settings, mistakes)
    if mistakes:
        raise SettingsError(mistakes)
    return ApiKey(settings.meshstack_client_id or "", secret)


def api_user(settings: Settings) -> str | None:
    """Read as whom usage reports are sent, `name:password`; None: none are. Raises SettingsError."""
    if settings.meshstack_api_user is None:
        return None
    user = settings.meshstack_api_user.get_secret_value()
    if ":" not in user:
        raise SettingsError(["CONNECTOR_MESHSTACK_API_USER must be name:password."])
    return user


def check_access(settings: Settings) -> None:
    """Raise SettingsError for what a worker lacks to speak to meshStack, where it is to."""
    if api_user(settings) is not None or settings.meshstack_pull_interval is not None:
        api_key(settings)


def connect(
    settings: Settings,
    key: ApiKey,
    transport: httpx2.BaseTransport | None = None,
    process: str | None = None,
    url: str | None = None,
) -> MeshStack:
    """Make the client; raises SettingsError when the certificates or proxies that are named cannot be used.

    process   of the runner, by which meshStack's operators tell several of them apart; None: it is a command
    url       of a part of meshStack that is elsewhere; None: that of the settings
    """
    headers = {"X-Meshcloud-Runner-Name": NAME, "X-Meshcloud-Runner-Version": installed_version()}
    if process is not None:
        headers["X-Block-Runner-Node-Id"] = f"{settings.runner_uuid}-{process}"
    try:
        return MeshStack(
            url or settings.meshstack_url or "",
            key,
            transport=transport,
            ca_file=settings.meshstack_ca_file,
            headers=headers,
        )
    except OSError as error:
        raise SettingsError([f"CONNECTOR_MESHSTACK_CA_FILE cannot be used: {error.strerror or error}."]) from error
    except ProxyMistakes as error:
        raise SettingsError(error.mistakes) from error


def _is_set(settings: Settings, name: str) -> bool:
    return bool(getattr(settings, name))


def _secret(settings: Settings, mistakes: list[str]) -> str:
    file, text = settings.meshstack_client_secret_file, settings.meshstack_client_secret
    if file is not None and text is not None:
        mistakes.append("CONNECTOR_MESHSTACK_CLIENT_SECRET and …_FILE are both set: use one of them.")
        return ""
    if file is not None:
        try:
            found = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            mistakes.append(f"CONNECTOR_MESHSTACK_CLIENT_SECRET_FILE = {file} cannot be read as text.")
            return ""
    else:
        found = text.get_secret_value() if text is not None else ""
    if not found:
        mistakes.append("CONNECTOR_MESHSTACK_CLIENT_SECRET, or …_FILE, is needed to connect to meshStack.")
    return found
