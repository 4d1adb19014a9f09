"""Which key goes to which endpoint: a URL in somebody else's task must not draw a key to itself."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

from metaloop.models.base import ModelUnavailable

KEYS = {
    "local": (),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "openai": ("OPENAI_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
}
"""Each provider, and the environment variables of which it needs one."""

_PORTS = {"http": 80, "https": 443}
Place = tuple[str, str, int, tuple[str, ...]]
"""Scheme, host, port, and the segments of the path."""


def openai_url() -> str:
    """The endpoint that OPENAI_API_KEY belongs to: OPENAI_BASE_URL, else that of OpenAI."""
    return os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"


def is_openai(url: str) -> bool:
    """Whether `url` is `openai_url()`, or below it; False where that is no URL itself."""
    try:
        return _covers(_place(openai_url()), url)
    except ValueError:
        return False


def find_key(provider: str, url: str | None = None) -> str | None:
    """The key for `provider`, or for the endpoint at `url`; None when there is none.

    Names of models come from tasks, designs and router files too, of whoever wrote them. So
    OPENAI_API_KEY goes to `openai_url()` alone, and every other endpoint has its own in
    METALOOP_KEYS: `URL=KEY`, with blanks between. Scheme, host and port decide, and the path as far
    as the entry has one: on some hosts it names the customer.

    Raises ModelUnavailable for a variable that cannot be read; its text shows nothing of a key.
    """
    if url:
        fitting = [entry for entry in _keys_of_endpoints().items() if _covers(entry[0], url)]
        if fitting:
            return max(fitting, key=lambda entry: len(entry[0][3]))[1]
        if not is_openai(url):
            return None
    for name in KEYS[provider]:
        if key := os.environ.get(name):
            if not _is_key(key):
                raise ModelUnavailable(f"{name}: it has a blank or a sign in it that no key has")
            return key
    return None


def own_headers(url: str, key: str) -> dict[str, Any]:
    """Headers for OpenAI's library at `url`. They undo what it sends to every endpoint out of
    OPENAI_CUSTOM_HEADERS (often a gateway's key), OPENAI_ORG_ID and OPENAI_PROJECT_ID."""
    from openai import Omit

    if is_openai(url):
        return {}
    lines = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
    names = [line.partition(":")[0].strip() for line in lines]
    names = [name for name in names if name.lower() not in ("", "authorization")]
    undone = dict.fromkeys([*names, "OpenAI-Organization", "OpenAI-Project"], Omit())
    return {**undone, "Authorization": f"Bearer {key}"}


def _keys_of_endpoints() -> dict[Place, str]:
    found: dict[Place, str] = {}
    for number, entry in enumerate(os.environ.get("METALOOP_KEYS", "").split(), start=1):
        url, _, key = entry.partition("=")
        try:
            place = _place(url)
        except ValueError:
            key = ""
        if not _is_key(key) or place in found:  # nothing of it is shown: it may be a key
            raise ModelUnavailable(
                f"METALOOP_KEYS: entry {number} is not URL=KEY, as in https://openrouter.ai=sk-…, "
                "or its URL came before"
            )
        found[place] = key
    return found


def _is_key(text: str) -> bool:
    return bool(text) and text.isascii() and text.isprintable() and " " not in text


def _covers(known: Place, url: str) -> bool:
    try:
        asked = _place(url)
    except ValueError:
        return False
    return known[:3] == asked[:3] and asked[3][: len(known[3])] == known[3]


def _place(url: str) -> Place:
    """Raises ValueError for what is no URL, or one whose path may lead elsewhere than it says."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or set(url) & set("@?#%\\"):
        raise ValueError("write a URL such as https://openrouter.ai/api/v1")
    if ".." in parts.path or "//" in parts.path:
        raise ValueError("write a URL without .. and // in its path")
    port = parts.port or _PORTS[parts.scheme]
    return parts.scheme, parts.hostname, port, tuple(filter(None, parts.path.split("/")))
