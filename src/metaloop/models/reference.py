"""Names of models: `provider:name`, with `@URL` for any OpenAI-compatible endpoint."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from metaloop.models.base import Model, ModelUnavailable
from metaloop.models.keys import KEYS, find_key
from metaloop.models.local.catalog import CATALOG
from metaloop.models.router.name import PREFIX
from metaloop.models.router.name import members as router_members

SMALL_BELOW = 7.0
"""Billions of parameters below which a model gets one compact call and a worked example."""

_EXAMPLE = "write provider:name, for example local:qwen2.5-coder-0.5b"
# Also the 4B that an `e4b` has in effect, but not the 3B that are active in an `a3b`, nor a `1b`
# amid the letters of some identifier, nor a context of `1m` tokens.
_SIZE = re.compile(r"(?<![a-z0-9.])e?(\d+(?:\.\d+)?b|\d{3}m)(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True)
class Reference:
    """A parsed model name; `str()` gives back what was parsed."""

    provider: str
    name: str
    url: str | None = None

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}" + (f"@{self.url}" if self.url else "")

    @property
    def small(self) -> bool:
        """True below about 7B parameters, going by the largest size that the name states."""
        found = _SIZE.findall(self.name)
        sizes = [float(size[:-1]) / (1000 if size[-1] in "mM" else 1) for size in found]
        return self.provider == "local" or bool(sizes and max(sizes) < SMALL_BELOW)

    def missing(self) -> str | None:
        """What the user must do before this model can answer (a key, weights), or None."""
        if self.provider == "local":
            from metaloop.models.local.pull import weights

            if weights(CATALOG[self.name]) is None:
                return f"{self} is not on this machine yet: run `metaloop models pull {self.name}`"
        try:
            key = find_key(self.provider, self.url)
        except ModelUnavailable as error:
            return str(error)
        names = KEYS[self.provider]
        if names and not self.url and key is None:
            return f"{self} needs a key: set {' or '.join(names)}"
        return None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read `provider:name[@URL]`; raises ValueError saying how to mend it.

        >>> Reference.parse("openai:llama3:8b@http://127.0.0.1:11434/v1").name
        'llama3:8b'
        """
        provider, colon, rest = text.partition(":")
        if not colon or not rest:
            raise ValueError(f"model {text!r}: {_EXAMPLE}")
        if provider not in KEYS:
            raise ValueError(f"model {text!r}: provider must be one of {', '.join(KEYS)}")
        name, at, url = rest.partition("@")
        if not name or any(c.isspace() or not c.isprintable() for c in rest):
            raise ValueError(f"model {text!r}: the name is empty or has blanks in it; {_EXAMPLE}")
        if at:
            if provider != "openai":
                raise ValueError(f"model {text!r}: @URL goes with openai:, as in openai:{rest}")
            _check_url(text, url)
        if provider == "local" and name not in CATALOG:
            raise ValueError(f"model {text!r}: local models are {', '.join(CATALOG)}")
        return cls(provider, name, url or None)


def connect(ref: str) -> Model:
    """The model or router that `ref` names. Keys, weights and network are needed by the first call.

    Raises ValueError when `ref` is no name of a model.
    """
    if is_router(ref):
        from metaloop.models.router.router import connect_router

        return connect_router(ref)
    reference = Reference.parse(ref)
    if reference.provider == "local":
        from metaloop.models.local.model import LocalModel

        return LocalModel(CATALOG[reference.name])
    from metaloop.models.provider import ProviderModel

    return ProviderModel(reference)


def is_router(ref: str) -> bool:
    """True for `router:FILE` and `router:MODEL|MODEL`: see `metaloop.models.router.name`."""
    return ref.startswith(PREFIX)


def members(ref: str) -> list[str]:
    """The models that `ref` stands for: itself, or those of a router, the best or first one first.

    Raises ValueError for a router that cannot be read.
    """
    return router_members(ref) if is_router(ref) else [ref]


def _check_url(text: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError(f"model {text!r}: after @ comes a URL such as http://127.0.0.1:8080/v1")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            "model URL: names are recorded, so no password, query or fragment belongs in one; "
            "put the key in METALOOP_KEYS as URL=KEY"
        )
