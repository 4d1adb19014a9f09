"""The runs of a study by what they differ in but their seed: what each group reached, used and did.

A cell that comes twice counts once, the later one. Order is that of the results.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from metaloop.study.result import Cell, Mechanism, Result
from metaloop.study.statistics import Interval, interval


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

    @property
    def n(self) -> int:
        return len(self.results)


@dataclass(frozen=True)
class Summary:
    """What a group reached and used. Costs are means per run; gain per cost is mean by mean."""

    group: Group
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
class Life:
    """What the generated mechanisms of a group did, added up over its seeds; in a placebo arm inert
    ones acted in their place."""

    group: Group
    invented: int
    proven: int
    installed: int
    """Including those retired later."""
    live: int
    """Those whose calls changed at least one trial."""
    trials: int
    """Trials that their calls changed."""
    share: float | None
    """Of all the gain, that credited to them while live: above 1 where later measurements of the
    best came out lower. None without a gain to share."""


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
    """Of the gain, the area and the sealed gain, and what they cost."""
    runs = group.results
    gain = fmean(r.gain for r in runs)
    tokens, seconds = fmean(r.tokens for r in runs), fmean(r.seconds for r in runs)
    sealed = [r.sealed for r in runs if r.sealed is not None]
    prices = [r.usd for r in runs if r.usd is not None]
    usd = fmean(prices) if len(prices) == len(runs) else None
    return Summary(
        group,
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


def _spread(values: list[float]) -> Spread:
    return Spread(len(values), fmean(values), median(values), interval(values))


def _life(group: Group) -> Life:
    invented = [m for r in group.results for m in r.invented]
    gain = sum(r.gain for r in group.results)
    earned = sum(m.gain for m in invented if m.live)
    return Life(
        group,
        invented=len(invented),
        proven=sum(m.proven for m in invented),
        installed=sum(m.state != "rejected" for m in invented),
        live=sum(m.live > 0 for m in invented),
        trials=sum(m.live for m in invented),
        share=earned / gain if gain > 0 else None,
    )
