"""Names of models: what is accepted, and what is said about the rest."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.models.local.catalog import CATALOG
from metaloop.models.reference import SMALL_BELOW, Reference, connect

NAMES = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x24F, exclude_characters="@\x7f\xad"),
    min_size=1,
    max_size=30,
).filter(str.isprintable)
URLS = st.builds(
    "{}://{}:{}/{}".format,
    st.sampled_from(["http", "https"]),
    st.sampled_from(["127.0.0.1", "localhost", "api.example.com", "[::1]"]),
    st.integers(1, 65535),
    st.sampled_from(["", "v1", "a/b/v1"]),
)


@given(st.sampled_from(["openai", "anthropic", "google"]), NAMES, st.none() | URLS)
def test_str_gives_back_what_was_parsed(provider: str, name: str, url: str | None) -> None:
    text = f"{provider}:{name}" if url is None else f"openai:{name}@{url}"
    reference = Reference.parse(text)
    assert (reference.name, reference.url) == (name, url)
    assert str(reference) == text


@given(
    st.text(max_size=60) | st.from_regex(r"(local|openai|google):\w*@?\w*:?/*\S*", fullmatch=True)
)
def test_any_other_text_is_a_value_error(text: str) -> None:
    try:
        assert str(Reference.parse(text)) == text
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("", "provider:name"),
        ("gpt-4o", "provider:name"),
        ("openai:", "provider:name"),
        ("mistral:large", "one of local, anthropic, openai, google"),
        ("local:llama", "qwen2.5-coder-0.5b"),
        ("openai:a b", "blanks"),
        ("openai:a\x1b[31m", "blanks"),
        ("openai:x@nowhere", "http://"),
        ("openai:x@http://", "http://"),
        ("openai:x@http://h:99999/v1", "http://"),
        ("openai:x@ftp://h/v1", "http://"),
        ("anthropic:x@http://h/v1", "openai:"),
        ("openai:x@http://me:pw@h/v1", "METALOOP_KEYS"),
        ("openai:x@http://h/v1?key=1", "METALOOP_KEYS"),
    ],
)
def test_bad_names_are_refused_with_the_mend(text: str, mend: str) -> None:
    with pytest.raises(ValueError, match=mend) as caught:
        connect(text)
    assert "pw" not in str(caught.value)  # a password must not end in a log


@pytest.mark.parametrize(
    ("ref", "small"),
    [
        ("local:qwen2.5-coder-1.5b", True),
        ("openai:qwen2.5:3b@http://h/v1", True),
        ("openai:gemma-0.5B-it@http://h/v1", True),
        ("openai:gemma3n:e4b@http://h/v1", True),
        ("openai:llama3:8b@http://h/v1", False),
        ("openai:qwen2.5-coder-32b@http://h/v1", False),
        ("openai:Qwen/Qwen3-0.6B@http://h/v1", True),
        ("openai:open_llama_3b_v2@http://h/v1", True),
        ("openai:smollm2:135m@http://h/v1", True),
        ("openai:qwen2.5-14b-instruct-1m@http://h/v1", False),
        ("openai:minimax-text-01-1m@http://h/v1", False),
        ("openai:Qwen/Qwen3-30B-A3B-Instruct@http://h/v1", False),
        ("openai:qwen3-coder-30b-a3b@http://h/v1", False),
        ("openai:qwen3-next-80b-a3b-instruct@http://h/v1", False),
        ("openai:llama3:70b-draft-1b@http://h/v1", False),
        ("openai:ft:gpt-4o-2024-08-06:acme::A1b2c3d4", False),
        ("openai:ft:gpt-4o-2024-08-06:acme::x-1b2", False),
        ("openai:gpt-4o", False),
        ("anthropic:claude-sonnet-4-5", False),
    ],
)
def test_small_models_are_told_by_their_name(ref: str, small: bool) -> None:
    assert connect(ref).small is small
    assert connect(ref).name == ref


@given(
    st.lists(st.integers(1, 400), min_size=1, max_size=3),
    st.lists(st.from_regex(r"[a-df-z][0-9]b|[0-9]b[a-z0-9]|[a-z]+", fullmatch=True), max_size=3),
    st.sampled_from("-_:/"),
)
def test_the_largest_size_that_a_name_states_decides(
    sizes: list[int], words: list[str], between: str
) -> None:
    name = between.join([*words, *(f"{size}b" for size in sizes)])
    assert Reference("openai", name).small is (max(sizes) < SMALL_BELOW)
    assert not Reference("openai", between.join(["m", *words])).small


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("METALOOP_CACHE", str(tmp_path))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for name in CATALOG:
        assert f"pull {name}" in (Reference.parse(f"local:{name}").missing() or "")
    assert "OPENAI_API_KEY" in (Reference.parse("openai:gpt-4o").missing() or "")
    assert Reference.parse("openai:x@http://127.0.0.1:1/v1").missing() is None
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert Reference.parse("openai:gpt-4o").missing() is None


def test_importing_and_connecting_load_nothing_heavy() -> None:
    code = (
        "import sys; from metaloop.models.reference import connect;"
        "connect('local:smollm2-135m'); connect('openai:x');"
        "print([n for n in ('pydantic_ai', 'xllamacpp', 'rich', 'genai_prices', 'openai', 'numpy')"
        " if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
