"""One reading of CONNECTOR_REDIS_URL: both libraries are told the same, and what either would choke on is refused."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.utils.url import parse_url

from config.celery import celery_settings
from config.environment import SettingsError, load_settings
from config.redis_address import RedisAddress
from config.settings import Settings

SENTINELS = "sentinel://user:p%40ss@one:26379;sentinel://two;sentinel://[::1]:26380/3?master_name=mine"


def settings(url: str, **more: Any) -> Settings:
    return Settings(_env_file=None, redis_url=url, **more)


@pytest.mark.parametrize(
    ("url", "host", "port", "user", "password", "database"),
    [
        ("redis://127.0.0.1:6379/0", "127.0.0.1", 6379, None, None, 0),
        ("redis://redis", "redis", 6379, None, None, 0),
        (" redis://redis:1/ ", "redis", 1, None, None, 0),
        ("redis://:p%40ss%2Fw%3A%25@redis/15", "redis", 6379, None, "p@ss/w:%", 15),
        ("redis://some%20body:pw@[::1]:7000/2", "::1", 7000, "some body", "pw", 2),
        ("rediss://:pw@redis:6380/0", "redis", 6380, None, "pw", 0),
    ],
)
def test_celery_is_told_what_we_read(
    url: str, host: str, port: int, user: str | None, password: str | None, database: int
) -> None:
    address = settings(url).redis
    assert (address.nodes, address.user, address.password) == (((host, port),), user, password)
    assert (address.database, address.master_name) == (database, None)

    told = parse_url(celery_settings(settings(url))["broker_url"])

    assert (told["hostname"], told["port"], told["userid"], told["password"]) == (host, port, user, password)
    assert told["virtual_host"] == str(database)


def test_tls_is_told_in_the_words_of_both(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    checked = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    unchecked = {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_check_hostname": False}
    for query, expected in (
        ("", checked),
        (f"?ssl_ca_certs={ca}&ssl_cert_reqs=required", {**checked, "ssl_ca_certs": str(ca)}),
        ("?ssl_check_hostname=false", {**checked, "ssl_check_hostname": False}),
        ("?ssl_cert_reqs=none", unchecked),
    ):
        conf = celery_settings(settings(f"rediss://redis{query}"))
        assert conf["broker_use_ssl"] == expected
        assert conf["broker_url"] == "rediss://redis:6379/0"
    assert celery_settings(settings("redis://redis"))["broker_use_ssl"] is None


def test_every_sentinel_is_a_whole_address_for_celery() -> None:
    made = settings(SENTINELS, redis_sentinel_password="theirs")
    conf = celery_settings(made)
    connection = Connection(conf["broker_url"])  # type: ignore[no-untyped-call]  # kombu

    assert made.redis.nodes == (("one", 26379), ("two", 26379), ("::1", 26380))
    assert connection.alt == [
        "sentinel://user:p%40ss@one:26379/3",
        "sentinel://user:p%40ss@two:26379/3",
        "sentinel://user:p%40ss@[::1]:26380/3",
    ]
    options = conf["broker_transport_options"]
    assert options["master_name"] == "mine"
    assert options["sentinel_kwargs"]["password"] == "theirs"
    assert "ssl" not in options["sentinel_kwargs"]
    assert made.secret_texts == ("p%40ss", "p@ss", "theirs")


def test_sentinels_over_tls_lead_to_redis_over_tls() -> None:
    conf = celery_settings(settings("sentinels://:pw@one/0?master_name=mine"))
    asked = conf["broker_transport_options"]["sentinel_kwargs"]
    assert (asked["ssl"], asked["ssl_cert_reqs"]) == (True, ssl.CERT_REQUIRED)
    assert "password" not in asked
    assert conf["broker_url"].startswith("sentinel://")
    assert conf["broker_use_ssl"]["ssl_check_hostname"] is True


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("redis://redis:6379/0?password=hunter2", "write the password before the host"),
        ("redis://redis:6379?db=3", "write the number of the database after the host: redis://host:6379/3"),
        ("redis://redis:6379/0?socket_timeout=5", "must not have the parameter socket_timeout: redis:// takes none"),
        ("redis://:hun?ter2@redis/0", "percent-encode"),
        ("redis://:a@redis?hunter2@host", "a parameter of that name"),
        ("redis://redis:6379/abc", "must end in the number of the database, such as /0"),
        ("redis://redis:6379/0/1", "must end in the number of the database"),
        ("redis://redis:0/0", "must be a URL such as"),
        ("redis://redis/0#hunter2", "must be a URL such as"),
        ("redis://:hunter2@one;redis://two", "must name one Redis; several are possible for Sentinels only"),
        ("redis://:hunter2@one;sentinel://two", "must start with redis://"),
        ("redis+socket:///run/redis.sock", "must"),
        ("redis://redis?ssl_ca_certs=/ca.pem", "must not have the parameter ssl_ca_certs: redis:// takes none"),
        ("rediss://redis?ssl_cert_reqs=CERT_REQUIRED", "must have ssl_cert_reqs=required or none"),
        ("rediss://redis?ssl_check_hostname=False", "must have ssl_check_hostname=true or false"),
        ("rediss://redis?ssl_ca_certs=/no/such.pem", "must name a file in ssl_ca_certs: there is no /no/such.pem"),
        ("rediss://redis?ssl_cert_reqs=none&ssl_cert_reqs=required", "must have each parameter once"),
        ("sentinel://:hunter2@one:26379/0", "must give the name that the Sentinels have for this Redis: sentinel://"),
        ("sentinel://:a@one;sentinel://:hunter2@two/0?master_name=m", "must name one password"),
        ("sentinel://one/1;sentinel://two/2?master_name=m", "must name one database"),
    ],
)
def test_what_one_library_would_choke_on_is_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, url: str, remedy: str
) -> None:
    monkeypatch.setenv("CONNECTOR_REDIS_URL", url)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value).startswith("CONNECTOR_REDIS_URL = ***: must")
    assert remedy in str(caught.value)
    assert "hunter2" not in str(caught.value).replace("/run", "")
    assert "ter2" not in str(caught.value)


def test_the_password_is_not_in_the_representation() -> None:
    assert "hunter2" not in repr(RedisAddress.parse("redis://:hunter2@host"))
