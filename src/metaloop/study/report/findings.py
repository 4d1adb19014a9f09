"""Everything that the report of a study tells, computed once, by the rule fixed beforehand.

One contrast decides: mixed pairs of models against the mean of their two pure pairs, in the final
gain of arm C, or C against the arm that the design names. All else is secondary (corrected for one
another) or a description (not corrected).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from metaloop.study.contrasts import (
    Measure,
    asymmetry,
    difference,
    matched,
    measured,
    pooled,
    role,
)
from metaloop.study.design import Design, TaskPlan
from metaloop.study.groups import Group, Life, Summary, Violation, liveness, summary
from metaloop.study.report.labels import Names, arm_name, groups, rank
from metaloop.study.report.table import ordered
from metaloop.study.result import Result
from metaloop.study.statistics import Comparison, compare, family
from metaloop.study.store import Origin

SOURCES: dict[str, Measure] = {
    "the model, random steps and later measurements": "by_model",
    "built-in mechanisms": "by_builtin",
    "generated mechanisms": "by_generated",
}
"""Who may have earned a gain."""
DECIDES = "C"
"""The arm in which the models of the two loops are compared."""


@dataclass(frozen=True)
class Contrast:
    """A comparison and its two sides, in words for people."""

    first: str
    second: str
    told: Comparison
    """Above 0 where the first side is better."""

    @property
    def name(self) -> str:
        return f"{self.first} against {self.second}"


@dataclass(frozen=True)
class Contrasts:
    """The contrasts of one task on one measure."""

    deciding: list[Contrast]
    """Mixed pairs against pure ones, for every two models; none where an arm decides. Corrected
    for one another when all are there."""
    roles: list[Contrast]
    """The stronger model outside against the reverse, for every two models."""
    overall: list[Contrast]
    """The deciding arm, over all its models, against each other arm."""
    each: list[Contrast]
    """The same for each pair of models, of final gains alone; never corrected."""

    @property
    def secondary(self) -> list[Contrast]:
        """Corrected for one another."""
        return [*self.roles, *self.overall]


@dataclass(frozen=True)
class TaskFindings:
    """What one task tells."""

    name: str
    matters: float
    planned: int
    missing: list[tuple[str, int]]
    """Arm and models, and how many of their seeds are not there yet."""
    groups: list[Group]
    summaries: list[Summary]
    gain: Contrasts
    area: Contrasts
    sealed: Contrasts
    sources: dict[str, list[Contrast]]
    """The deciding contrasts in what each of SOURCES earned: they add up to that of the gain."""
    life: list[Life]
    """Of the arms in which mechanisms could be invented."""
    violations: list[Violation]
    at_random: list[tuple[str, int, int]]
    """Arm, in how many of its trials random steps stood in, and how many there are."""

    @property
    def done(self) -> int:
        return sum(len(g.results) for g in self.groups)

    @property
    def described(self) -> list[tuple[str, list[Contrast]]]:
        """What is not tested: the measure, and contrasts in it."""
        return [
            ("area", [*self.area.deciding, *self.area.secondary]),
            ("sealed gain", [*self.sealed.deciding, *self.sealed.secondary]),
            *((f"gain by {source}", contrasts) for source, contrasts in self.sources.items()),
            ("final gain", self.gain.each),
        ]


@dataclass(frozen=True)
class Findings:
    """What a study tells; `results` are in order."""

    design: Design
    results: list[Result]
    names: Names
    tasks: list[TaskFindings]
    origins: Sequence[Origin]
    """Of the cells; none where they are not known."""

    @property
    def decides(self) -> str | None:
        """The arm against which C answers the question, in a word; None: pairs of models do."""
        return arm_name(self.design.decides) if self.design.decides else None

    @property
    def bare(self) -> list[str]:
        """Arms that ask no model."""
        return list(dict.fromkeys(c.arm for c in self.design.cells() if c.inner is None))

    @property
    def planned(self) -> int:
        return sum(task.planned for task in self.tasks)

    @property
    def done(self) -> int:
        return sum(task.done for task in self.tasks)


def find(design: Design, results: Iterable[Result], origins: Sequence[Origin] = ()) -> Findings:
    """Compute everything; results that the design does not plan are left out."""
    planned = set(design.cells())
    own = [r for r in ordered(results) if r.cell in planned]
    names = Names(_roster(design))
    tasks = [_task(design, p, own, names) for p in design.tasks]
    return Findings(design, own, names, tasks, origins)


def contrasted(design: Design) -> list[tuple[str, str]]:
    """Every two models whose mixed and pure pairs decide: of which C has all four, by design."""
    if design.decides:
        return []
    pairs, two = _pairs(design), combinations(_roster(design), 2)
    return [(a, b) for a, b in two if {(a, b), (b, a), (a, a), (b, b)} <= pairs]


def questions(design: Design) -> tuple[int, int]:
    """How many contrasts of models decide on a task, and how many secondary ones are corrected
    for one another, once all cells are there."""
    pairs = _pairs(design)
    roles = sum({(a, b), (b, a)} <= pairs for a, b in combinations(_roster(design), 2))
    others = len({*design.arms} - {DECIDES}) if pairs else 0
    return len(contrasted(design)), roles + others


def _pairs(design: Design) -> set[tuple[str | None, str | None]]:
    """Outer and inner models of the arm that decides."""
    return {(cell.outer, cell.inner) for cell in design.cells() if cell.arm == DECIDES}


def _roster(design: Design) -> list[str]:
    """All models of a design, strongest first."""
    return list(dict.fromkeys((*design.inner, *design.outer)))


def _task(design: Design, plan: TaskPlan, results: Sequence[Result], names: Names) -> TaskFindings:
    own = [r for r in results if r.cell.task == plan.name]
    found = groups(own, names)
    planned = [cell for cell in design.cells() if cell.task == plan.name]
    there = {r.cell for r in own}
    missing = Counter(names.cell(cell) for cell in planned if cell not in there)
    lives = liveness(own)
    return TaskFindings(
        plan.name, plan.matters, len(planned), list(missing.items()), found,
        [summary(group) for group in found],
        _contrasts(design, plan, own, names, "gain"),
        _contrasts(design, plan, own, names, "area"),
        _contrasts(design, plan, own, names, "sealed"),
        {source: _deciding(design, plan, own, names, SOURCES[source]) for source in SOURCES},
        [row for row in lives.rows if row.invented or row.group.arm in ("C", "D")],
        lives.violations,
        at_random(found, names),
    )  # fmt: skip


def at_random(groups: Iterable[Group], names: Names) -> list[tuple[str, int, int]]:
    """Of arms that ask no model: those in which mechanisms had nothing new to propose, or were
    taken out of use, so that random steps were made in their place."""
    found = []
    for group in groups:
        if group.inner is None:
            own = sum(m.live for r in group.results for m in r.mechanisms)
            trials = sum(len(r.curve) - 1 for r in group.results)
            found += [(names.cell(group), trials - own, trials)] if own < trials else []
    return found


def _contrasts(
    design: Design, plan: TaskPlan, results: Sequence[Result], names: Names, measure: Measure
) -> Contrasts:
    arms = {arm: measured(results, plan.name, arm, measure) for arm in design.arms}
    own = arms.get(DECIDES, {})
    roles, overall, each = [], [], []
    for strong, weak in combinations(_roster(design), 2):
        over = f"{names.model(strong)} over {names.model(weak)}"
        roles += _told(over, "the reverse", role(own, strong, weak), plan)
    for control in sorted(arms.keys() - {DECIDES}, key=rank):
        second = arm_name(control)
        overall += _told(DECIDES, second, pooled(own, arms[control]), plan)
        for pair, values, others in matched(own, arms[control]) if measure == "gain" else []:
            first = f"{DECIDES} {names.pair(*pair)}"
            each += _told(first, second, difference(values, others), plan)
    corrected = _family([*roles, *overall])
    cut = len(roles)
    deciding = _deciding(design, plan, results, names, measure)
    return Contrasts(deciding, corrected[:cut], corrected[cut:], each)


def _deciding(
    design: Design, plan: TaskPlan, results: Sequence[Result], names: Names, measure: Measure
) -> list[Contrast]:
    own = measured(results, plan.name, DECIDES, measure)
    found = []
    for strong, weak in contrasted(design):
        mixed = f"mixed pairs of {names.model(strong)} and {names.model(weak)}"
        found += _told(mixed, "pure pairs", asymmetry(own, strong, weak), plan)
    whole = len(found) == len(contrasted(design))
    return _family(found) if whole else found  # else p would be corrected for too few


def _told(first: str, second: str, differences: list[float], plan: TaskPlan) -> list[Contrast]:
    """Nothing where no seed has both sides."""
    if not differences:
        return []
    return [Contrast(first, second, compare(differences, plan.matters))]


def _family(contrasts: Sequence[Contrast]) -> list[Contrast]:
    """With p values corrected for one another."""
    told = family([c.told for c in contrasts])
    return [replace(c, told=t) for c, t in zip(contrasts, told, strict=True)]
