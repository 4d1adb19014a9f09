"""A task's program as its sources show it: modules, who imports whom, how long its parts are."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from metaloop.task.source import SourceError, parse
from metaloop.task.spec import Task, read_text

MANY = 2000
"""Modules above which no more are read."""


@dataclass(frozen=True)
class Module:
    """One Python file of the task."""

    name: str
    """Its path relative to the task."""
    lines: int
    """Lines that are neither empty nor a comment."""
    imports: frozenset[str]
    """The task's own modules that it imports, anywhere in it."""
    parts: dict[str, int]
    """Lines of each function, and of the statements outside of any."""
    effects: tuple[int, ...]
    """Lines of the statements that do more than define something when it is imported."""


@dataclass(frozen=True)
class Program:
    """What the run's command, the judge's and the editable files reach by imports."""

    modules: dict[str, Module]
    entry: str | None
    """The module that the run's command names, if that is Python of the task."""
    judge: str | None
    unreadable: tuple[str, ...]
    """Files that are no valid Python."""

    def reach(self, start: str) -> set[str]:
        """`start` and every module that it imports, directly or not."""
        found, open_ = {start}, [start]
        while open_:
            new = self.modules[open_.pop()].imports - found
            found |= new
            open_ += new
        return found

    def tangles(self, names: Sequence[str]) -> list[list[str]]:
        """Groups of two or more of `names` that all import each other, directly or not."""
        if not names:
            return []
        from scipy.sparse.csgraph import connected_components

        edges = np.array([[b in self.modules[a].imports for b in names] for a in names], dtype=int)
        count, labels = connected_components(edges, connection="strong")
        groups = ([n for n, k in zip(names, labels, strict=True) if k == i] for i in range(count))
        return sorted((group for group in groups if len(group) > 1), key=len, reverse=True)


def read_program(task: Task) -> Program:
    """Read the sources; a file that is no Python is named in `unreadable`, not an error."""
    spec = task.spec
    entry = _entry(task, spec.run.command)
    judge = _entry(task, spec.judge.command) if spec.judge else None
    roots = [task.directory, *{(task.directory / e).parent for e in (entry, judge) if e}]
    modules: dict[str, Module] = {}
    unreadable: list[str] = []
    todo = [n for n in (*spec.edit.files, entry, judge) if n and n.endswith(".py")]
    while todo and len(modules) < MANY:
        name = todo.pop(0)
        if name in modules or name in unreadable:
            continue
        try:
            modules[name] = _read(task.directory, name, roots)
        except (SourceError, UnicodeDecodeError, OSError):
            unreadable.append(name)
        else:
            todo += sorted(modules[name].imports)
    known = {n: _known(m, modules) for n, m in modules.items()}
    entry, judge = (name if name in known else None for name in (entry, judge))
    return Program(known, entry, judge, tuple(unreadable))


def _known(module: Module, modules: dict[str, Module]) -> Module:
    imports = frozenset(n for n in module.imports if n in modules and n != module.name)
    return Module(module.name, module.lines, imports, module.parts, module.effects)


def _entry(task: Task, command: list[str]) -> str | None:
    """The task's Python file that `command` runs, as a path or after `-m`."""
    for before, word in zip(["", *command], command, strict=False):
        path = f"{word.replace('.', '/')}.py" if before == "-m" else word
        if path.endswith(".py") and (task.directory / path).is_file():
            return PurePosixPath(path).as_posix()
    return None


def _read(directory: Path, name: str, roots: list[Path]) -> Module:
    text = read_text(directory / name)
    tree = parse(text)
    lines = sum(
        1 for line in text.splitlines() if line.strip() and not line.strip().startswith("#")
    )
    imports = frozenset(
        path.relative_to(directory).as_posix()
        for path in imported_files(tree, directory / name, roots)
        if path.is_relative_to(directory)
    )
    return Module(name, lines, imports, _parts(tree), tuple(_effects(tree.body)))


def imported_files(tree: ast.AST, file: Path, roots: list[Path]) -> Iterator[Path]:
    """The existing files below `roots` that a module's import statements name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _find(alias.name, [file.parent, *roots])
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            places = (
                [file.parents[node.level - 1]] if 0 < node.level <= len(file.parents) else roots
            )
            for dotted in (base, *(f"{base}.{alias.name}" for alias in node.names)):
                yield from _find(dotted.strip("."), places)


def _find(dotted: str, places: list[Path]) -> Iterator[Path]:
    if not dotted:
        return
    for place in places:
        path = place.joinpath(*dotted.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                yield file
                return


def _parts(tree: ast.Module) -> dict[str, int]:
    parts = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts[f"{node.name}()"] = _length(node)
    loose = sum(_length(node) for node in tree.body if not _defines(node))
    return {**parts, "module level": loose} if loose else parts


def _length(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _defines(node: ast.stmt) -> bool:
    """Imports, functions, classes, assignments and docstrings."""
    kinds = (
        ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign,
        ast.AnnAssign, ast.Pass,
    )  # fmt: skip
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, kinds)


def _effects(body: list[ast.stmt]) -> Iterator[int]:
    """Calls for their effect, loops, files and state of others, outside of functions."""
    for node in body:
        if isinstance(node, ast.If | ast.Try) and not _is_main(node):
            yield from _effects([*node.body, *node.orelse])
        elif _acts(node):
            yield node.lineno


def _acts(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await)
    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    return isinstance(node, ast.For | ast.While | ast.With | ast.Delete | ast.AugAssign)


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and any(
        isinstance(part, ast.Name) and part.id == "__name__" for part in ast.walk(node.test)
    )
