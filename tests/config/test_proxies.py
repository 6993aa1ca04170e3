"""The proxies of the environment: understood, or refused in a sentence that names the variable."""

from __future__ import annotations

import pytest

from config.environment import SettingsError, load_settings
from config.proxies import Proxies, ProxyMistakes

PROXY, OTHER = "http://proxy.example.com:3128", "http://other.example.com:3128"
STS = "https://sts.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, STS, None),
        ({"HTTPS_PROXY": PROXY}, STS, PROXY),
        ({"https_proxy": PROXY, "HTTPS_PROXY": OTHER}, STS, PROXY),
        ({"https_proxy": "", "HTTPS_PROXY": OTHER}, STS, OTHER),
        ({"HTTPS_PROXY": "proxy.example.com:3128"}, STS, PROXY),
        ({"HTTP_PROXY": PROXY}, STS, None),
        ({"HTTP_PROXY": PROXY}, "http://hooks.example.com", PROXY),
        ({"ALL_PROXY": PROXY, "HTTP_PROXY": OTHER}, STS, PROXY),
        ({"ALL_PROXY": PROXY, "HTTP_PROXY": OTHER}, "http://hooks.example.com", OTHER),
        ({"HTTPS_PROXY": "https://user:p%40ss@proxy"}, STS, "https://user:p%40ss@proxy"),
    ],
)
def test_which_proxy_leads_where(environment: dict[str, str], url: str, proxy: str | None) -> None:
    assert Proxies.read(environment).leading_to(url) == proxy


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize(
    ("entries", "url", "direct"),
    [
        ("*", STS, True),
        ("amazonaws.com", STS, True),
        (".amazonaws.com", STS, True),
        ("*.amazonaws.com", STS, True),
        ("AmazonAWS.com.", STS, True),
        ("azonaws.com", STS, False),
        ("example.com, ,amazonaws.com", STS, True),
        ("example.com amazonaws.com", STS, True),
        ("amazonaws.com:443", STS, True),
        ("amazonaws.com:8443", STS, False),
        ("", "https://localhost:5000/x", True),
        ("", "http://127.0.0.2", True),
        ("10.0.0.0/8", "https://10.1.2.3/", True),
        ("10.0.0.1/8", "https://10.1.2.3/", True),
        ("10.0.0.0/8", "https://11.1.2.3/", False),
        ("10.0.0.0/8", STS, False),
        ("10.1.2.3", "https://10.1.2.3:8443/", True),
        ("10.1.2.3:443", "https://10.1.2.3:8443/", False),
        ("fd00::1", "https://[fd00::1]:5000/", True),
        ("[fd00::1]", "https://[fd00::1]:5000/", True),
        ("[fd00::1]:5000", "https://[fd00::1]:5000/", True),
        ("[fd00::1]:5001", "https://[fd00::1]:5000/", False),
        ("fd00::/8", "https://[fd12::1]/", True),
        ("fd00::/8", "https://10.0.0.1/", False),
    ],
)
def test_who_is_spoken_to_directly(name: str, entries: str, url: str, direct: bool) -> None:
    assert Proxies.read({"HTTPS_PROXY": PROXY, name: entries}).leading_to(url) == (None if direct else PROXY)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("HTTPS_PROXY", "socks5://user:hunter2@proxy:1080", "HTTPS_PROXY names a SOCKS proxy, which is not supported"),
        ("all_proxy", "socks5h://proxy:1080", "all_proxy names a SOCKS proxy"),
        ("HTTP_PROXY", "ftp://user:hunter2@proxy", "HTTP_PROXY must be a URL such as http://user:password@proxy"),
        ("HTTPS_PROXY", "http://user:hunter2@proxy:port", "HTTPS_PROXY must be a URL"),
        ("HTTPS_PROXY", "http://", "HTTPS_PROXY must be a URL"),
        ("HTTPS_PROXY", "http://[::1", "HTTPS_PROXY must be a URL"),
        ("NO_PROXY", "ok.example.com,10.0.0.0/33", "NO_PROXY holds '10.0.0.0/33', which is not a host name, address"),
        ("no_proxy", "https://example.com", "no_proxy holds 'https://example.com'"),
        ("NO_PROXY", "exa mple.com,[::1", "NO_PROXY holds '[::1'"),
        ("NO_PROXY", "a\x1b[31m", "NO_PROXY holds 'a\\x1b[31m'"),
    ],
)
def test_what_cannot_be_used_is_refused_when_a_process_starts(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, sentence: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert sentence in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_every_mistake_is_said_at_once_and_passwords_are_known() -> None:
    with pytest.raises(ProxyMistakes) as caught:
        Proxies.read({"HTTPS_PROXY": "socks4://p", "HTTP_PROXY": "ftp://p", "NO_PROXY": "a/b,c/d"})
    assert len(caught.value.mistakes) == 4
    assert Proxies.read({"HTTPS_PROXY": "http://user:p%40ss@proxy"}).secrets == ("p%40ss", "p@ss")
