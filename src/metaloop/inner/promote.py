"""Before a candidate becomes the best: the guards of the task, asked whether its gain is real."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import TYPE_CHECKING, Any

from metaloop.guard.base import Guard, Measure, Probed, Promotion, Scored, Shown, Verdict
from metaloop.guard.holdout import Holdout
from metaloop.guard.locked import Locked
from metaloop.guard.perturbation import NoScore, Perturbations
from metaloop.guard.repeat import Repeat
from metaloop.guard.structure import Structure
from metaloop.guard.tripwires import Tripwires
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.inner.probing import probe
from metaloop.task.patch import Files
from metaloop.task.spec import Perturbation, Task

if TYPE_CHECKING:
    from metaloop.inner.search import Search


FIRST, PER_TRIAL = 3, 0.4
"""Repeats that guards may have made by a trial: this many, and so many per trial. Then a noisy task
with many candidates that seem a little better still has two of three runs for its search."""


@dataclass(frozen=True)
class Checked:
    """A promotion, and what the guards found."""

    promotion: Promotion
    verdicts: list[Verdict]

    @property
    def last(self) -> Verdict:
        """The verdict that decides: all before it are "passed"."""
        return self.verdicts[-1]

    def to_dict(self, best_losses: int) -> dict[str, Any]:
        """For the journal; of the best's losses only those after its first `best_losses`."""
        return {
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
            "losses": self.promotion.losses,
            "best_losses": self.promotion.best_losses[best_losses:],
            "shown": asdict(self.promotion.shown),
            "best_varied": self.promotion.best_shown.varied,
            "queries": self.promotion.queries,
            "runs": self.promotion.runs,
        }


async def promote(search: Search, files: Files, measured: Measurement) -> Checked:
    """Ask every guard about a measured candidate that seems better than the best."""
    if measured.artefacts is not None:
        return await _promote(search, files, measured)
    # The measurement is another run's, and guards look at what a run left.
    left = await search.evaluator.measure(files, keep=True, fresh=True)
    try:
        return await _promote(
            search, files, replace(measured, artefacts=left.artefacts, seconds=left.seconds)
        )
    finally:
        search.evaluator.forget(left)


async def _promote(search: Search, files: Files, measured: Measurement) -> Checked:
    shown = show(search.task, measured)
    promotion = Promotion(
        files=files,
        best_files=search.files(search.best),
        losses=[shown.search.loss],
        best_losses=list(search.best_losses),
        noise=search.noise,
        shown=shown,
        best_shown=search.shown[search.best],
        baseline_shown=search.shown[0],
        artefacts=measured.artefacts,
        usual_seconds=median(other.seconds for other in search.shown.values()),
        queries=search.queries,
        spare=max(0, int(FIRST + PER_TRIAL * len(search.trials)) - search.guard_runs),
    )
    return Checked(promotion, await check(search.guards, promotion))


async def check(guards: Sequence[Guard], promotion: Promotion) -> list[Verdict]:
    """The verdicts of the guards, up to the first that the candidate does not pass."""
    verdicts: list[Verdict] = []
    for guard in guards:
        verdicts.append(await guard.check(promotion))
        if verdicts[-1].ending != "passed":
            break
    return verdicts


def guards_for(task: Task, evaluator: Evaluator, check_budget: Callable[[], None]) -> list[Guard]:
    """The guards of a task, the cheap ones first. Each further run checks the budget before."""
    spec, pristine = task.spec, replace(task, directory=evaluator.pristine.task_dir)

    async def clock(files: Files) -> float:
        check_budget()
        return (await evaluator.measure(files, fresh=True)).seconds

    guards: list[Guard] = [
        Locked("" if task.self_scored else evaluator.fingerprint),
        Tripwires(pristine, spec.guard.bound, clock),
        Repeat(measure_with(task, evaluator, check_budget)),
    ]
    if spec.holdout is not None:
        command = spec.holdout.command

        async def query(promotion: Promotion) -> Scored | None:
            held = await evaluator.rejudge(promotion.artefacts, command)
            return None if held.score is None else score(task, held)

        guards.append(Holdout(query, spec.guard.holdout_queries))
    if spec.perturbation:

        async def vary(files: Files, variant: Perturbation) -> float:
            check_budget()
            varied = await evaluator.measure(files, variant.command)
            if varied.score is None:
                raise NoScore
            return task.loss(varied.score)

        guards.append(Perturbations(spec.perturbation, vary))
    if (table := spec.probe) is not None:

        async def ask(promotion: Promotion) -> Probed:
            check_budget()
            return await probe(evaluator, table, promotion.files, promotion.artefacts)

        guards.append(Structure(ask))
    return guards


def measure_with(task: Task, evaluator: Evaluator, check_budget: Callable[[], None]) -> Measure:
    """One more run of a program, as guards ask for it; raises BudgetReached before it."""

    async def measure(files: Files) -> float | None:
        check_budget()
        again = await evaluator.measure(files)
        return None if again.score is None else task.loss(again.score)

    return measure


def show(task: Task, measured: Measurement) -> Shown:
    """What a first measurement shows."""
    return Shown(score(task, measured), measured.seconds, measured.prints, measured.canaries)


def score(task: Task, measured: Measurement) -> Scored:
    """A measurement that has a score, turned so that lower is better."""
    return Scored(task.loss(measured.score or 0.0), [task.loss(x) for x in measured.blocks])
