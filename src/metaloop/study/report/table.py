"""The table of a study: one row per finished cell, the same bytes for the same results."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable

from metaloop.study.result import Cell, Result

_Value = str | int | float | None

_COLUMNS: dict[str, Callable[[Result], _Value]] = {
    "task": lambda r: r.cell.task,
    "arm": lambda r: r.cell.arm,
    "outer": lambda r: r.cell.outer,
    "inner": lambda r: r.cell.inner,
    "seed": lambda r: r.cell.seed,
    "trials": lambda r: len(r.curve) - 1,
    "baseline": lambda r: r.baseline,
    "direction": lambda r: r.direction,
    "gain": lambda r: r.gain,
    "area": lambda r: r.area,
    "sealed_gain": lambda r: r.sealed,
    "calls": lambda r: r.calls,
    "input_tokens": lambda r: r.input_tokens,
    "output_tokens": lambda r: r.output_tokens,
    "model_seconds": lambda r: r.model_seconds,
    "usd": lambda r: r.usd,
    "invented": lambda r: len(r.invented),
    "proven": lambda r: sum(m.proven for m in r.invented),
    "installed": lambda r: sum(m.state != "rejected" for m in r.invented),
    "live": lambda r: sum(m.live > 0 for m in r.invented),
    "gain_generated": lambda r: r.by_generated,
}
"""What is left out: the seconds of the trials, on which no two machines agree."""


def render_csv(results: Iterable[Result]) -> str:
    """All results in order; what is unknown is empty, floats are exact."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for result in ordered(results):
        writer.writerow([_cell(value(result)) for value in _COLUMNS.values()])
    return file.getvalue()


def ordered(results: Iterable[Result]) -> list[Result]:
    """By task, arm, models and seed: as by key, but seed 2 comes before seed 10. A cell that comes
    twice counts once, the later one."""
    return sorted({r.cell: r for r in results}.values(), key=lambda r: _place(r.cell))


def _place(cell: Cell) -> tuple[str, str, str, str, int]:
    return cell.task, cell.arm, cell.outer or "", cell.inner or "", cell.seed


def _cell(value: _Value) -> str:
    """Text that a spreadsheet would take for a formula gets a quote in front of it."""
    if isinstance(value, float):
        return repr(float(value))
    text = "" if value is None else str(value)
    return f"'{text}" if isinstance(value, str) and text[:1] in "=+-@" and text else text
