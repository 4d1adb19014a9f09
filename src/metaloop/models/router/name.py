"""Names of routers: `router:FILE` or `router:MODEL|MODEL`, either with `@ALPHA` at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PREFIX = "router:"
DEFAULT_ALPHA = 0.9
"""Accuracy first; but what is nearly as good and much cheaper is taken."""


@dataclass(frozen=True)
class RouterName:
    """A parsed name: a file that `route fit` wrote, or the models of a router that learns."""

    file: str | None
    models: tuple[str, ...]
    alpha: float

    @classmethod
    def parse(cls, text: str) -> RouterName:
        """Read a router's name; raises ValueError saying how to mend it.

        >>> RouterName.parse("router:local:a|openai:b@http://127.0.0.1/v1@0.7").alpha
        0.7
        """
        rest = text.removeprefix(PREFIX)
        head, at, tail = rest.rpartition("@")
        alpha = _number(tail) if at else None
        if alpha is not None:
            rest = head
        if not 0 <= (DEFAULT_ALPHA if alpha is None else alpha) <= 1:
            raise ValueError(f"model {text!r}: alpha is a number from 0 (cost) to 1 (accuracy)")
        models = tuple(rest.split("|")) if "|" in rest else ()
        if not rest or len(set(models)) < len(models) or not all(models):
            raise ValueError(
                f"model {text!r}: write router:FILE, or router:MODEL|MODEL@ALPHA with two or more "
                "different models"
            )
        return cls(None if models else rest, models, DEFAULT_ALPHA if alpha is None else alpha)


def name_of(table: dict[str, Any]) -> str:
    """The name of `{ router = [MODEL, ...], alpha = 0.7 }`; raises ValueError with the mend."""
    models, alpha = table.get("router"), table.get("alpha", DEFAULT_ALPHA)
    if table.keys() - {"router", "alpha"} or not isinstance(models, list) or len(models) < 2:
        raise ValueError("write { router = [MODEL, MODEL, ...], alpha = 0.7 }")
    named = all(isinstance(model, str) for model in models)
    if not named or isinstance(alpha, bool) or not isinstance(alpha, int | float):
        raise ValueError(
            "router: a list of names such as local:qwen2.5-coder-0.5b; alpha: a number from 0 to 1"
        )
    name = f"{PREFIX}{'|'.join(models)}@{alpha:g}"
    RouterName.parse(name)
    return name


def members(name: str) -> list[str]:
    """The models behind a router's name, of a fitted one the best first.

    Raises ValueError for a bad name or file.
    """
    parsed = RouterName.parse(name)
    if parsed.file is None:
        return list(parsed.models)
    from metaloop.models.router.file import load

    policy = load(parsed.file).policy
    return [policy.models[i] for i in (-policy.mean_scores).argsort(kind="stable").tolist()]


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
