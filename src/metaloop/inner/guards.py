"""The guards of a task, how they have programs run, and what they found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from metaloop.guard.base import Guard, Probed, Promotion, Scored, Shown, Verdict
from metaloop.guard.holdout import Holdout
from metaloop.guard.locked import Locked
from metaloop.guard.perturbation import Perturbations
from metaloop.guard.repeat import Repeat
from metaloop.guard.structure import Structure
from metaloop.guard.tripwires import Tripwires
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.inner.probing import probe
from metaloop.task.patch import Files
from metaloop.task.spec import Perturbation, Task


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
            "queries": self.promotion.queries,
            "runs": self.promotion.runs,
        }


def guards_for(
    task: Task,
    evaluator: Evaluator,
    check_budget: Callable[[], None],
    note_query: Callable[[Files], None],
) -> list[Guard]:
    """The guards of a task, the cheap ones first. Each further run checks the budget before; of
    each query of the holdout `note_query` is told before."""
    spec, pristine = task.spec, replace(task, directory=evaluator.pristine.task_dir)

    async def clock(files: Files) -> float:
        check_budget()
        return (await evaluator.measure(files, fresh=True)).seconds

    async def again(files: Files) -> float | None:
        check_budget()
        return loss(task, await evaluator.measure(files))

    guards: list[Guard] = [
        Locked("" if task.self_scored else evaluator.fingerprint),
        Tripwires(pristine, spec.guard.bound, clock),
        Repeat(again),
    ]
    if spec.holdout is not None:
        command = spec.holdout.command

        async def query(promotion: Promotion) -> Scored | None:
            note_query(promotion.files)
            held = await evaluator.rejudge(promotion.artefacts, command)
            return None if held.score is None else score(task, held)

        guards.append(Holdout(query, spec.guard.holdout_queries))
    if spec.perturbation:

        async def vary(files: Files, variant: Perturbation) -> float | None:
            check_budget()
            return loss(task, await evaluator.measure(files, variant.command))

        guards.append(Perturbations(spec.perturbation, vary))
    if (table := spec.probe) is not None:

        async def ask(promotion: Promotion) -> Probed:
            check_budget()
            return await probe(evaluator, table, promotion.files, promotion.artefacts)

        guards.append(Structure(ask))
    return guards


def show(task: Task, measured: Measurement) -> Shown:
    """What a first measurement shows."""
    return Shown(score(task, measured), measured.seconds, measured.prints, measured.canaries)


def score(task: Task, measured: Measurement) -> Scored:
    """A measurement that has a score, turned so that lower is better."""
    return Scored(task.loss(measured.score or 0.0), [task.loss(x) for x in measured.blocks])


def loss(task: Task, measured: Measurement) -> float | None:
    """The score of a measurement, turned so that lower is better; None where it has none."""
    return None if measured.score is None else task.loss(measured.score)
