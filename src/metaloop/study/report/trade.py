"""What a gain costs, and how sure each difference is: the Pareto and the forest plot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from metaloop.report.figure import INK, svg
from metaloop.study.groups import Group
from metaloop.study.report.labels import COLOURS, GREY, Names, plain
from metaloop.study.report.numbers import amount
from metaloop.study.statistics import Interval, interval
from metaloop.text import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from metaloop.study.report.findings import Contrast
    from metaloop.study.result import Result
    from metaloop.study.statistics import Comparison


@dataclass(frozen=True)
class Point:
    """A group's mean gain and mean cost; `front` if no other is both as cheap and better."""

    label: str
    colour: str
    cost: float
    gain: float
    interval: Interval
    front: bool = False


def points(found: Sequence[Group], names: Names, cost: Callable[[Result], float]) -> list[Point]:
    """A point for each group, the best gain first."""
    made = []
    for group in found:
        gains = [r.gain for r in group.results]
        price = float(np.mean([cost(r) for r in group.results]))
        label, colour = fill(plain(names.cell(group)), 56), COLOURS.get(group.arm, GREY)
        made.append(Point(label, colour, price, float(np.mean(gains)), interval(gains)))
    made.sort(key=lambda p: (-p.gain, p.cost, p.label))
    return [replace(p, front=not any(_beats(q, p) for q in made)) for p in made]


def _beats(one: Point, other: Point) -> bool:
    """No dearer and no worse, and not the same in both."""
    if (one.cost, one.gain) == (other.cost, other.gain):
        return False
    return one.cost <= other.cost and one.gain >= other.gain


def pareto(name: str, unit: str, shown: Sequence[Point]) -> str:
    """Cost against gain, each point named at the right edge; the front is a line."""

    def paint(axes: Axes) -> None:
        _cost_scale(axes, [p.cost for p in shown])
        for p in shown:
            axes.plot([p.cost] * 2, p.interval, color=p.colour, linewidth=1.1, alpha=0.55)
            size, edge = (60.0, INK) if p.front else (32.0, p.colour)
            axes.scatter(p.cost, p.gain, s=size, color=p.colour, edgecolors=edge, zorder=3)
        front = sorted((p for p in shown if p.front), key=lambda p: p.cost)
        costs, gains = [p.cost for p in front], [p.gain for p in front]
        axes.step(costs, gains, where="post", color=INK, linewidth=1, zorder=2)
        axes.margins(y=0.06)
        _leaders(axes, shown)
        axes.set_xlabel(unit)
        axes.set_ylabel("mean final gain")

    return svg(name, max(3.4, 1.0 + 0.235 * len(shown)), paint)


def _cost_scale(axes: Axes, costs: Sequence[float]) -> None:
    """Logarithmic, with a place for 0 if something costs nothing."""
    paid = [c for c in costs if c > 0]
    if not paid:
        axes.set_xlim(-1, 1)
        return
    low, high = min(paid), max(paid)
    if len(paid) == len(costs):
        axes.set_xscale("log")
        axes.set_xlim(low / 1.3, high * 1.3)
        marks = [m * 10.0**e for e in range(-3, 10) for m in (1, 2, 5)]
    else:
        axes.set_xscale("symlog", linthresh=low / 1.5, linscale=0.4)
        axes.set_xlim(-0.12 * low, high * 1.5)
        marks = [0.0, *(10.0**e for e in range(-3, 13) if 10.0**e > low / 2)]
    left, right = axes.get_xlim()
    shown = [m for m in marks if left <= m <= right]
    axes.set_xticks(shown, [f"{m:,g}" for m in shown])
    axes.minorticks_off()


def _leaders(axes: Axes, shown: Sequence[Point]) -> None:
    """Names at the right edge, evenly spaced in the order of gains, so that none overlaps."""
    count = len(shown)
    for i, p in enumerate(shown):
        height = 1 - (i + 0.5) / count
        weight = "bold" if p.front else "normal"
        axes.annotate(
            p.label, (p.cost, p.gain), xytext=(1.03, height), textcoords="axes fraction",
            fontsize=8, fontweight=weight, va="center", color=INK, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "relpos": (0, 0.5), "color": p.colour, "alpha": 0.45,
                        "linewidth": 0.7, "shrinkA": 2, "shrinkB": 3},
        )  # fmt: skip


def forest(name: str, deciding: Sequence[Contrast], other: Sequence[Contrast], m: float) -> str:
    """Each contrast with its interval; less than `m`, between the dotted lines, matters to nobody.
    Those that decide come first and are marked."""
    rows = [*deciding, *other]

    def paint(axes: Axes) -> None:
        axes.axvspan(-m, m, color=GREY, alpha=0.1, linewidth=0)
        axes.axvline(0, color=INK, linewidth=0.9)
        for edge in (-m, m):
            axes.axvline(edge, color=GREY, linewidth=0.9, linestyle=":")
        for y, row in enumerate(rows):
            _whisker(axes, y, row.told, main=y < len(deciding))
        axes.set_yticks(range(len(rows)), [fill(one_line(plain(r.name), 120), 50) for r in rows])
        for tick in axes.get_yticklabels()[: len(deciding)]:
            tick.set_fontweight("bold")
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("difference of final gains (right of 0: the first side is better)")

    return svg(name, 0.9 + 0.36 * len(rows), paint)


def _whisker(axes: Axes, y: int, told: Comparison, *, main: bool) -> None:
    colour = "#d55e00" if main else "#0072b2"
    axes.plot(told.interval, [y, y], color=colour, linewidth=2.2 if main else 1.5)
    axes.plot(told.mean, y, "D" if main else "o", color=colour, markersize=6)
    where = axes.get_yaxis_transform()
    axes.text(1.02, y, amount(told.mean), transform=where, va="center", fontsize=8)
