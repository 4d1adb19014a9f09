"""Level 1.5: the strategist tunes the inner loop's settings, within bounds."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from metaloop.inner.ask import first_object, object_schema, plain
from metaloop.inner.rewrite import functions
from metaloop.inner.settings import Strategy
from metaloop.models.base import Model, ModelError, Request
from metaloop.outer.digest import Digest
from metaloop.task.patch import Files, PatchError
from metaloop.task.spec import Task

SYSTEM = """You supervise a search that improves a program. Another model proposes the changes; \
you tune how it searches. Read the statistics of its trials and change its strategy where the \
search stands still or repeats itself.

Answer with one JSON object:
"diagnosis": one short sentence, what holds the search back.
"freeze": parameters that are well settled or did not matter, to be left alone for now (may be []).
"focus": one to three parameters or functions to change next.
"guidance": one concrete sentence of advice to the proposing model.
"temperature": 0.3 (careful) to 1.2 (adventurous)."""
FIELDS = ("freeze", "focus", "guidance", "temperature")
"""Of an answer, one of which has to be there."""


async def revise(
    model: Model, task: Task, files: Files, strategy: Strategy, digest: Digest, seed: int
) -> tuple[Strategy, str]:
    """The next strategy and the diagnosis behind it; the old one and the complaint when the
    answer does not fit twice."""
    names = [*task.space, *(f for text in files.values() for f in functions(text))]
    complaint = ""
    for attempt in range(2):
        told = digest.brief if model.small else digest.text
        prompt = f"Strategy now: {json.dumps(asdict(strategy))}\n{told}"
        request = Request(
            role="strategist",
            system=f"{SYSTEM}\n\nThe program: {task.spec.description.strip()}",
            prompt=prompt + (f"\nYour last answer was refused: {complaint}" if complaint else ""),
            schema=_schema(list(task.space), names),
            temperature=0.5 + 0.3 * attempt,
            seed=seed + attempt,
            max_tokens=300,
        )
        try:
            answer = await model.complete(request)
            data = first_object(answer.text, FIELDS)
            return bounded(task, names, data), plain(data.get("diagnosis"))[:300]
        except (ModelError, PatchError) as error:
            complaint = str(error)[:300]
    return strategy, f"no usable answer: {complaint}"


def bounded(task: Task, names: list[str], data: dict[str, Any]) -> Strategy:
    """A strategy from a model's answer. At most half of the parameters can be frozen, so that
    the search always has somewhere to go; raises PatchError on what cannot be mended."""
    frozen = _known(data.get("freeze"), list(task.space))
    focus = _known(data.get("focus"), names)[:3]
    frozen = [name for name in frozen if name not in focus][: len(task.space) // 2]
    temperature = data.get("temperature", 0.7)
    numeric = isinstance(temperature, int | float) and not isinstance(temperature, bool)
    if not numeric or temperature != temperature:  # Python's JSON knows NaN
        raise PatchError('"temperature" must be a number from 0.3 to 1.2')
    temperature = float(min(max(temperature, 0.3), 1.2))
    guidance = plain(data.get("guidance"))[:300]
    return Strategy(tuple(frozen), tuple(focus), guidance, temperature)


def _known(value: object, names: list[str]) -> list[str]:
    """The names in `value` that exist, in order, once each."""
    if not isinstance(value, list):
        return []
    given = dict.fromkeys(name for name in value if isinstance(name, str))
    return [name for name in given if name in names]


def _schema(params: list[str], names: list[str]) -> dict[str, Any]:
    text = {"type": "string", "maxLength": 200}
    return object_schema(
        {
            "diagnosis": text,
            "freeze": _list_of(params),
            "focus": _list_of(names),
            "guidance": text,
            "temperature": {"type": "number", "minimum": 0.3, "maximum": 1.2},
        }
    )


def _list_of(names: list[str]) -> dict[str, Any]:
    items: dict[str, Any] = {"type": "string"}
    if names:
        items["enum"] = names
    return {"type": "array", "items": items, "maxItems": 3 if names else 0}
