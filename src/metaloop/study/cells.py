"""One cell: an ordinary run in the journal, and the row that is read from it."""

from __future__ import annotations

from typing import Any

from metaloop.bilevel import resume, run
from metaloop.journal.journal import Journal
from metaloop.journal.records import MechanismRecord, RunRecord
from metaloop.models.ledger import BudgetReached
from metaloop.models.recorder import CallStore
from metaloop.project import Project
from metaloop.report.remeasured import remeasured
from metaloop.report.status import Status, make_status
from metaloop.study.design import Design, content_of
from metaloop.study.result import Cell, Mechanism, Result
from metaloop.study.store import Store
from metaloop.task.winner import settle


class CellStopped(Exception):
    """The run of a cell did not come to its end; its state is saved, the message says why."""


def run_cell(
    design: Design,
    cell: Cell,
    project: Project,
    replay: CallStore | None = None,
    budget_usd: float | None = None,
) -> tuple[Result, dict[str, Any]]:
    """Run a cell, or go on with its run, and return its result and what made it: the machine, and
    the state of the repository.

    `budget_usd` is what may be spent on it from now on: BudgetReached when that is used up. Raises
    CellStopped where it did not come to its end for another reason, or where the task is not the
    one of the design any more, and whatever `run` raises.
    """
    plan, label = design.plan(cell.task), design.label(cell)
    if content_of(plan.task) != plan.content:
        raise CellStopped(f"{plan.task.directory} has changed since the study began: put it back")
    with project.journal() as journal:
        earlier = [
            record
            for record in journal.runs()
            if record.config.get("label") == label
            # In a journal that machines share, another one's run cannot be gone on with here.
            and (_whole(record) or project.folder(record.id).is_dir())
        ]
        spent = journal.ledger(earlier[-1].id).known_usd if earlier else 0.0
    if earlier and _whole(earlier[-1]):
        run_id = earlier[-1].id
    elif earlier:
        limit = {"budget_usd": None if budget_usd is None else spent + budget_usd}
        run_id = _ended(resume(earlier[-1].id, project=project, changes=limit, replay=replay)).run
    else:
        status = run(
            plan.task,
            design.settings(cell),
            budget_usd=budget_usd,
            project=project,
            # Else what a cell measures would depend on how many others are done.
            apart=Store(design).written(),
            label=label,
            replay=replay,
        )
        run_id = _ended(status).run
    folder = project.folder(run_id)
    with project.journal() as journal:
        record = journal.run(run_id)
        if folder.is_dir():
            settle(folder, record.config)
        made = record.machine | {"repository": record.config.get("tree")}
        return read_result(journal, run_id, cell), made


def spent_usd(design: Design, project: Project) -> float:
    """Dollars that this journal's runs of the study have cost. An answer counts for the run that
    paid for it: others have it for nothing.

    Calls of unknown price count nothing: a run with a budget ends at the first.
    """
    spent, known = 0.0, set[tuple[str, float]]()
    with project.journal() as journal:
        for record in journal.runs():
            own = (record.config.get("label") or "").startswith(f"{design.name}/")
            for call in journal.calls(record.id):
                if (answer := call.completion) is None:
                    continue
                paid = (call.key, answer.seconds)  # routers pay for equal calls anew
                if own and paid not in known:
                    spent += answer.usd or 0.0
                known.add(paid)
    return spent


def _whole(record: RunRecord | Status) -> bool:
    """Came to its end; one that a limit ended is done too, and has that for its reason."""
    return record.state == "done" and not record.reason


def _ended(status: Status) -> Status:
    if status.state != "done":
        raise CellStopped(f"{status.run} is {status.state}: {status.reason}")
    if status.reason:
        raise BudgetReached(status.reason)
    return status


def read_result(journal: Journal, run_id: str, cell: Cell) -> Result:
    """The row of a finished run.

    Its curve tells the best so far by all measurements of it, later ones too. So it ends in the
    final gain; where scores scatter, it falls at a best that was no better after all.
    """
    status, trials = make_status(journal, run_id), journal.trials(run_id)
    if status.baseline is None:
        raise ValueError(f"{run_id} measured no baseline")
    better = -1.0 if status.direction == "minimize" else 1.0
    again, curve, best = remeasured(journal, run_id), list[float](), status.baseline
    for trial in trials:
        if trial.status == "kept" and trial.score is not None:
            best = again.get(trial.number, trial.score)
        curve.append(better * (best - status.baseline))
    opened, sealed = status.holdout or {}, None
    if opened.get("split") == "sealed" and None not in (opened["best"], opened["baseline"]):
        sealed = better * (opened["best"] - opened["baseline"])
    used = status.roles.values()
    costs = [role["usd"] for role in used]
    earned = {m.id: m for m in status.mechanisms}
    return Result(
        cell=cell,
        baseline=status.baseline,
        direction=status.direction,
        curve=curve,
        sealed=sealed,
        calls=sum(role["calls"] for role in used),
        input_tokens=sum(role["input_tokens"] for role in used),
        output_tokens=sum(role["output_tokens"] for role in used),
        model_seconds=sum(role["seconds"] for role in used),
        trial_seconds=journal.trial_seconds(run_id),
        usd=None if None in costs else sum(costs),
        mechanisms=[
            Mechanism(
                m.id,
                m.name,
                m.origin,
                m.state,
                _proven(m),
                earned[m.id].trials,
                earned[m.id].live,
                earned[m.id].gain,
            )
            for m in journal.mechanisms(run_id)
        ],
    )


def _proven(mechanism: MechanismRecord) -> bool:
    """Only what passed its contract tests is screened; built-in ones need neither."""
    return not mechanism.invented or mechanism.screening is not None
