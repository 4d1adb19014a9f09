"""Two small questions that show whether a model can do what metaloop asks of it."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator

from metaloop.models.base import Completion, Model, Request

_SYSTEM = "You improve programs by small, well-founded changes. Answer with what is asked, only."
_SCHEMA = {
    "type": "object",
    "properties": {
        "hypothesis": {"type": "string", "maxLength": 160},
        "ORDER": {"type": "integer", "minimum": 1, "maximum": 8},
    },
    "required": ["hypothesis", "ORDER"],
    "additionalProperties": False,
}
_CONSTRAINED = Request(
    "proposer",
    _SYSTEM,
    "An n-gram language model has a parameter ORDER (integer, 1 to 8), now 2. Answer in JSON: "
    '{"hypothesis": one sentence saying what to change and why, "ORDER": the new value}.',
    schema=_SCHEMA,
    max_tokens=160,
)
_CODE = Request(
    "inventor",
    _SYSTEM,
    "Write a Python function `step(x, rng)` that returns x moved by a Gaussian step of scale 0.1, "
    "kept within 0 and 1. Answer with one Python code block that holds the imports and the "
    "function, and nothing else: no tests, no explanation.",
    max_tokens=300,
)


async def try_out(model: Model) -> AsyncIterator[tuple[str, Completion, bool]]:
    """Ask both; yields (title, answer, whether it is well-formed). Raises what the model raises."""
    answer = await model.complete(_CONSTRAINED)
    yield "constrained answer", answer, _fits_schema(answer.text)
    answer = await model.complete(_CODE)
    yield "code answer", answer, _parses(answer.text)


def _fits_schema(text: str) -> bool:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(value, dict)
        and set(value) == {"hypothesis", "ORDER"}
        and value["ORDER"] in range(1, 9)
    )


def _parses(text: str) -> bool:
    """Whether `text`, or its first fenced block, is Python that defines something."""
    if "```" in text:
        text = text.split("```")[1].removeprefix("python")
    try:
        return any(isinstance(node, ast.FunctionDef) for node in ast.parse(text.strip()).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
