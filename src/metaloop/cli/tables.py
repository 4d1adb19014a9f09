"""The tables that several verbs print."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from metaloop.cli.app import out
from metaloop.report.status import COST_HEADS, MechanismStatus, cost_rows
from metaloop.text import one_line


def print_table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Cells are text and nothing else; heads that begin with # are of numbers.

    The last column takes the room that is left on a terminal; elsewhere a row is one line.
    """
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for head in heads:
        justify: Literal["left", "right"] = "right" if head.startswith("#") else "left"
        made.add_column(head.lstrip("#"), justify=justify, no_wrap=head != heads[-1])
    for row in rows:
        made.add_row(*(Text(one_line(cell)) for cell in row))
    if out.is_terminal:
        out.print(made, soft_wrap=False)
        return
    wide = Console(width=1000)
    with wide.capture() as capture:
        wide.print(made)
    out.print("\n".join(line.rstrip() for line in capture.get().splitlines()), markup=False)


def print_mechanisms(mechanisms: Iterable[MechanismStatus]) -> None:
    """Mechanisms and what they earned, rejected ones with the reason."""
    heads = ("id", "name", "origin", "state", "#live", "#trials", "#gain", "why")
    print_table(
        heads,
        (
            (m.id, m.name, m.origin, m.state, m.live, m.trials, f"{m.gain:.4g}", m.reason)
            for m in mechanisms
        ),
    )


def print_roles(roles: Mapping[str, Mapping[str, Any]]) -> None:
    """What each role used. A price that nobody knows is unknown, never 0."""
    print_table(COST_HEADS, cost_rows(roles))
