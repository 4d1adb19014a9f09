"""From finished cells to the questions of a study: paired comparisons, summaries, liveness.

Cells are paired by seed, and only seeds count that all parts of a contrast have. What has no seed
at all is absent. A cell that comes twice counts once, the later one. Order is that of the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, median
from typing import Literal

from metaloop.study.result import Cell, Mechanism, Result
from metaloop.study.statistics import Comparison, Interval, compare, interval

Measure = Literal["gain", "area", "sealed", "by_model", "by_builtin", "by_generated"]
Pair = tuple[str | None, str | None]
"""Outer and inner model."""
Values = dict[int, float]
"""Of one cell, by seed."""


@dataclass(frozen=True)
class Spread:
    """A quantity over the seeds of a cell."""

    n: int
    mean: float
    median: float
    interval: Interval
    """Of the mean, 95 %."""


@dataclass(frozen=True)
class Group:
    """The runs that differ in their seed alone, in the order of seeds."""

    task: str
    arm: str
    outer: str | None
    inner: str | None
    results: tuple[Result, ...]


@dataclass(frozen=True)
class Row:
    """A group of n runs."""

    task: str
    arm: str
    outer: str | None
    inner: str | None
    n: int


@dataclass(frozen=True)
class Summary(Row):
    """Costs are means per run; gain per cost is mean gain by mean cost."""

    gain: Spread
    area: Spread
    sealed: Spread | None
    """Over the seeds that have it; None where none has."""
    by_model: float
    """Gain, like the next two, by who proposed: see `Result`."""
    by_builtin: float
    by_generated: float
    tokens: float
    seconds: float
    usd: float | None
    """None where any run's price is unknown."""
    per_1000_tokens: float | None
    """Gain; None, like the next two, where nothing was spent or it is unknown."""
    per_second: float | None
    per_usd: float | None


@dataclass(frozen=True)
class Life(Row):
    """What the generated mechanisms of a cell did, added up over its seeds; in a placebo arm inert
    ones acted in their place."""

    invented: int
    proven: int
    installed: int
    """Including those retired later."""
    live: int
    """Those whose calls changed at least one trial."""
    trials: int
    """Trials that their calls changed."""
    share: float | None
    """Of all the gain, that credited to them while live; None without a gain to share."""


@dataclass(frozen=True)
class Violation:
    """A mechanism, of any origin, that is credited with a gain and never acted."""

    cell: Cell
    mechanism: Mechanism


@dataclass(frozen=True)
class Liveness:
    rows: list[Life]
    violations: list[Violation]
    """Must be empty, or the gains of the study prove nothing about mechanisms."""


def asymmetry(
    results: Sequence[Result], task: str, arm: str, matters: float, *, measure: Measure = "gain"
) -> list[Comparison]:
    """For every two models of the arm: their two mixed cells less their two pure ones (means).

    Above 0 where different models in the two loops do better. `matters`: see `compare`.
    """
    cells = _cells(results, task, arm, measure)
    models = dict.fromkeys(model for pair in cells for model in pair if model)
    found = []
    for a, b in combinations(models, 2):
        parts = [cells.get(pair, {}) for pair in ((a, b), (b, a), (a, a), (b, b))]
        differences = [(ab + ba) / 2 - (aa + bb) / 2 for ab, ba, aa, bb in _paired(parts)]
        found += _compared(differences, matters)
    return found


def role(
    results: Sequence[Result],
    task: str,
    arm: str,
    roster: Sequence[str],
    matters: float,
    *,
    measure: Measure = "gain",
) -> list[Comparison]:
    """For every two models of the roster, strongest first: the stronger outside less inside."""
    cells = _cells(results, task, arm, measure)
    found = []
    for strong, weak in combinations(roster, 2):
        parts = [cells.get((strong, weak), {}), cells.get((weak, strong), {})]
        found += _compared([outside - inside for outside, inside in _paired(parts)], matters)
    return found


def against(
    results: Sequence[Result],
    task: str,
    arm: str,
    control: str,
    matters: float,
    *,
    measure: Measure = "gain",
) -> list[Comparison]:
    """For every cell of the arm: it less its control (`matched`)."""
    parts = matched(results, task, arm, control, measure)
    return [c for both in parts for c in _compared([a - b for a, b in _paired(both)], matters)]


