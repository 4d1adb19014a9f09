"""The tables of a study's report, as text: foreign words stand between backticks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from metaloop.study.groups import Life, Spread, Summary, Violation
from metaloop.study.report.findings import (
    SOURCES,
    Contrast,
    Contrasts,
    Findings,
    TaskFindings,
)
from metaloop.study.report.labels import Names, tick
from metaloop.study.report.numbers import amount, between, p_value, share
from metaloop.study.statistics import Comparison
from metaloop.text import dollars, duration


@dataclass(frozen=True)
class Table:
    """Heads that begin with # are of numbers."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def tested(contrasts: Contrasts, whole: bool) -> Table:
    """Contrasts with all that is known of them. What correction decides is left out before all
    that are corrected together are there: the secondary ones when the task is `whole`."""
    heads = (
        "contrast", "#n", "#difference", "#95 % interval", "#p", "#Holm", "#effect", "#power",
        "#n needed", "#in reach",
    )  # fmt: skip
    rows = []
    for contrast in [*contrasts.deciding, *contrasts.secondary]:
        c = contrast.told
        alone, corrected = p_values(c)
        size = ["-" if math.isnan(c.power) else share(c.power)]
        size += ["-" if c.needed is None else str(c.needed), _finite(c.detectable)]
        if c.p_holm is None or (contrast not in contrasts.deciding and not whole):
            corrected, size = "-", ["-"] * 3
        effect = _finite(c.effect)
        rows.append([contrast.name, *difference(c), alone, corrected, effect, *size])
    return Table(heads, rows)


def described(kinds: Iterable[tuple[str, Iterable[Contrast]]]) -> Table:
    """Contrasts of several measures, each with its name, without correction."""
    heads = ("contrast", "of", "#n", "#difference", "#95 % interval", "#p", "#effect")
    rows = [
        [c.name, kind, *difference(c.told), p_values(c.told)[0], _finite(c.told.effect)]
        for kind, contrasts in kinds
        for c in contrasts
    ]
    return Table(heads, rows)


def gains(task: TaskFindings, names: Names) -> Table:
    """What each arm and pair of models reached; runs with a sealed gain where not all have one."""
    heads = (
        "arm, models", "#n", "#final gain", "#95 % interval", "#median", "#area",
        "#95 % interval", "#sealed gain",
    )  # fmt: skip
    rows = [
        [
            names.cell(s.group), str(s.group.n),
            f"{s.gain.mean:.4g}", spread(s.gain), f"{s.gain.median:.4g}", f"{s.area.mean:.4g}",
            spread(s.area), _sealed(s),
        ]
        for s in task.summaries
    ]  # fmt: skip
    return Table(heads, rows)


def _sealed(summary: Summary) -> str:
    if summary.sealed is None:
        return "-"
    n = summary.sealed.n
    return f"{summary.sealed.mean:.4g}" + (f" ({n})" if n < summary.group.n else "")


def costs(task: TaskFindings, names: Names) -> Table:
    """What a run of each arm and pair of models costs on the average."""
    heads = (
        "arm, models", "#tokens", "#time", "#usd", "#gain per 1000 tokens",
        "#gain per minute", "#gain per usd",
    )  # fmt: skip
    rows = [
        [
            names.cell(s.group), f"{s.tokens:,.0f}",
            duration(s.seconds), dollars(s.usd), _rate(s.per_1000_tokens),
            _rate(None if s.per_second is None else 60 * s.per_second), _rate(s.per_usd),
        ]
        for s in task.summaries
    ]  # fmt: skip
    return Table(heads, rows)


def alive(lives: Iterable[Life], names: Names) -> Table:
    """What became of generated mechanisms."""
    heads = (
        "arm, models", "#runs", "#invented", "#proven", "#installed", "#live",
        "#trials changed", "#share of gain",
    )  # fmt: skip
    rows = [
        [
            names.cell(s.group),
            *map(str, (s.group.n, s.invented, s.proven, s.installed, s.live, s.trials)),
            "-" if s.share is None else share(s.share),
        ]
        for s in lives
    ]  # fmt: skip
    return Table(heads, rows)


def earned(task: TaskFindings, names: Names) -> Table:
    """By whom the gain was earned, on the average of each arm and pair of models."""
    heads = ("arm, models", "#final gain", *(f"#by {source}" for source in SOURCES))
    rows = [
        [names.cell(s.group), *(f"{x:.4g}" for x in (s.gain.mean, *_of_sources(s)))]
        for s in task.summaries
    ]
    return Table(heads, rows)


def _of_sources(summary: Summary) -> list[float]:
    return [getattr(summary, measure) for measure in SOURCES.values()]


def dead(violations: Iterable[Violation], names: Names) -> Table:
    """Mechanisms that are credited with a gain and never acted."""
    rows = [
        [names.cell(v.cell), str(v.cell.seed), tick(v.mechanism.name), v.mechanism.origin,
         f"{v.mechanism.gain:.4g}"]
        for v in violations
    ]  # fmt: skip
    return Table(("cell", "#seed", "mechanism", "origin", "#gain"), rows)


def overview(findings: Findings) -> list[tuple[str, str]]:
    """The size of the study, name and value."""
    design = findings.design
    return [
        ("cells", f"{findings.done} of {findings.planned}"),
        ("paired seeds", str(len(design.seeds))),
        ("trials per cell", str(design.trials)),
        ("model time", duration(sum(r.model_seconds for r in findings.results))),
        ("trial time", duration(sum(r.trial_seconds for r in findings.results))),
        ("tokens", f"{sum(r.tokens for r in findings.results):,}"),
    ]


def difference(c: Comparison) -> list[str]:
    """Pairs, mean and interval; of one pair, or of equal ones, there is no interval."""
    return [str(c.n), amount(c.mean), between(c.interval) if c.spread > 0 else "-"]


def p_values(c: Comparison) -> list[str]:
    """Alone and corrected."""
    return ["-", "-"] if c.n < 2 else [p_value(c.p), p_value(c.p_holm)]


def spread(values: Spread) -> str:
    """The interval of a mean; of one value, or of equal ones, there is none."""
    low, high = values.interval
    return "-" if low == high else f"{low:.4g} to {high:.4g}"


def _finite(value: float) -> str:
    """Effect sizes and differences; a dash where nothing tells them."""
    return f"{value:.2g}" if abs(value) < float("inf") else "-"


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"
