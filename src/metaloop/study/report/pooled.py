"""An arm against a control over all of its models at once: one question instead of many."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from metaloop.study.contrasts import Measure
from metaloop.study.result import Cell, Result


def pooled(
    results: Sequence[Result], task: str, arm: str, control: str, measure: Measure = "gain"
) -> list[float]:
    """For each seed the mean over the arm's cells of: the cell less its control.

    The control of a cell is that of `contrasts.against`: the same models, else the same inner
    model alone, else none. Cells that have no control at all are left out, and seeds that lack
    any of the others.
    """
    values = {
        r.cell: value for r in results if (value := getattr(r, measure)) is not None
    }  # fmt: skip
    pairs = _pairs(values, task, arm)
    controls = _pairs(values, task, control)
    matched = []
    for outer, inner in pairs:
        same = [p for p in ((outer, inner), (None, inner), (None, None)) if p in controls]
        matched += [((outer, inner), pair) for pair in same[:1]]
    differences = []
    for seed in sorted({cell.seed for cell in values}):
        cells = [
            (values.get(Cell(task, arm, *mine, seed)), values.get(Cell(task, control, *its, seed)))
            for mine, its in matched
        ]
        both = [a - b for a, b in cells if a is not None and b is not None]
        if both and len(both) == len(matched):
            differences.append(fmean(both))
    return differences


def _pairs(cells: Iterable[Cell], task: str, arm: str) -> list[tuple[str | None, str | None]]:
    """The models with which an arm ran."""
    return list(dict.fromkeys((c.outer, c.inner) for c in cells if (c.task, c.arm) == (task, arm)))
