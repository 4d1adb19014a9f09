"""Asks a program what becomes of its output when its weights are perturbed, for `structure`.

Three processes, none of which trusts the others: ours puts noise on the weights, the program, where
candidates run, turns them into output, the task's judge says how far that is from what it was.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from metaloop.execution.job import MB, Job, Outcome
from metaloop.guard.base import Probed
from metaloop.guard.structure import DRAWS, SCALES, ProbeError, read
from metaloop.inner.evaluate import Evaluator, copy_artefacts, last_line
from metaloop.task.mirror import remove
from metaloop.task.patch import Files
from metaloop.task.spec import Probe

NOISE = Path(__file__).parents[1] / "probe" / "noise.py"


async def probe(evaluator: Evaluator, table: Probe, files: Files, artefacts: Path | None) -> Probed:
    """What the weights in `artefacts`, which a run of `files` left, show under noise.

    Raises:
        ProbeError: one of the three processes failed; names which, and what it said.
    """
    if artefacts is None:
        raise ProbeError("the run left nothing that could be probed")
    place = Path(tempfile.mkdtemp(prefix="probe-", dir=evaluator.pristine.root.parent))
    try:
        return await _probe(evaluator, table, files, artefacts, place)
    except OSError as error:  # e.g. the disk is full, or the candidate left something strange
        raise ProbeError(f"could not be probed: {error}") from None
    finally:
        remove(place)


async def _probe(
    evaluator: Evaluator, table: Probe, files: Files, artefacts: Path, place: Path
) -> Probed:
    perturbed, judged = place / "noise", place / "out"
    _lay_out(place, perturbed, judged)
    made = await evaluator.sandbox.run(_noise(evaluator, perturbed, artefacts))
    _expect(made, "its weights")
    copy_artefacts(artefacts, judged, evaluator.task.spec.run.disk_mb * MB)
    remove(judged / "probe")  # of the run's own making
    (judged / "probe").mkdir()
    ran = await evaluator.rerun(files, table.command, perturbed / "probe", judged / "probe")
    _expect(ran, "the program, run by the probe's command")
    printed = await evaluator.run_judge(judged, table.judge)
    _expect(printed, "the probe's judge")
    return read(printed.stdout, table.damage)


def _lay_out(place: Path, *directories: Path) -> None:
    """Directories for processes that may run as somebody else."""
    place.chmod(0o755)
    for directory in directories:
        directory.mkdir()


def _noise(evaluator: Evaluator, workspace: Path, artefacts: Path) -> Job:
    run = evaluator.task.spec.run
    numbers = (str(number) for number in (DRAWS, run.disk_mb, *SCALES))
    return Job(
        command=("python", "-I", str(NOISE), *numbers),
        workspace=workspace,
        out=artefacts,
        timeout_s=run.timeout_s,
        memory_mb=run.memory_mb,
        disk_mb=run.disk_mb,
    )


def _expect(outcome: Outcome, what: str) -> None:
    if outcome.ok:
        return
    said = last_line(outcome.stderr) if outcome.ending == "exited" else ""
    raise ProbeError(f"{what}: {said or outcome.ending.replace('_', ' ')}")
