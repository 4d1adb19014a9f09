"""What candidates will be compared with beside the score: hidden data, variants, the probe.

It is measured of the program as it stands, so that a command that does not work is an error at
once, and not a night in which no gain is confirmed.
"""

from __future__ import annotations

from metaloop.guard.base import Shown
from metaloop.guard.canary import records_reads
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.inner.guards import score, show
from metaloop.inner.probing import probe_baseline
from metaloop.task.patch import Files
from metaloop.task.spec import FILE, Task, TaskError


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
        shown.probed = await probe_baseline(evaluator, spec.probe, files, first.artefacts)
    return shown


def _broken(task: Task, table: str, measured: Measurement) -> TaskError:
    return TaskError(
        f"{task.directory / FILE}: {table} command: it gives the program as it stands no score "
        f"({measured.reason}); mend that first, or remove the table. Its output ended:\n"
        f"{measured.tail}"
    )
