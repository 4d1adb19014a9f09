"""The look of every figure: SVG that is the same in every repetition, and its colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, PAPER, MUTED = "#1b1f25", "#fffffe", "#878d97"
"""Text, background, and what stands back; `inline` turns the first two into the page's own."""
MODEL, COOL, WARM = "#4c78a8", ("#54a24b", "#72b7b2", "#b279a2", "#9d755d"), (
    "#e45756", "#f58518", "#d6a419", "#ff6fa5",
)  # fmt: skip
"""Colours of the model, of built-in mechanisms and of generated ones."""


def svg(name: str, height: float, paint: Callable[[Axes], None]) -> str:
    """A figure as SVG that is the same in every repetition."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": f"metaloop-{name}",
            "text.parse_math": False,
            "font.size": 9,
            "axes.edgecolor": MUTED,
            "axes.labelcolor": INK,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.alpha": 0.18,
            "grid.color": MUTED,
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "legend.frameon": False,
            "axes.facecolor": "none",
            "figure.facecolor": PAPER,
        }
    ):
        figure = Figure(figsize=(8.4, height), layout="constrained")
        axes = figure.add_subplot()
        paint(axes)
        if axes.get_legend_handles_labels()[0]:
            figure.legend(loc="outside upper left", ncols=4, fontsize=8, borderaxespad=0)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()) + "\n"


def inline(svg: str) -> str:
    """For use within a page, in its text colour and on its background."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return svg.replace(INK, "currentColor").replace(PAPER, "none")
