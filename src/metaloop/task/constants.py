"""Module-level constants of a Python source, read and rewritten through the syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

from metaloop.task.source import SourceError, parse
from metaloop.task.space import Value


class ConstantError(ValueError):
    """A source cannot be parsed, or does not hold the constant that is to be set."""


@lru_cache(maxsize=16)
def _literals(source: str) -> dict[str, tuple[ast.expr, Value]]:
    """The module-level assignments `NAME = literal`, by name; the last one counts."""
    try:
        tree = parse(source)
    except SourceError as error:
        raise ConstantError(str(error)) from None
    found: dict[str, tuple[ast.expr, Value]] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if not isinstance(target, ast.Name):
            continue
        try:
            literal = ast.literal_eval(value)
        except (ValueError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(literal, int | float | str | bool):
            found[target.id] = (value, literal)
    return found


def read_constants(source: str) -> dict[str, Value]:
    """Names and values of the module-level literal constants of `source`."""
    return {name: value for name, (_, value) in _literals(source).items()}


def set_constants(source: str, values: Mapping[str, Value]) -> str:
    """`source` with each constant's literal replaced and every other byte left alone.

    Raises ConstantError when a name is not assigned a literal at module level.
    """
    return _replace(source, {name: repr(value) for name, value in values.items()})


def blank_constants(source: str, names: Mapping[str, object]) -> str:
    """`source` with the values of `names` shown as `...`: what stays the same between trials,
    so that a model's prompt prefix stays cached while parameters move."""
    return _replace(source, dict.fromkeys(names, "..."))


def _replace(source: str, texts: Mapping[str, str]) -> str:
    literals = _literals(source)
    lines = source.encode().splitlines(keepends=True)
    missing = sorted(set(texts) - set(literals))
    if missing:
        raise ConstantError(f"no module-level constant {', '.join(missing)} with a literal value")
    nodes = [(literals[name][0], text) for name, text in texts.items()]
    for node, text in sorted(nodes, key=_position, reverse=True):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        head = lines[first][: node.col_offset]
        tail = lines[last][node.end_col_offset :]
        lines[first : last + 1] = [head + text.encode() + tail]
    return b"".join(lines).decode()


def _position(replacement: tuple[ast.expr, str]) -> tuple[int, int]:
    return replacement[0].lineno, replacement[0].col_offset
