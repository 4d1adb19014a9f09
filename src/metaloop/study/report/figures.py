"""Which figures a study's report has, and what stands below them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from metaloop.study.groups import Group
from metaloop.study.report.findings import DECIDES, Findings, TaskFindings
from metaloop.study.report.labels import Names
from metaloop.study.report.plots import curves, heat
from metaloop.study.report.trade import forest, pareto, points
from metaloop.study.result import Result

CAPTIONS = {
    "contrasts": "Difference of final gains with its 95 % interval. Bold, with a diamond: what "
    "decides. Between the dotted lines: less than is worth having.",
    "curves": "Mean gain of the best so far over the seeds; bands: 95 % intervals.",
    "heat": "Mean final gain of arm C with its 95 % interval, by the models of its two loops.",
    "seconds": "Mean final gain and mean time of a run, models and trials; bars: 95 % intervals. "
    "The line joins what nothing else beats in both; bold are the names on it.",
    "tokens": "The same by tokens, read and written.",
}
"""By kind of figure."""


@dataclass(frozen=True)
class Figure:
    """A figure as SVG, its kind, and the name of its file."""

    kind: str
    file: str
    svg: str


_COSTS: Mapping[str, tuple[str, Callable[[Result], float]]] = {
    "seconds": ("mean seconds of models and trials per run", lambda r: r.seconds),
    "tokens": ("mean tokens per run", lambda r: float(r.tokens)),
}


def draw(findings: Findings) -> list[list[Figure]]:
    """The figures of each task; none of those that would be empty."""
    return [_of(findings, i, task) for i, task in enumerate(findings.tasks, 1)]


def _of(findings: Findings, place: int, task: TaskFindings) -> list[Figure]:
    """A file is named after the place of its task, which is no foreign text."""
    drawn: dict[str, str] = {}
    end = f"-{place}" if len(findings.tasks) > 1 else ""
    contrasts = task.gain
    bold = [c for c in contrasts.overall if c.second == findings.decides] or contrasts.deciding
    rest = [c for c in contrasts.secondary if c not in bold]
    if bold or rest:
        drawn["contrasts"] = forest(f"contrasts{end}", bold, rest, task.matters)
    if task.groups:
        drawn["curves"] = curves(f"curves{end}", task.groups, findings.names)
    ours = [g for g in task.groups if g.arm == DECIDES]
    if ours:
        design = findings.design
        drawn["heat"] = heat(f"heat{end}", design.outer, design.inner, ours, findings.names)
    drawn |= trade(end, task.groups, findings.names)
    return [Figure(kind, f"{kind}{end}.svg", svg) for kind, svg in drawn.items()]


def trade(end: str, found: Sequence[Group], names: Names) -> dict[str, str]:
    """Gain against each kind of cost, where anything was spent."""
    drawn = {}
    for kind, (unit, cost) in _COSTS.items():
        shown = points(found, names, cost)
        if any(p.cost for p in shown):
            drawn[kind] = pareto(f"{kind}{end}", unit, shown)
    return drawn
