"""How text and numbers are shown. Text from models is data: as it is, and never able to act."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape


def visible(text: object) -> str:
    """`text` with control characters, bidi marks and the like spelled out: a terminal, browser or
    editor shows them and obeys none. Line ends and tabs stay.

    >>> visible("a" + chr(27) + "[31mb")
    'a\\\\x1b[31mb'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in str(text))


def one_line(text: object, limit: int = 200) -> str:
    """The same on one line, cut at `limit` characters."""
    line = " ".join(visible(text).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def html(text: object) -> str:
    """For HTML, in an element or a quoted attribute."""
    return escape(visible(text))


def fenced(text: object, language: str = "") -> str:
    """A Markdown code block that nothing in `text` can close."""
    shown = visible(text).strip("\n")
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}{language}\n{shown}\n{fence}"


def code(text: object, limit: int = 200) -> str:
    """A Markdown code span, also fit for a table's cell."""
    shown = one_line(text, limit).replace("|", "\\|") or " "
    ticks = "`" * (_longest_run(shown) + 1)
    pad = " " if "`" in shown else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def pipe_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table, of cells that are so already; heads that begin with # are of numbers."""
    rule = ["---:" if head.startswith("#") else "---" for head in heads]
    lines = [[head.lstrip("#") for head in heads], rule, *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None) -> str:
    """A score or a gain; a dash where there is none."""
    return "-" if value is None else f"{value:.5g}"


def dollars(value: float | None) -> str:
    """A price; one that nobody knows is unknown, never 0."""
    return "unknown" if value is None else f"${value:.4f}" if value else "$0"


def duration(seconds: float) -> str:
    """E.g. `8.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def plural(count: int, noun: str) -> str:
    """E.g. `1 trial`, `2 trials`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def joined(parts: Sequence[str]) -> str:
    """E.g. `a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
