"""Secrets of secret stores: read from AWS and Vault, again when they change, and never by who only asks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from config.catalog import Catalog, CatalogError, load_catalog
from config.platform import CredentialAuth
from config.secret import Reference, UnresolvedSecret
from config.settings import Settings
from tasks.aws.secret_reading import AwsSecrets
from tasks.connector import Connector, redis_client
from tasks.in_force import InForce
from tasks.permissions.iam_documents import surroundings_of
from tasks.secret_stores.stores import EVERY, PAUSE, SecretStores
from tasks.secret_stores.vault import Vault
from tasks.state.store import Store
from tests.support.redis import CheckedRedis
from tests.support.simulator import running_simulator
from tests.support.waiting import eventually
from workers.examples import EXAMPLES
from workers.sandbox import organization
from workers.sandbox.aws.options import SimulatorOptions
from workers.sandbox.client import SimulatorClient

PLATFORM = "aws.sandbox"
KEY = Reference("secretsManager", "connector/key", "secretKey")


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorClient]:
    with running_simulator(SimulatorOptions(enforce_policies=True).model_dump(mode="json")) as client:
        yield client


@pytest.fixture
def aws(simulator: SimulatorClient, monkeypatch: pytest.MonkeyPatch) -> AwsSecrets:
    """AWS's stores as the administrator of the management account reads them."""
    for name, value in organization.environment(simulator.url, "redis://unused").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", organization.ADMINISTRATOR_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", organization.ADMINISTRATOR_SECRET_KEY)
    return AwsSecrets()


def test_secrets_manager_gives_a_text_or_a_field(simulator: SimulatorClient, aws: AwsSecrets) -> None:
    plain = simulator.operator("put_secret", name="connector/plain", text="the-text")["arn"]
    simulator.operator("put_secret", name="connector/key", text=json.dumps({"secretKey": "the-key"}))

    assert aws.secret(Reference("secretsManager", plain)) == "the-text"
    assert aws.secret(Reference("secretsManager", "connector/plain")) == "the-text"
    assert aws.secret(KEY) == "the-key"
    for reference, words in (
        (Reference("secretsManager", "connector/none"), "ResourceNotFoundException"),
        (Reference("secretsManager", "connector/key", "other"), "not a JSON object with that field"),
        (Reference("secretsManager", "connector/plain", "other"), "not a JSON object with that field"),
    ):
        with pytest.raises(ValueError, match=words) as refused:
            aws.secret(reference)
        assert "the-" not in str(refused.value)


def test_the_parameter_store_decrypts(simulator: SimulatorClient, aws: AwsSecrets) -> None:
    arn = simulator.operator("put_parameter", name="/connector/key", text="the-key")["arn"]

    assert aws.parameter(Reference("parameterStore", arn)) == "the-key"
    assert aws.parameter(Reference("parameterStore", "/connector/key")) == "the-key"
    with pytest.raises(ValueError, match="ParameterNotFound"):
        aws.parameter(Reference("parameterStore", "/connector/none"))


def test_who_may_not_read_it_says_so(
    simulator: SimulatorClient, aws: AwsSecrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", organization.SERVICE_USER_ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", organization.SERVICE_USER_SECRET_KEY)
    with pytest.raises(ValueError, match=r"AccessDenied.* secretsmanager:GetSecretValue"):
        aws.secret(KEY)


def vault(status: int, body: Any) -> tuple[Vault, list[httpx2.Request]]:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(status, json=body)

    made = Vault("https://vault.example.com", {"X-Vault-Namespace": "team"}, httpx2.MockTransport(handle))
    return made, seen


@pytest.mark.parametrize("body", [{"data": {"data": {"key": "k"}, "metadata": {}}}, {"data": {"key": "k"}}])
def test_vault_gives_a_field_of_both_versions(body: dict[str, Any]) -> None:
    made, seen = vault(200, body)

    assert made.read(Reference("vault", "secret/data/connector", "key"), "the-token") == "k"

    assert str(seen[0].url) == "https://vault.example.com/v1/secret/data/connector"
    assert (seen[0].headers["x-vault-token"], seen[0].headers["x-vault-namespace"]) == ("the-token", "team")
    with pytest.raises(ValueError, match="no such field"):
        made.read(Reference("vault", "secret/data/connector", "other"), "the-token")


def test_vault_takes_the_service_account_of_a_pod() -> None:
    made, seen = vault(200, {"auth": {"client_token": "the-token"}})

    assert made.sign_in(Reference("vault", "a", "b"), "connector", "the-jwt") == "the-token"

    assert seen[0].url.path == "/v1/auth/kubernetes/login"
    assert json.loads(seen[0].content) == {"role": "connector", "jwt": "the-jwt"}


def test_a_vault_that_refuses_is_a_sentence_without_the_token() -> None:
    made, _ = vault(403, {"errors": ["permission denied"]})
    with pytest.raises(ValueError, match="Vault does not give: HTTP 403") as refused:
        made.read(Reference("vault", "a", "b"), "the-token")
    assert "the-token" not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        {},
        {"data": None},
        {"data": ["key"]},
        {"data": {"data": None, "metadata": {"deletion_time": "2026-01-01"}}},  # version 2, deleted
        {"auth": None},
        {"auth": "no"},
    ],
)
def test_a_vault_that_answers_something_else_is_a_sentence(body: Any) -> None:
    made, _ = vault(200, body)
    reference = Reference("vault", "a", "key")
    with pytest.raises(ValueError, match=r"needs the secret \{vault: a\}, field key"):
        made.read(reference, "the-token")
    with pytest.raises(ValueError, match=r"needs the secret \{vault: a\}, field key"):
        made.sign_in(reference, "connector", "the-jwt")


