"""From finished cells to the questions of a study: differences of runs that are paired by seed.

Only seeds count that all parts of a contrast have; without any there is no difference. A cell that
comes twice counts once, the later one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Literal

from metaloop.study.result import Result

Measure = Literal["gain", "area", "sealed", "by_model", "by_builtin", "by_generated"]
Pair = tuple[str | None, str | None]
"""Outer and inner model."""
Values = Mapping[int, float]
"""Of one pair in one arm, by seed."""
Arm = Mapping[Pair, Values]


def measured(results: Iterable[Result], task: str, arm: str, measure: Measure = "gain") -> Arm:
    """The measure of each run of an arm, by models and seed; pairs in the order of the results."""
    cells: dict[Pair, dict[int, float]] = {}
    for result in results:
        cell, value = result.cell, getattr(result, measure)
        if (cell.task, cell.arm) == (task, arm) and value is not None:
            cells.setdefault((cell.outer, cell.inner), {})[cell.seed] = value
    return cells


def asymmetry(arm: Arm, a: str, b: str) -> list[float]:
    """The two mixed pairs of two models less their two pure ones (means).

    Above 0 where different models in the two loops do better.
    """
    parts = [arm.get(pair, {}) for pair in ((a, b), (b, a), (a, a), (b, b))]
    return [(ab + ba) / 2 - (aa + bb) / 2 for ab, ba, aa, bb in _paired(parts)]


def role(arm: Arm, strong: str, weak: str) -> list[float]:
    """The stronger model outside, the weaker inside, less the reverse."""
    return difference(arm.get((strong, weak), {}), arm.get((weak, strong), {}))


def pooled(arm: Arm, control: Arm) -> list[float]:
    """For each seed the mean over the arm's pairs of: the pair less its control (`matched`).

    One question instead of many. Seeds that any of these cells lacks are left out.
    """
    parts = [values for _, *both in matched(arm, control) for values in both]
    return [fmean(a - b for a, b in zip(x[::2], x[1::2], strict=True)) for x in _paired(parts)]


def matched(arm: Arm, control: Arm) -> list[tuple[Pair, Values, Values]]:
    """Every pair of the arm, its values, and those of its control: the one with the same models,
    else the same inner model alone, else none. Pairs that have no control are left out."""
    found = []
    for (outer, inner), values in arm.items():
        same: tuple[Pair, ...] = ((outer, inner), (None, inner), (None, None))
        found += [((outer, inner), values, control[p]) for p in same if p in control][:1]
    return found


def difference(a: Values, b: Values) -> list[float]:
    """`a` less `b`."""
    return [x - y for x, y in _paired([a, b])]


def _paired(parts: Sequence[Values]) -> Iterator[list[float]]:
    """The values of all parts for each seed that all have, in the order of seeds."""
    shared = set(parts[0]).intersection(*parts[1:]) if parts else set()
    for seed in sorted(shared):
        yield [part[seed] for part in parts]
