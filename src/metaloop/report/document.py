"""The frame of every HTML page: no script, nothing from the network, one look."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib.resources import files

from metaloop.text import html

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_OPEN = ' class="open"'


def document(title: str, sections: Iterable[str], style: str = "") -> str:
    """A whole page of sections that are HTML already, empty ones left out; `title` is plain text,
    `style` is added to the common style sheet."""
    common = files("metaloop.report").joinpath("style.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{html(title)}</title>\n<style>\n{common}{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(filter(None, sections))
        + "\n</main>\n</body>\n</html>\n"
    )


def header(
    kicker: str,
    title: str,
    headlines: Iterable[str],
    tiles: Iterable[tuple[str, str]] = (),
    more: str = "",
) -> str:
    """The top of the page, HTML already but for the tiles: numbers, each with its name."""
    cells = "".join(f"<div><dt>{html(k)}</dt><dd>{html(v)}</dd></div>" for k, v in tiles)
    parts = [
        f'<header>\n<p class="kicker">{kicker}</p>\n<h1>{title}</h1>',
        *(f'<p class="headline">{line}</p>' for line in headlines),
        f'<dl class="tiles">{cells}</dl>' if cells else "",
        more,
        "</header>",
    ]
    return "\n".join(filter(None, parts))


def section(title: str, body: str) -> str:
    """A section of the page, HTML already; nothing where there is no body."""
    return f"<section>\n<h2>{title}</h2>\n{body}\n</section>" if body else ""


def folded(label: str, body: str) -> str:
    """What is shown when it is asked for, HTML already; nothing where there is no body."""
    return f"<details><summary>{label}</summary>{body}</details>" if body else ""


def listed(lines: Iterable[str]) -> str:
    """A list of plain sentences."""
    return "<ul>" + "".join(f"<li>{ticked(line)}</li>" for line in lines) + "</ul>"


def ticked(text: str) -> str:
    """What stands between backticks, as code; all of it escaped, no number apart from its %."""
    parts = re.sub(r"(?<=\d) %", "\xa0%", html(text)).split("`")
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already; heads that begin with # are of numbers.

    A last cell that has no head gets a line of its own below the row.
    """
    kinds = [' class="n"' if head.startswith("#") else "" for head in heads]
    top = "".join(f"<th{k}>{h.lstrip('#')}</th>" for k, h in zip(kinds, heads, strict=True))
    lines = []
    for row in rows:
        more = row[len(heads)] if len(row) > len(heads) else ""
        cells = "".join(f"<td{k}>{c}</td>" for k, c in zip(kinds, row, strict=False))
        lines.append(f"<tr{_OPEN if more else ''}>{cells}</tr>")
        if more:
            lines.append(f'<tr class="more"><td colspan="{len(heads)}">{more}</td></tr>')
    body = "\n".join(lines)
    table = f"<thead><tr>{top}</tr></thead>\n<tbody>\n{body}\n</tbody>"
    return f'<div class="wide"><table>\n{table}</table></div>'
