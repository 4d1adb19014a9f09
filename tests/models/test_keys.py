"""Keys go to whom they are meant for, and to nobody else."""

from __future__ import annotations

import pytest

from metaloop.models.keys import find_key
from metaloop.models.reference import Reference

GATEWAY = "https://gateway.example/mine=mine https://gateway.example/mine/deeper=deeper"


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "openai's")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv(
        "METALOOP_KEYS", f"https://openrouter.ai=or=1 http://127.0.0.1:8080/v1=here {GATEWAY}"
    )


@pytest.mark.parametrize(
    ("url", "key"),
    [
        (None, "openai's"),
        ("https://api.openai.com/v1", "openai's"),
        ("https://API.openai.com:443/v1/", "openai's"),
        ("https://api.openai.com/other", None),
        ("http://api.openai.com/v1", None),  # in the clear
        ("https://api.openai.com.evil.example/v1", None),
        ("https://evil.example/https://api.openai.com/v1", None),
        ("https://openrouter.ai/api/v1", "or=1"),
        ("http://openrouter.ai/api/v1", None),
        ("http://127.0.0.1:8080/v1", "here"),
        ("http://127.0.0.1:8081/v1", None),
        ("http://127.0.0.1:8080/v10", None),
        ("https://gateway.example/mine/openai", "mine"),
        ("https://gateway.example/mine/deeper/v1", "deeper"),
        ("https://gateway.example/theirs/openai", None),
        ("https://gateway.example/mine/../theirs", None),
        ("https://gateway.example/mine/%2e%2e/theirs", None),
    ],
)
def test_an_endpoint_gets_its_own_key(url: str | None, key: str | None) -> None:
    assert find_key("openai", url) == key


def test_the_key_of_openai_belongs_to_its_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://proxy.example/v1")
    assert find_key("openai", "https://proxy.example/v1") == "openai's"
    assert find_key("openai", "https://api.openai.com/v1") is None
    monkeypatch.setenv("OPENAI_BASE_URL", "proxy.example")
    assert find_key("openai", "https://api.openai.com/v1") is None


@pytest.mark.parametrize("key", ["sk-secret\r", "sk secret", "sk-sécret"])
def test_a_key_that_no_request_can_carry_is_told_and_not_shown(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    told = Reference.parse("openai:gpt-4o").missing() or ""
    assert told.startswith("OPENAI_API_KEY: ")
    assert "cret" not in told


@pytest.mark.parametrize(
    "bad",
    [
        "sk-secret",
        "https://h=",
        "h=sk-secret",
        "http://[=sk-secret",
        "https://h/?v=1=sk-secret",
        "https://me@h=sk-secret",
        "https://h=sk-sécret",
        "https://openrouter.ai:443/=sk-secret",
    ],
)
def test_keys_that_cannot_be_read_are_told_and_not_shown(
    bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METALOOP_KEYS", f"https://openrouter.ai=x {bad}")
    told = Reference.parse("openai:x@https://h/v1").missing()
    assert told is not None
    assert "METALOOP_KEYS: entry 2 is not URL=KEY" in told
    assert "secret" not in told
    assert Reference.parse("openai:gpt-4o").missing() is None  # needs none of them