def pooled(
    results: Sequence[Result], task: str, arm: str, control: str, measure: Measure = "gain"
) -> list[float]:
    """For each seed the mean over the arm's cells of: the cell less its control (`matched`).

    One question instead of many. Seeds that any of these cells lacks are left out.
    """
    parts = matched(results, task, arm, control, measure)
    if not parts:
        return []
    rows = _paired([values for both in parts for values in both])
    return [fmean(a - b for a, b in zip(row[::2], row[1::2], strict=True)) for row in rows]


def matched(
    results: Sequence[Result], task: str, arm: str, control: str, measure: Measure
) -> list[tuple[Values, Values]]:
    """Every cell of the arm and its control: that with the same models, else the same inner model
    alone, else none. Cells that have no control are left out."""
    controls = _cells(results, task, control, measure)
    found = []
    for (outer, inner), values in _cells(results, task, arm, measure).items():
        same: tuple[Pair, ...] = ((outer, inner), (None, inner), (None, None))
        found += [(values, controls[pair]) for pair in same if pair in controls][:1]
    return found


def grouped(results: Iterable[Result]) -> list[Group]:
    """A group for each task, arm and pair of models."""
    found: dict[tuple[str, str, str | None, str | None], dict[int, Result]] = {}
    for result in results:
        cell = result.cell
        runs = found.setdefault((cell.task, cell.arm, cell.outer, cell.inner), {})
        runs[cell.seed] = result
    return [
        Group(*what, tuple(runs[seed] for seed in sorted(runs))) for what, runs in found.items()
    ]


def summary(group: Group) -> Summary:
    """What a group reached and used."""
    runs = group.results
    gain = fmean(r.gain for r in runs)
    tokens, seconds = fmean(r.tokens for r in runs), fmean(r.seconds for r in runs)
    sealed = [r.sealed for r in runs if r.sealed is not None]
    prices = [r.usd for r in runs if r.usd is not None]
    usd = fmean(prices) if len(prices) == len(runs) else None
    return Summary(
        group.task,
        group.arm,
        group.outer,
        group.inner,
        n=len(runs),
        gain=_spread([r.gain for r in runs]),
        area=_spread([r.area for r in runs]),
        sealed=_spread(sealed) if sealed else None,
        by_model=fmean(r.by_model for r in runs),
        by_builtin=fmean(r.by_builtin for r in runs),
        by_generated=fmean(r.by_generated for r in runs),
        tokens=tokens,
        seconds=seconds,
        usd=usd,
        per_1000_tokens=1000 * gain / tokens if tokens else None,
        per_second=gain / seconds if seconds else None,
        per_usd=gain / usd if usd else None,
    )


def liveness(results: Sequence[Result]) -> Liveness:
    """Did the mechanisms act that are credited with gains? A row per group, and who did not."""
    groups = grouped(results)
    return Liveness(
        rows=[_life(group) for group in groups],
        violations=[
            Violation(result.cell, mechanism)
            for group in groups
            for result in group.results
            for mechanism in result.mechanisms
            if mechanism.gain > 0 and mechanism.live == 0
        ],
    )


def _cells(results: Sequence[Result], task: str, arm: str, measure: Measure) -> dict[Pair, Values]:
    """The measure of each run of an arm, by models and seed."""
    cells: dict[Pair, Values] = {}
    for result in results:
        cell, value = result.cell, getattr(result, measure)
        if (cell.task, cell.arm) == (task, arm) and value is not None:
            cells.setdefault((cell.outer, cell.inner), {})[cell.seed] = value
    return cells


def _paired(parts: Sequence[Values]) -> Iterator[list[float]]:
    """The values of all parts for each seed that all have, in the order of seeds."""
    for seed in sorted(set(parts[0]).intersection(*parts[1:])):
        yield [part[seed] for part in parts]


def _compared(differences: list[float], matters: float) -> list[Comparison]:
    return [compare(differences, matters)] if differences else []


def _spread(values: list[float]) -> Spread:
    return Spread(len(values), fmean(values), median(values), interval(values))


def _life(group: Group) -> Life:
    invented = [m for r in group.results for m in r.invented]
    gain = sum(r.gain for r in group.results)
    earned = sum(m.gain for m in invented if m.live)
    return Life(
        group.task,
        group.arm,
        group.outer,
        group.inner,
        n=len(group.results),
        invented=len(invented),
        proven=sum(m.proven for m in invented),
        installed=sum(m.state != "rejected" for m in invented),
        live=sum(m.live > 0 for m in invented),
        trials=sum(m.live for m in invented),
        share=earned / gain if gain > 0 else None,
    )
