"""The figures of a study, as SVG: curves of the best so far and the map of the two models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metaloop.report.figure import PAPER, svg
from metaloop.study.groups import Group
from metaloop.study.report.labels import COLOURS, DASHES, GREY, OUTER, Names, arm_name, plain
from metaloop.study.statistics import Interval, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh
    from matplotlib.lines import Line2D

    from metaloop.study.statistics import Floats

STEPS = 48
"""A band is computed at no more than so many trials."""
LIGHT, DARK = "#ffffff", "#000000"
SHADES = 40
"""Of the map; with 50 or more its scale would be an image and no drawing."""


def curves(name: str, found: Sequence[Group], names: Names, *, together: bool = False) -> str:
    """Best so far of one task, the mean of each group with its 95 % interval: a panel for each
    inner model and one for the arms without a model, or all `together` in one."""
    parts = [("", list(found))] if together else _by_inner(found, names)
    across = len(parts) if len(parts) <= 3 else 2
    rows = -(-len(parts) // across)

    def paint(axes: Axes) -> None:
        figure = axes.get_figure()
        assert figure is not None  # noqa: S101  # it was made a moment ago
        axes.remove()
        panels = figure.subplots(rows, across, sharey=True, squeeze=False).ravel()
        legend: dict[str, Line2D] = {}
        for panel, (title, members) in zip(panels, parts, strict=False):
            panel.set_title(title, fontsize=9, loc="left")
            panel.set_xlabel("trial")
            for group in members:
                label = plain(names.cell(group)) if together else _legend(group, names)
                legend.setdefault(label, _curve(panel, group, names))
        for panel in panels[len(parts) :]:
            panel.set_axis_off()
        for panel in panels[::across]:
            panel.set_ylabel("gain of the best so far")
        columns = max(1, min(4, 130 // (max(map(len, legend)) + 11)))
        figure.legend(
            legend.values(), legend.keys(), loc="outside upper left", ncols=columns, fontsize=8,
            handlelength=2.6, borderaxespad=0,
        )  # fmt: skip

    return svg(name, (4.0 if together else 0.6 + 2.9 * rows), paint)


def _by_inner(found: Sequence[Group], names: Names) -> list[tuple[str, list[Group]]]:
    """Titles and members of the panels: by inner model, last those without."""
    parts: dict[str | None, list[Group]] = {}
    for group in sorted(found, key=lambda g: (g.inner is None, names.place(g.inner))):
        parts.setdefault(group.inner, []).append(group)
    return [
        (f"inner loop: {plain(names.model(model))}" if model else "no model", members)
        for model, members in parts.items()
    ]


def _curve(axes: Axes, group: Group, names: Names) -> Line2D:
    data = matrix(group)
    colour = COLOURS.get(group.arm, GREY)
    if group.outer:
        colour = OUTER[names.place(group.outer) % len(OUTER)]
    data = np.column_stack([data, data[:, -1]])  # the last trial is as wide as the others
    where = np.arange(data.shape[1])
    dash = DASHES.get(group.arm, "-")
    width = 1.9 if group.arm == "C" else 1.3
    if len(data) > 1:
        xs, low, high = band(data)
        alpha = 0.17 if group.arm == "C" else 0.1
        axes.fill_between(xs, low, high, step="post", color=colour, alpha=alpha, linewidth=0)
    return axes.step(
        where, data.mean(axis=0), where="post", color=colour, linestyle=dash, linewidth=width
    )[0]


def matrix(group: Group) -> Floats:
    """Curves of a group, a row for each seed; one that is shorter stays at its last value."""
    length = max(len(r.curve) for r in group.results)
    rows = [r.curve + [r.curve[-1]] * (length - len(r.curve)) for r in group.results]
    return np.array(rows, dtype=np.float64)


def band(data: Floats) -> tuple[list[int], list[float], list[float]]:
    """95 % interval of the mean over the rows, at some of the columns."""
    last = data.shape[1] - 1
    xs = sorted({round(x) for x in np.linspace(0, last, min(last + 1, STEPS))})
    found: list[Interval] = []
    for i, x in enumerate(xs):
        same = i and np.array_equal(data[:, x], data[:, xs[i - 1]])
        found.append(found[-1] if same else interval(data[:, x].tolist()))
    return xs, [f.low for f in found], [f.high for f in found]


def _legend(group: Group, names: Names) -> str:
    if group.outer is None:
        return plain(arm_name(group.arm))
    return plain(f"{arm_name(group.arm)}, outer loop: {names.model(group.outer)}")


def heat(
    name: str, outer: Sequence[str], inner: Sequence[str], found: Sequence[Group], names: Names
) -> str:
    """Mean final gain for each pair of models; `found` are the groups of one arm of one task."""
    by_pair = {(g.outer, g.inner): [r.gain for r in g.results] for g in found}
    means = np.array([[_mean(by_pair.get((o, i), [])) for i in inner] for o in outer])

    def paint(axes: Axes) -> None:
        figure = axes.get_figure()
        assert figure is not None  # noqa: S101
        shades = _shade(axes, means)
        middle = float(np.nanmin(means) + np.nanmax(means)) / 2
        for y, o in enumerate(outer):
            for x, i in enumerate(inner):
                ink = GREY if np.isnan(means[y, x]) else LIGHT if means[y, x] < middle else DARK
                told = _told(by_pair.get((o, i), []))
                axes.text(x + 0.5, y + 0.5, told, ha="center", va="center", color=ink)
        axes.set_xticks(np.arange(len(inner)) + 0.5, [plain(names.model(m)) for m in inner])
        axes.set_yticks(np.arange(len(outer)) + 0.5, [plain(names.model(m)) for m in outer])
        axes.set_xlabel("model of the inner loop")
        axes.set_ylabel("model of the outer loop")
        axes.invert_yaxis()
        axes.grid(visible=False)
        axes.tick_params(length=0)
        figure.colorbar(shades, ax=axes, label="mean final gain", pad=0.02)

    return svg(name, 1.0 + 0.75 * len(outer), paint)


def _shade(axes: Axes, means: Floats) -> QuadMesh:
    """A tile for each mean, none where there is none."""
    from matplotlib import colormaps

    low, high = float(np.nanmin(means)), float(np.nanmax(means))
    pad = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return axes.pcolormesh(
        np.ma.masked_invalid(means), cmap=colormaps["cividis"].resampled(SHADES), vmin=low - pad,
        vmax=high + pad, edgecolors=PAPER, linewidth=2,
    )  # fmt: skip


def _mean(gains: Sequence[float]) -> float:
    return float(np.mean(gains)) if gains else float("nan")


def _told(gains: Sequence[float]) -> str:
    if not gains:
        return "no cell"
    low, high = interval(gains)
    extent = f"\n{low:.4g} to {high:.4g}" if len(gains) > 1 else ""
    return f"{_mean(gains):.4g}{extent}\nn = {len(gains)}"
