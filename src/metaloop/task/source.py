"""Python source as a syntax tree that is safe to walk, whoever wrote it."""

from __future__ import annotations

import ast
import io

DEEPEST = 100
"""Levels of nesting: people's code has some 20, and walking a tree recursively fails at 300."""
HUGE = 10_000
"""Bits of a number: Python writes numbers of some 14,000 at most."""


class SourceError(ValueError):
    """Not Python, or Python that nobody would write."""


def parse(source: str) -> ast.Module:
    """The syntax tree of `source`, which is UTF-8 text and not nested absurdly; or SourceError."""
    try:
        source.encode()
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise SourceError(f"not valid Python: {error}") from None
    except (RecursionError, MemoryError):
        raise SourceError("not valid Python: it is nested too deeply") from None
    level: list[ast.AST] = [tree]
    for _ in range(DEEPEST):
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        if any(isinstance(n, ast.Constant) and _is_huge(n.value) for n in level):
            raise SourceError("not valid Python: a number in it has thousands of digits")
        if not level:
            return tree
    raise SourceError("not valid Python: it is nested too deeply")


def statements(source: str) -> list[ast.stmt]:
    """The top-level statements, without the strings that stand alone: docstrings are comments.

    Raises SourceError for what is no Python.
    """
    tree = parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not is_text(statement)]
    return tree.body


def is_text(statement: ast.stmt) -> bool:
    """A string or number that stands alone."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def lines(text: str) -> list[str]:
    """Its lines with their ends, as git has them: splitlines breaks at form feeds or U+2028 too."""
    return io.StringIO(text).readlines()


def _is_huge(value: object) -> bool:
    """A number in hexadecimal, octal or binary that Python reads and then cannot write."""
    return isinstance(value, int) and value.bit_length() > HUGE
