"""Trial 0: what candidates will be compared with, the score and hidden data, variants, the probe.

It is measured of the program as it stands, so that a command that does not work is an error at
once, and not a night in which no gain is confirmed.
"""

from __future__ import annotations

from dataclasses import asdict
from statistics import mean

from metaloop.guard.base import Shown
from metaloop.guard.canary import records_reads
from metaloop.guard.structure import ProbeError
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.inner.guards import score, show
from metaloop.inner.probing import probe
from metaloop.inner.search import Search
from metaloop.journal.records import Details, TrialRecord
from metaloop.task.patch import Files, content_hash
from metaloop.task.spec import FILE, Task, TaskError

NOISY_BASELINE = 8
"""Measurements of a baseline that scatters: every later decision leans on what they tell."""


async def measure_baseline(search: Search) -> None:
    """The program as it stands, measured several times to learn the noise.

    Raises TaskError where it does not run, or as `show_baseline` does.
    """
    task, evaluator = search.task, search.evaluator
    files, runs = search.files(0), list[Measurement]()
    while len(runs) < search.settings.baseline_runs or (
        len(runs) < NOISY_BASELINE and len({run.score for run in runs}) > 1
    ):
        first = not runs
        measured = await evaluator.measure(files, keep=first, fresh=first)
        if measured.score is None:
            others = evaluator.workspace.other_tasks
            hidden = f" It cannot see other tasks: {', '.join(others)}." if others else ""
            raise TaskError(
                f"{task.spec.name} does not run as it stands ({measured.reason}); "
                f"mend that first.{hidden} Its output ended:\n{measured.tail}"
            )
        runs.append(measured)
    scores = [run.score for run in runs if run.score is not None]
    details = Details(
        scores=scores, seconds=mean(run.seconds for run in runs), commit=search.best_commit
    )
    shown = await show_baseline(task, evaluator, files, runs[0])
    evaluator.forget(runs[0])
    trial = TrialRecord(
        0, "kept", "baseline", "baseline", None, task.params_of(files), mean(scores), 0.0,
        "nothing", content_hash(files), accepted=True, details=details,
    )  # fmt: skip
    search.add(trial, {"shown": asdict(shown), "queries": int(shown.holdout is not None)})


async def show_baseline(
    task: Task, evaluator: Evaluator, files: Files, first: Measurement
) -> Shown:
    """All that guards will ask of the baseline; `first` is a measurement whose data is kept.

    Raises TaskError, with the table and the mend, for a command that gives no score, and where no
    read of a canary would be seen.
    """
    spec, shown = task.spec, show(task, first)
    place = evaluator.pristine.root.parent
    if spec.guard.canary and not records_reads(place):
        raise TaskError(
            f"{task.directory / FILE}: [guard] canary: no read would be seen, for the file system "
            f"of {place} does not record them (noatime); run metaloop in a directory on another, "
            "mount it with relatime, or remove the key"
        )
    if spec.holdout is not None:
        held = await evaluator.rejudge(first.artefacts, spec.holdout.command)
        if held.score is None:
            raise _broken(task, "[holdout]", held)
        shown.holdout = score(task, held)
    for variant in spec.perturbation:
        varied = await evaluator.measure(files, variant.command)
        if varied.score is None:
            raise _broken(task, f"[[perturbation]] {variant.name!r}:", varied)
        shown.varied[variant.name] = task.loss(varied.score)
    if spec.probe is not None:
        try:
            shown.probed = await probe(evaluator, spec.probe, files, first.artefacts)
        except ProbeError as error:
            raise TaskError(
                f"{task.directory / FILE}: [probe]: the program as it stands cannot be probed "
                f"({error}); mend that first, or remove the table"
            ) from None
    return shown


def _broken(task: Task, table: str, measured: Measurement) -> TaskError:
    return TaskError(
        f"{task.directory / FILE}: {table} command: it gives the program as it stands no score "
        f"({measured.reason}); mend that first, or remove the table. Its output ended:\n"
        f"{measured.tail}"
    )
