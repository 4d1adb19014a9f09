"""Which key goes to which endpoint: a URL in somebody else's task must not draw a key to itself."""

from __future__ import annotations

import os
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


def openai_url() -> str:
    """The endpoint that OPENAI_API_KEY belongs to: OPENAI_BASE_URL, else that of OpenAI."""
    return os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"


def find_key(provider: str, url: str | None = None) -> str | None:
    """The key for `provider`, or for the endpoint at `url`; None when there is none.

    Names of models come from tasks, designs and router files too, of whoever wrote them. So
    OPENAI_API_KEY goes to `openai_url()` alone, and every other endpoint has its own in
    METALOOP_KEYS: `URL=KEY`, with blanks between. Scheme, host and port decide, not the path.

    Raises ModelUnavailable when METALOOP_KEYS or OPENAI_BASE_URL cannot be read.
    """
    if url:
        keys = _keys_of_endpoints()
        if (place := _origin(url)) in keys:
            return keys[place]
        try:
            ours = _origin(openai_url())
        except ValueError as error:
            raise ModelUnavailable(f"OPENAI_BASE_URL: {error}") from None
        if place != ours:
            return None
    return next((key for name in KEYS[provider] if (key := os.environ.get(name))), None)


def _keys_of_endpoints() -> dict[tuple[str, str, int], str]:
    found = {}
    for number, entry in enumerate(os.environ.get("METALOOP_KEYS", "").split(), start=1):
        url, _, key = entry.partition("=")
        try:
            place = _origin(url)
        except ValueError:
            key = ""
        if not key:  # nothing of an entry is shown: it may be a key
            raise ModelUnavailable(
                f"METALOOP_KEYS: entry {number} is not URL=KEY, as in https://openrouter.ai=sk-…"
            )
        found[place] = key
    return found


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port; raises ValueError when `url` has none."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("write a URL such as https://openrouter.ai/api/v1")
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme]
