"""Small changes to try on a program, to see whether and how far its metric answers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from random import Random
from typing import TypeVar

from metaloop.task.patch import Files, PatchError, build
from metaloop.task.source import SourceError, parse
from metaloop.task.space import Param, Value
from metaloop.task.spec import Task

T = TypeVar("T")
STEP = 0.15
"""Share of its range by which a parameter is moved, as in `Space.neighbour`."""


@dataclass(frozen=True)
class Change:
    """A changed program. `part` is the parameter, or the place in the code, that was changed;
    `label` is the change in words."""

    part: str
    label: str
    files: Files


def small_changes(task: Task, limit: int, seed: int) -> list[Change]:
    """Each parameter moved down and up; without a space, numbers in the code moved.

    At most `limit` parameters, or numbers, drawn by `seed` where there are more.
    """
    files, rng = task.sources(), Random(seed)  # noqa: S311
    if not task.space:
        literals = [x for name in task.spec.edit.files for x in _literals(name, files[name])]
        return [_nudged(files, x) for x in _draw(literals, limit, rng)]
    params, found = task.params_of(files), []
    for name in _draw(list(task.space), limit, rng):
        for value in _moves(task.space[name], params[name], rng):
            try:
                changed = build(task, files, {name: value}, [])
            except PatchError:  # e.g. a constant that is assigned twice
                continue
            found.append(Change(name, f"{name} {params[name]} -> {value}", changed))
    return found


def _draw(items: list[T], limit: int, rng: Random) -> list[T]:
    """At most `limit` of `items`, in their order."""
    chosen = sorted(rng.sample(range(len(items)), min(limit, len(items))))
    return [items[i] for i in chosen]


def _moves(param: Param, value: Value, rng: Random) -> list[Value]:
    """Two other values nearby; of a choice, two other choices."""
    if param.kind == "choice":
        return _draw([c for c in param.choices if c != value], 2, rng)
    at = param.to_unit(value)
    moved = [param.from_unit(at - STEP), param.from_unit(at + STEP)]
    if param.kind == "int" and value in moved:  # a range of few values
        moved = [param.clip(int(value) - 1), param.clip(int(value) + 1)]
    return [v for v in dict.fromkeys(moved) if v != value]


@dataclass(frozen=True)
class _Literal:
    """A number in a source: lines from 1, columns in bytes."""

    file: str
    line: int
    start: int
    end: int
    value: float


def _literals(name: str, source: str) -> Iterator[_Literal]:
    """The numbers in a Python source."""
    if not name.endswith(".py"):
        return
    try:
        tree = parse(source)
    except SourceError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or isinstance(node.value, bool):
            continue
        if isinstance(node.value, int | float) and node.end_col_offset is not None:
            yield _Literal(name, node.lineno, node.col_offset, node.end_col_offset, node.value)


def _nudged(files: Files, number: _Literal) -> Change:
    """The files with one number a fifth larger, an int at least by 1."""
    old = number.value
    new = old + max(1, (abs(old) + 2) // 5) if isinstance(old, int) else old * 1.2 or 0.1
    lines = files[number.file].encode().splitlines(keepends=True)
    line = lines[number.line - 1]
    lines[number.line - 1] = line[: number.start] + repr(new).encode() + line[number.end :]
    part = f"{number.file}:{number.line}"
    changed = {**files, number.file: b"".join(lines).decode()}
    return Change(part, f"{part} {old} -> {new}", changed)


def stripped(task: Task) -> Files:
    """The program with nothing left but its imports of other than its own editable modules.

    What it still takes is its start; what it still scores does not come from the code.
    """
    own = {PurePosixPath(name).stem for name in task.spec.edit.files}
    return {
        name: _imports(text, own) if name.endswith(".py") else ""
        for name, text in task.sources().items()
    }


def _imports(source: str, own: set[str]) -> str:
    try:
        body = parse(source).body
    except SourceError:
        return ""
    kept = [
        ast.unparse(node)
        for node in body
        if (isinstance(node, ast.Import) and not own & {a.name.split(".")[-1] for a in node.names})
        or (isinstance(node, ast.ImportFrom) and not node.level and not own & _named(node))
    ]
    return "\n".join([*kept, ""])


def _named(node: ast.ImportFrom) -> set[str]:
    return {(node.module or "").split(".")[-1], *(alias.name for alias in node.names)}
