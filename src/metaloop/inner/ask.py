"""The proposer's question and its answer: prompt, schema, and the check of what comes back."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from metaloop.inner.rewrite import functions, rewritten
from metaloop.inner.settings import Strategy
from metaloop.journal.records import TrialRecord
from metaloop.mechanism.api import Steer
from metaloop.task.constants import blank_constants
from metaloop.task.patch import Edit, Files, PatchError, short
from metaloop.task.space import Param, Params
from metaloop.task.spec import Task

BRACES = 30
"""Places at which an answer's object is looked for: a long answer of braces takes no time."""
LONG = 12_000
"""Characters of source above which only its head and tail are shown."""


@dataclass(frozen=True)
class Form:
    """What a proposal may hold. Small models get one kind of change at a time."""

    params: bool
    edits: bool
    functions: tuple[str, ...] = ()
    """For small models: functions of the first editable file, one of which is rewritten."""

    @property
    def fields(self) -> list[str]:
        """Names of the fields of an answer."""
        code = ["function", "code"] if self.functions else ["edits"]
        return ["hypothesis", *(["params"] if self.params else []), *(code if self.edits else [])]


@dataclass(frozen=True)
class Answer:
    """A proposer's checked answer."""

    hypothesis: str
    params: Params
    edits: tuple[Edit, ...]


def forms(task: Task, files: Files, small: bool) -> list[Form]:
    """What may be asked for: all at once of a strong model, one kind of change of a small one."""
    if not small:
        return [Form(params=bool(task.space), edits=True)]
    names = tuple(functions(files[task.spec.edit.files[0]]))
    tune, rewrite = Form(params=True, edits=False), Form(params=False, edits=True, functions=names)
    if not task.space:
        return [rewrite]
    return [tune, rewrite] if names else [tune]


def choose_form(
    task: Task, files: Files, small: bool, number: int, strategy: Strategy, steer: Steer | None
) -> Form:
    """Of the forms that there are, code at every sixth trial and of the functions in focus.

    What the strategy focuses on takes turns, trial by trial.
    """
    every = forms(task, files, small)
    focus = [name.strip("()") for name in steer.focus] if steer else []
    if strategy.focus:
        focus.append(strategy.focus[number % len(strategy.focus)])
    for form in every:
        if focused := tuple(name for name in form.functions if name in focus):
            return replace(form, functions=focused)
    return every[-1] if number % 6 == 0 else every[0]


def system_prompt(task: Task, files: Files, small: bool) -> str:
    """The fixed part, which changes only when kept code does.

    A local model reads it once and the rest in every call: so all forms are explained here.
    """
    spec = task.spec
    better = "lower" if task.minimize else "higher"
    parts = [
        "You improve a program. You propose one change, it is run, and one number is measured: "
        f"{spec.metric.name} ({better} is better).",
        f"The program: {spec.description.strip()}",
    ]
    if task.space:
        ranges = "\n".join(param.describe() for param in task.space.values())
        parts.append(f"Parameters and their ranges:\n{ranges}")
    for name, text in files.items():
        owned = {p: None for p in task.space if task.owner[p] == name}
        shown = blank_constants(text, owned) if owned else text
        parts.append(f"File {name}:\n```\n{_relevant(shown)}\n```")
    fields = dict.fromkeys(name for form in forms(task, files, small) for name in form.fields)
    explained = [f'"{name}": {_meaning(task, name)}.' for name in fields]
    parts.append("\n".join(["You answer with one JSON object. Its fields:", *explained]))
    return "\n\n".join(parts)


def _relevant(text: str) -> str:
    if len(text) <= LONG:
        return text
    half = LONG // 2
    return f"{text[:half]}\n[... {len(text) - LONG} characters left out ...]\n{text[-half:]}"


def _meaning(task: Task, field: str) -> str:
    match field:
        case "params":
            param = next(iter(task.space.values()))
            example = json.dumps([{param.name: param.from_unit(0.6)}])
            return f"new values for one to three parameters, e.g. {example}"
        case "edits":
            return (
                'a list of {"file", "search", "replace"}; `search` is copied exactly from the file '
                "and stands there once, `replace` takes its place; empty for none"
            )
        case "function":
            return "the name of the function to rewrite"
        case "code":
            return "its complete new source, a list of lines that starts with `def`"
        case _:
            return "why the change should help, in a few words"


def schema(task: Task, form: Form, strategy: Strategy) -> dict[str, Any]:
    """JSON Schema of the answer; frozen parameters are left out of it."""
    properties: dict[str, Any] = {"hypothesis": {"type": "string", "maxLength": 80}}
    if form.params:
        changes = [
            object_schema({name: _param_schema(param)})
            for name, param in task.space.items()
            if name not in strategy.frozen
        ]
        items = {"anyOf": changes}  # a list, since small models would fill in a whole object
        least = 0 if form.edits else 1
        properties["params"] = {"type": "array", "items": items, "minItems": least, "maxItems": 3}
    if form.functions:
        properties["function"] = {"type": "string", "enum": list(form.functions)}
        line = {"type": "string", "maxLength": 120}
        properties["code"] = {"type": "array", "items": line, "minItems": 2, "maxItems": 40}
    elif form.edits:
        text = {"type": "string"}
        file = {"type": "string", "enum": task.spec.edit.files}
        edit = object_schema({"file": file, "search": text, "replace": text})
        properties["edits"] = {"type": "array", "items": edit}
    return object_schema(properties)