def test_a_line_end_is_no_part_of_a_secret(tmp_path: Path) -> None:
    """As `--secret-string file://key` stores it."""
    catalog = loaded(documents(tmp_path, "{secretsManager: connector/key}"), lambda _: "the-key\n")
    assert key_of(catalog).get_secret_value() == "the-key"


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("{secretsManager: ''}", "is not a secret of a store"),
        ("{secretsManager: a, field: ''}", "is not a secret of a store"),
        ("{vault: {path: a}}", "is not a secret of a store"),
        ("{parameterStore: a, field: b}", "is not a secret of a store"),
        ("{field: b, parameterStore: a}", "is not a secret of a store"),
        ("{secretManager: a}", "is not a secret"),
    ],
)
def test_what_names_no_secret_is_a_mistake(tmp_path: Path, reference: str, words: str) -> None:
    with pytest.raises(CatalogError, match=words):
        loaded(documents(tmp_path, reference), None)


@pytest.mark.parametrize(
    "reference",
    [
        "{vault: {path: secret/data/connector, field: key}}",
        "{secretsManager: connector, field: key}",
        "{field: key, secretsManager: connector}",  # the order means nothing
    ],
)
def test_who_only_asks_is_not_given_it(tmp_path: Path, reference: str) -> None:
    directory = documents(tmp_path, reference)
    shelf = Shelf()

    catalog = load_catalog([directory], secrets=False, look_up=shelf.read)

    assert isinstance(key_of(catalog), UnresolvedSecret)
    assert shelf.reads == 0


def test_policies_ask_for_an_external_id_also_where_it_was_not_read(tmp_path: Path) -> None:
    directory = documents(tmp_path, "{parameterStore: /connector/id}", "{env: SANDBOX_EXTERNAL_ID}")
    platform = loaded(directory, None).platforms[PLATFORM]
    assert isinstance(platform.management_external_id, UnresolvedSecret)
    assert surroundings_of(platform).external_id == "${EXTERNAL_ID}"


def documents(folder: Path, reference: str, instead_of: str = "{env: SANDBOX_SECRET_KEY}") -> Path:
    directory = folder / "config"
    shutil.copytree(EXAMPLES / "config", directory)
    document = directory / "platform.yaml"
    document.write_text(document.read_text().replace(instead_of, reference))
    return directory


def loaded(directory: Path, look_up: Callable[[Reference], str] | None) -> Catalog:
    environment = organization.environment("http://127.0.0.1:1", "redis://unused")
    return load_catalog([directory], environment, look_up=look_up)


def key_of(catalog: Catalog) -> SecretStr:
    auth = catalog.platforms[PLATFORM].auth
    assert isinstance(auth, CredentialAuth)
    return auth.secret_key


class Shelf:
    """A store that a test fills, and a clock."""

    def __init__(self) -> None:
        self.text: str | None = "the-old-key"
        self.seconds = 0.0
        self.reads = 0
        self.stores = SecretStores({"secretsManager": self.read}, clock=lambda: self.seconds)

    def read(self, _: Reference) -> str:
        self.reads += 1
        if self.text is None:
            raise ValueError("the store does not answer")
        return self.text


def test_a_secret_that_changed_in_its_store_counts_in_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in organization.environment("http://127.0.0.1:1", "redis://unused").items():
        monkeypatch.setenv(name, value)
    directory, shelf = documents(tmp_path, "{secretsManager: connector/key, field: secretKey}"), Shelf()
    with CheckedRedis(fsync="no") as redis:
        settings = Settings(_env_file=None, redis_url=SecretStr(redis.url), config_dir=directory)
        store = Store(redis_client(settings), timedelta(days=1), history=10)
        with closing(store):
            catalog = load_catalog([directory], look_up=shelf.stores.look_up)
            connector = Connector(settings, catalog, store)
            clock = lambda: shelf.seconds  # noqa: E731 (the clock of both)
            in_force = InForce(connector, secrets=True, stores=shelf.stores, clock=clock)
            assert key_of(in_force.now().catalog).get_secret_value() == "the-old-key"

            shelf.text = "the-new-key"
            shelf.seconds += EVERY.total_seconds() - 1
            assert key_of(in_force.now().catalog).get_secret_value() == "the-old-key"
            assert shelf.reads == 1
            shelf.seconds += 1

            eventually(lambda: key_of(in_force.now().catalog).get_secret_value() == "the-new-key")
            assert "the-new-key" in in_force.now().secrets


def test_a_refused_key_asks_the_store_at_once_but_not_all_the_time() -> None:
    shelf, changes = Shelf(), list[str]()
    shelf.stores.look_up(KEY)
    shelf.stores.ask_soon()
    shelf.seconds += PAUSE.total_seconds() - 1
    shelf.stores.renew(lambda: changes.append("too early"))
    shelf.text = "the-new-key"

    shelf.seconds += 1
    shelf.stores.renew(lambda: changes.append("changed"))

    eventually(lambda: changes == ["changed"])
    assert shelf.stores.look_up(KEY) == "the-new-key"


def test_a_store_that_does_not_answer_takes_nothing_away() -> None:
    shelf, changes = Shelf(), list[str]()
    shelf.stores.look_up(KEY)
    shelf.text = None

    shelf.stores.read_again(lambda: changes.append("changed"))

    assert (shelf.stores.look_up(KEY), changes) == ("the-old-key", [])
