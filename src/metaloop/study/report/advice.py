"""What to use on a task: one sentence that follows from paired differences by a rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from metaloop.study.contrasts import measured, pooled
from metaloop.study.design import Design
from metaloop.study.report.findings import DECIDES
from metaloop.study.report.labels import arm_name, rank
from metaloop.study.report.numbers import amount, between, p_is
from metaloop.study.report.words import verdict
from metaloop.study.result import Result
from metaloop.study.statistics import Comparison, Interval, compare, family, fewest
from metaloop.text import dollars, joined

SAME = 0.1
"""Share of the bilevel loop's gain below which a lead of it is none."""


@dataclass(frozen=True)
class Duel:
    """The bilevel loop against another arm: paired differences of final gain, above 0 where the
    bilevel loop is better."""

    arm: str
    free: bool
    """The other arm asks no model."""
    told: Comparison
    """Corrected for all duels."""

    @property
    def verdict(self) -> int:
        """1 if the bilevel loop is seen to be better, -1 if worse, 0 if no difference is seen."""
        return verdict(self.told)

    def evidence(self, sign: int = 1) -> str:
        """As it stands between brackets; seen from the other arm where `sign` is -1."""
        low, high = self.told.interval
        seen = Interval(low, high) if sign > 0 else Interval(-high, -low)
        return f"95 % interval {between(seen)}, {p_is(self.told)}, n = {self.told.n}"


def duels(results: Sequence[Result]) -> list[Duel]:
    """The bilevel loop against each other arm that shares a seed with it; all of one task."""
    matters = 1.0  # no power is stated
    task = results[0].cell.task
    arms: dict[str, list[Result]] = {}
    for result in results:
        arms.setdefault(result.cell.arm, []).append(result)
    own = measured(results, task, DECIDES)
    found = [
        (arm, all(r.cell.inner is None for r in arms[arm]), differences)
        for arm in sorted(arms.keys() - {DECIDES}, key=lambda a: (rank(a), a))
        if (differences := pooled(own, measured(results, task, arm)))
    ]
    told = family([compare(differences, matters) for _, _, differences in found])
    return [Duel(arm, free, c) for (arm, free, _), c in zip(found, told, strict=True)]


def missing(design: Design, results: Sequence[Result]) -> Counter[str]:
    """How many runs of each arm are not there yet. While any is missing, arms may lack different
    seeds, and p values are corrected for fewer questions than are asked."""
    there = {result.cell for result in results}
    return Counter(cell.arm for cell in design.cells() if cell not in there)


def recommendation(design: Design, results: Sequence[Result]) -> str:
    """What to use on the task of `design`: a cheaper arm as soon as the bilevel loop is not seen
    to beat it: the best of those seen to be better, else one without a model, else any."""
    if lacks := missing(design, results):
        listed = joined([f"{called(arm)} ({count})" for arm, count in lacks.items()])
        return (
            f"No recommendation before all runs are there: {lacks.total()} of "
            f"{len(design.cells())} are missing, of {listed}."
        )
    found = duels(results)
    if len(design.seeds) < fewest(len(found)):
        return _undecided(found, results)
    if all(r.gain <= 0 for r in results):
        return f"None is worth its time here: no arm found any gain in {design.trials} trials."
    rivals = [d for d in found if d.verdict <= 0]
    if rivals:
        better, free = [d for d in rivals if d.verdict < 0], [d for d in rivals if d.free]
        return _instead(min(better or free or rivals, key=lambda d: d.told.mean), results)
    closest = min(found, key=lambda d: d.told.mean)
    return (
        "Use the bilevel loop: it ended better than every other arm, by "
        f"{closest.told.mean:.3g} than the closest, {called(closest.arm)} "
        f"({closest.evidence()}), for {_cost(results, DECIDES)}."
    )


def called(arm: str) -> str:
    """An arm in words for somebody who has read none of this."""
    words = {DECIDES: "the bilevel loop", "A": "the inner loop alone", "random": "random search"}
    return words.get(arm, arm_name(arm))


def _undecided(found: Sequence[Duel], results: Sequence[Result]) -> str:
    means = {arm: _gain(results, arm) for arm in (DECIDES, *(d.arm for d in found))}
    lead = max(means, key=means.__getitem__)
    best = f"{called(lead)} leads with a mean gain of {means[lead]:.3g}"
    return (
        f"Too few seeds to tell these arms apart ({found[0].told.n}, at least "
        f"{fewest(len(found))} are needed): so far "
        f"{best if means[lead] > 0 else 'no arm found any gain'}."
    )


def _instead(rival: Duel, results: Sequence[Result]) -> str:
    """Advice for an arm that the bilevel loop was not seen to beat."""
    name = called(rival.arm)
    cost = "asks no model" if rival.free else f"takes {_cost(results, rival.arm)}"
    if rival.verdict < 0:
        return (
            f"Use {name}: it ended {-rival.told.mean:.3g} better than the bilevel loop "
            f"({rival.evidence(-1)}), and {cost}."
        )
    if rival.told.interval.high <= SAME * _gain(results, DECIDES):
        alone = name if name.endswith(" alone") else f"{name} alone"
        price = "nothing" if rival.free else _cost(results, rival.arm)
        return (
            f"{alone[0].upper()}{alone[1:]} reaches the same for {price}: the bilevel loop "
            f"differed by {amount(rival.told.mean)} ({rival.evidence()})."
        )
    return (
        f"Start with {name}: it {cost}, and the bilevel loop was not seen to beat it "
        f"({amount(rival.told.mean)}; {rival.evidence()}), which more seeds may change."
    )


def _gain(results: Sequence[Result], arm: str) -> float:
    return fmean(r.gain for r in results if r.cell.arm == arm)


def _cost(results: Sequence[Result], arm: str) -> str:
    own = [r for r in results if r.cell.arm == arm]
    known = [r.usd for r in own if r.usd is not None]
    price = dollars(fmean(known)) if len(known) == len(own) else "an unknown price"
    return f"{fmean(r.tokens for r in own):,.0f} tokens and {price} a run"
