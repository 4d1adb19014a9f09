"""The plots of a report, as SVG: best so far, and what each mechanism earned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from metaloop.report.facts import Facts
from metaloop.report.figure import COOL, INK, MODEL, MUTED, WARM, svg
from metaloop.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from metaloop.journal.records import TrialRecord

MANY = 4000
"""Trials above which dots are drawn as one image."""


def draw(facts: Facts) -> dict[str, str]:
    """Plots by name; none of those that would be empty."""
    plots = {}
    if facts.status.best is not None:
        plots["best"] = svg("best", 4.2, lambda axes: _best_so_far(facts, axes))
    if any(e.trials for e in facts.earned()):
        height = 0.75 + 0.32 * len(facts.earned())
        plots["credit"] = svg("credit", height, lambda axes: _credit(facts, axes))
    return plots


def colours(facts: Facts) -> dict[str, str]:
    """A colour for each author of candidates: warm ones for generated mechanisms."""
    chosen = {"model": MODEL, "fallback": MUTED, "baseline": INK}
    for origin, palette in (("builtin", COOL), ("placebo", COOL[::-1]), ("generated", WARM)):
        used = [m.id for m in facts.mechanisms if m.origin == origin and m.state != "rejected"]
        chosen |= {name: palette[i % len(palette)] for i, name in enumerate(used)}
    return chosen


def _best_so_far(facts: Facts, axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_ylim(*_limits(facts))
    axes.set_xlim(-0.02 * len(facts.trials) - 0.3, 1.02 * len(facts.trials) - 0.7)
    palette = colours(facts)
    for arm in dict.fromkeys(t.by for t in facts.trials):
        _dots([t for t in facts.trials if t.by == arm], axes, palette.get(arm, MUTED))
        axes.scatter([], [], s=30, color=palette.get(arm, MUTED), label=_short(facts.label(arm)))
    kept = [(t.number, t.score) for t in facts.trials if t.status == "kept" and t.score is not None]
    xs = [x for x, _ in kept] + [facts.trials[-1].number]
    ys = [y for _, y in kept] + [kept[-1][1]]
    axes.step(xs, ys, where="post", color=INK, linewidth=1.4, zorder=2, label="best so far")
    _marks(facts, axes)
    axes.plot([], [], "x", color=MUTED, markersize=4, label="no score")
    axes.set_xlabel("trial")
    axes.set_ylabel(f"{one_line(facts.score_name, 40)}, {facts.status.direction}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _dots(trials: Sequence[TrialRecord], axes: Axes, colour: str) -> None:
    """One author's trials: kept ones full, discarded ones faint, at the edge what lies beyond."""
    low, high = axes.get_ylim()
    points = [(t.number, t.score, t.status == "kept") for t in trials if t.score is not None]
    for kept, size, alpha in ((False, 22, 0.6), (True, 44, 1.0)):
        dots = [(x, y) for x, y, full in points if full == kept and low <= y <= high]
        axes.scatter(
            [x for x, _ in dots], [y for _, y in dots], s=size, alpha=alpha, color=colour,
            linewidth=0, zorder=3, rasterized=len(dots) > MANY,
        )  # fmt: skip
    for marker, edge in (("^", high), ("v", low)):
        xs = [x for x, y, _ in points if (y > high if edge == high else y < low)][:MANY]
        if xs:  # an empty line that is not clipped would upset the layout
            ys = [edge] * len(xs)
            axes.plot(xs, ys, marker, color=colour, alpha=0.6, markersize=4, clip_on=False)
    failed = [t.number for t in trials if t.score is None][:MANY]
    where = axes.get_xaxis_transform()
    axes.plot(
        failed, [0.02] * len(failed), "x", color=colour, markersize=4, alpha=0.8, transform=where
    )


def _marks(facts: Facts, axes: Axes) -> None:
    """Where generated mechanisms were installed, and where mechanisms were retired."""
    palette, where = colours(facts), axes.get_xaxis_transform()
    for m in facts.mechanisms:
        if m.state == "rejected":
            continue
        colour = palette.get(m.id, MUTED)
        if m.invented:
            x = m.born - 0.5
            axes.axvline(x, color=colour, linewidth=1.2, linestyle="--", zorder=1)
            axes.text(
                x, 0.99, _short(facts.label(m.id)), transform=where, color=colour,
                rotation=90, va="top", ha="right", fontsize=7.5,
            )  # fmt: skip
        if m.ended is not None:
            axes.axvline(m.ended + 0.5, color=colour, linewidth=0.8, linestyle=":", zorder=1)
    if any(m.ended is not None for m in facts.mechanisms):
        axes.plot([], [], ":", color=MUTED, linewidth=0.8, label="retired")


def _limits(facts: Facts) -> tuple[float, float]:
    """The part of the scale that matters; what lies beyond is shown at the edge."""
    best, baseline = facts.status.best, facts.status.baseline
    scores = [t.score for t in facts.trials if t.score is not None]
    if best is None or baseline is None or not scores:
        return 0.0, 1.0
    distances = sorted(abs(score - best) for score in scores)
    span = max(abs(baseline - best), distances[len(distances) // 2] * 1.5)
    span = span * 1.35 or distances[-1] * 1.1 or abs(best) * 0.1 or 1.0
    if facts.status.direction == "minimize":
        return best - 0.09 * span, best + span
    return best - span, best + 0.09 * span


def _credit(facts: Facts, axes: Axes) -> None:
    """Gain in all per author, with the trials that it took."""
    rows, palette = facts.earned()[::-1], colours(facts)
    names = [_short(row.label) for row in rows]
    colour = [palette.get(row.arm, MUTED) for row in rows]
    bars = axes.barh(range(len(rows)), [row.gain for row in rows], color=colour, height=0.62)
    axes.set_yticks(range(len(rows)), names)
    labels = [f"{row.gain:.4g}, {row.kept} of {row.trials} kept" for row in rows]
    axes.bar_label(bars, labels, padding=5, fontsize=8)
    axes.set_xlim(0, max(max(row.gain for row in rows) * 1.35, 1e-12))
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"gain in {one_line(facts.score_name, 40)}")


def _short(label: str) -> str:
    return one_line(label, 34)
