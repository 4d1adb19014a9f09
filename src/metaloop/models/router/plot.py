"""The accuracy-cost curve of an evaluation, as SVG."""

from __future__ import annotations

import io

from metaloop.models.router.evaluate import (
    NO_CLUSTER,
    ORACLE,
    RANDOM,
    ROUTER,
    SHUFFLED,
    SINGLE,
    Evaluation,
    Point,
)

_CURVES = {ROUTER: "#0b6e4f", SHUFFLED: "#c8553d", NO_CLUSTER: "#7a7f87"}
_MARKS = {SINGLE: "s", RANDOM: "x", ORACLE: "*"}


def draw_curve(evaluation: Evaluation) -> str:
    """Score over cost, with intervals; raises ValueError where no cost is known."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "metaloop", "svg.fonttype": "path", "font.size": 9}):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.add_subplot()
        for arm, colour in _CURVES.items():
            points = _priced(evaluation.curve(arm))
            if not points:
                raise ValueError("no cost is known, so there is no curve to draw")
            axes.errorbar(
                *_places(points), yerr=_errors(points),
                color=colour, marker="o", markersize=3.5, linewidth=1.4, elinewidth=0.7,
                label=arm, zorder=3 if arm == ROUTER else 2,
            )  # fmt: skip
        for i, point in enumerate(_priced(evaluation.curve(ROUTER))):
            axes.annotate(
                f"{point.alpha:g}", (point.share or 0.0, point.score or 0.0),
                xytext=(3, -9 if i % 2 else 5),
                textcoords="offset points", fontsize=6.5, color=_CURVES[ROUTER],
            )  # fmt: skip
        for arm, marker in _MARKS.items():
            points = _priced(evaluation.curve(arm))
            axes.errorbar(
                *_places(points), yerr=_errors(points),
                color="#1d1f23", marker=marker, linestyle="", markersize=7, elinewidth=0.7,
                label=arm,
            )  # fmt: skip
        axes.set_xlabel("cost, relative to the best single model")
        axes.set_ylabel("score on held-out queries")
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, ncols=2, fontsize=8, loc="lower right")
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def _priced(points: list[Point]) -> list[Point]:
    """Those that have a place on the curve."""
    return [p for p in points if None not in (p.share, p.score, p.score_interval)]


def _places(points: list[Point]) -> tuple[list[float], list[float]]:
    return [p.share or 0.0 for p in points], [p.score or 0.0 for p in points]


def _errors(points: list[Point]) -> list[list[float]]:
    """How far the intervals reach below and above the scores."""
    known = [(p.score or 0.0, p.score_interval or (0.0, 0.0)) for p in points]
    # Where a resample knows fewer splits than all rows do, a score may lie outside its interval.
    below = [max(0.0, score - low) for score, (low, _) in known]
    return [below, [max(0.0, high - score) for score, (_, high) in known]]
