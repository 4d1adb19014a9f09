"""The trace in words, for prompts: what was changed in each trial and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metaloop.journal.records import TrialRecord
from metaloop.task.spec import Task


def line(task: Task, trial: TrialRecord, reason: str = "") -> str:
    """One trial, e.g. `#7 ORDER 3 -> 5: val_bpb 2.7132, better by 0.04, kept`, or
    `#8 train.py: fit(): crashed (NameError), no score`."""
    head = f"#{trial.number} {trial.changed}"
    if trial.score is None:
        return (
            f"{head}: {trial.status.replace('_', ' ')}{f' ({reason})' if reason else ''}, no score"
        )
    score = f"{task.spec.metric.name} {trial.score:.5g}"
    if trial.number == 0:
        return f"#0 baseline: {score}"
    gain = trial.gain or 0.0
    verdict = f"better by {gain:.2g}" if gain > 0 else f"worse by {-gain:.2g}" if gain else "equal"
    return f"{head}: {score}, {verdict}, {trial.status}"


LAST, TOP = 6, 3
"""How many of the latest and of the best trials the proposer is told of."""
FEW = {"last": 4, "top": 1}
"""The same for a small model, which reads slowly and is soon lost."""


def digest(
    task: Task,
    trials: Sequence[TrialRecord],
    reasons: Mapping[int, str],
    last: int = LAST,
    top: int = TOP,
) -> str:
    """The best `top` trials and the `last` ones, a line each, with the reason why one failed."""
    scored = [t for t in trials if t.score is not None]
    best = sorted(scored, key=lambda t: task.loss(t.score or 0.0))[:top]
    recent = [t for t in trials[-last:] if t not in best]
    told = [line(task, t, reasons.get(t.number, "")) for t in recent]
    return "\n".join(["Best:", *(line(task, t) for t in best), "Latest:", *told])