def object_schema(properties: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of an object that has these properties, all of them and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _param_schema(param: Param) -> dict[str, Any]:
    if param.kind == "choice":
        return {"enum": list(param.choices)}
    kind = "integer" if param.kind == "int" else "number"
    low, high = (int(param.low), int(param.high)) if kind == "integer" else (param.low, param.high)
    return {"type": kind, "minimum": low, "maximum": high}


def user_prompt(
    told: str,
    start: TrialRecord,
    form: Form,
    strategy: Strategy,
    steer: Steer | None,
    complaint: str,
) -> str:
    """The changing part: where the search stands, what was tried, what is advised. In few words:
    it is read anew in every call. `told` is the digest of the trace."""
    values = ", ".join(f"{name} = {short(value)}" for name, value in start.params.items())
    now = f": {values}" if values else ""
    parts = [f"The program to change is that of trial #{start.number}{now}."]
    parts.append(told)
    if strategy.guidance:
        parts.append(f"Guidance: {strategy.guidance}")
    if focus := _in_focus(form, start.params, strategy, steer):
        parts.append(f"Change: {', '.join(focus)}.")
    avoid = [*(steer.avoid if steer else ()), *strategy.frozen]
    if avoid:
        parts.append(f"Leave alone: {', '.join(dict.fromkeys(avoid))}.")
    if steer and steer.hint:
        parts.append(f"Hint: {steer.hint}")
    if complaint:
        parts.append(f"Your last answer was refused: {complaint}")
    fields = " and ".join(f'"{name}"' for name in form.fields)
    parts.append(f"Answer with {fields}: other values than these, a change that is not above.")
    return "\n".join(parts)


def _in_focus(form: Form, params: Params, strategy: Strategy, steer: Steer | None) -> list[str]:
    """What is in focus of that which an answer may change, as it is named there."""
    every = dict.fromkeys([*(steer.focus if steer else ()), *strategy.focus])
    named = [name for name in every if name not in strategy.frozen]
    if form.functions:
        return [name for name in named if name.strip("()") in form.functions]
    return [name for name in named if form.edits or name in params]


def read_answer(
    task: Task, text: str, form: Form, strategy: Strategy, files: Files, cut_off: bool = False
) -> Answer:
    """The answer in `text`, checked; raises PatchError with what to tell the proposer.

    `cut_off` says that it ends where no more tokens were allowed.
    """
    data = first_object(text, form.fields, cut_off)
    hypothesis = plain(data.get("hypothesis", ""))[:300]
    params = _read_params(data.get("params") or {})
    if frozen := [name for name in params if name in strategy.frozen]:
        raise PatchError(f"{', '.join(frozen)} must stay as it is for now")
    rewrites = bool(form.functions)
    edits = _rewrite(task, data, files) if rewrites else _read_edits(data.get("edits") or [])
    if not params and not edits:
        raise PatchError("the answer changes nothing")
    return Answer(hypothesis, params, edits)


def first_object(text: str, fields: Collection[str], cut_off: bool = False) -> dict[str, Any]:
    """The first JSON object in `text` that has one of `fields`; it may stand in prose or a code
    fence, and objects without them may be parts of one that is not complete."""
    decoder, at, whole = json.JSONDecoder(), text.find("{"), False
    for i in range(BRACES):
        if at < 0:
            break
        found: dict[str, Any] = {}
        with suppress(ValueError, RecursionError):
            found, _ = decoder.raw_decode(text, at)
        if not found.keys().isdisjoint(fields):
            return found
        whole = whole or (i == 0 and bool(found))
        at = text.find("{", at + 1)
    if whole:
        raise PatchError(f"the answer has none of {', '.join(map(repr, fields))}")
    if cut_off:
        raise PatchError("the answer was cut off before its end: a shorter one is needed")
    raise PatchError("the answer is not one complete JSON object")


def _read_params(given: object) -> Params:
    """Parameters from a list of objects, or from one."""
    params: Params = {}
    for item in given if isinstance(given, list) else [given]:
        if not isinstance(item, dict) or any(isinstance(v, dict | list) for v in item.values()):
            raise PatchError('"params" must be a list of objects, each a parameter and its value')
        params |= item
    return params


def _read_edits(items: object) -> tuple[Edit, ...]:
    if not isinstance(items, list):
        raise PatchError('"edits" must be a list')
    edits = []
    for item in items:
        match item:
            case {"file": str(file), "search": str(search), "replace": str(replace)}:
                edits.append(Edit(file, search, replace))
            case _:
                raise PatchError('each edit needs the texts "file", "search" and "replace"')
    return tuple(edits)


def _rewrite(task: Task, data: dict[str, Any], files: Files) -> tuple[Edit, ...]:
    """A rewritten function, as the search/replace edit that it amounts to."""
    file, code = task.spec.edit.files[0], data.get("code")
    text = "\n".join(map(str, code)) if isinstance(code, list) else str(code)
    return (Edit(file, *rewritten(files[file], data.get("function"), text)),)


def plain(value: object) -> str:
    """A text without what cannot be printed; "" for what is no text."""
    return "".join(c for c in value if c.isprintable()) if isinstance(value, str) else ""
