"""Metric: one number that is there, answers to the code, and stands out of its noise."""

from __future__ import annotations

import math
import re
from itertools import pairwise

from metaloop.suitability.finding import Finding, Property, grade
from metaloop.suitability.power import runs_needed, sigma_interval
from metaloop.suitability.signal import Signal, signal
from metaloop.suitability.trials import Observations
from metaloop.task import missing
from metaloop.task.spec import Task
from metaloop.text import number, plural

LOW = {"loss", "error", "err", "bpb", "ppl", "perplexity", "mse", "rmse", "mae", "nll", "cost",
       "latency", "seconds", "time", "wer", "regret"}  # fmt: skip
HIGH = {"acc", "accuracy", "f1", "auc", "reward", "r2", "precision", "recall", "bleu", "iou",
        "throughput", "likelihood"}  # fmt: skip
INVERSE = {"neg", "negative", "minus", "inverse"}
"""Turn the words they stand before; at the end, as in `recall_negative`, they name a class."""
FEW = 5
"""Changes below which their pattern says nothing."""


def signal_of(task: Task, seen: Observations) -> Signal | None:
    """Noise and signal of what was observed; None when the program gave no score."""
    if not seen.scores:
        return None
    changes = {
        name: [task.loss(s.score) for s in samples if s.score is not None]
        for name, samples in seen.changes.items()
    }
    return signal([task.loss(score) for score in seen.scores], changes, seen.parts)


def metric(task: Task, seen: Observations, found: Signal | None) -> Property:
    """Judge the metric by the trials that were run."""
    findings = [_read(task, seen)]
    if found is not None:
        findings += [
            _direction(task, found),
            _noise(seen, found),
            _answers(seen, found),
            _stripped(task, seen, found),
            _resolution(seen),
            _limits(task, found),
        ]
    return Property("metric", tuple(findings))


def _read(task: Task, seen: Observations) -> Finding:
    name, scores = task.spec.metric.name, [s.score for s in seen.base if s.score is not None]
    failed = next((s.measured for s in seen.base if s.score is None), None)
    text = f"{name} read in {len(scores)} of {plural(len(seen.base), 'run')}"
    if scores:
        text += f", {number(scores[0])} in the first"
    if failed:
        text += f"; else {failed.status.replace('_', ' ')}: {failed.reason}"
    change = "make the program run to its end, and the metric be printed, every time"
    if failed:
        tail = failed.tail
        lacking = [*missing.programs(tail), *missing.modules(task.directory, tail)]
        change = "; ".join(lacking or [change])
        change += "" if scores else f"; {missing.surroundings()}"
    share = len(scores) / len(seen.base)
    return Finding("read", grade(share, (0, 0.0), (0.5, 0.33), (1, 1.0)), text, change)


def _direction(task: Task, found: Signal) -> Finding:
    name, direction = task.spec.metric.name, task.spec.metric.direction
    words = re.split(r"[^a-z0-9]+", name.lower())
    turned = not INVERSE.isdisjoint(words[:-1])
    fitting, other = (LOW, HIGH) if task.minimize != turned else (HIGH, LOW)
    against = fitting.isdisjoint(words) and not other.isdisjoint(words)  # an f1_loss is a loss
    better = sum(e.answers and e.gain > 0 for e in found.effects)
    change = f"check [metric] direction: is {direction} what is meant?"
    if against:
        return Finding("direction", 0.5, f"{name} is to {direction}, unlike its name", change)
    text = f"{direction}; {better} of {plural(len(found.effects), 'small change')} better"
    suspect = len(found.effects) >= FEW and better > 0.9 * len(found.effects)
    return Finding("direction", 0.5 if suspect else 1.0, text, change)


def _noise(seen: Observations, found: Signal) -> Finding:
    """Graded by the runs it takes to tell an effect as large as small changes have."""
    change = "average more in one trial, or fix the seeds, until repeats agree"
    if found.sigma == 0:
        return Finding("noise", 1.0, f"none in {plural(len(seen.scores), 'run')}")
    low, high = sigma_interval(found.sigma, found.df)
    text = f"sigma {found.sigma:.3g} (95 %: {low:.2g} to {high:.2g})"
    if not found.effects:
        return Finding("noise", None, text)
    text += f", {found.noise_share:.0%} of the spread that small changes cause; "
    if not found.heard:
        return Finding("noise", 0.0, f"{text}what they do cannot be told from noise", change)
    text += f"signal to noise {found.typical / found.sigma:.2g}"
    runs = runs_needed(found.typical, found.sigma)
    return Finding("noise", grade(runs, (1, 1.0), (4, 0.67), (16, 0.32), (200, 0.0), log=True),
                   text, change)  # fmt: skip


def _answers(seen: Observations, found: Signal) -> Finding:
    parts = list(dict.fromkeys(seen.parts.values()))
    if not found.effects:
        broke = f"all {len(parts)} broke the program" if parts else "no parameter, no number in it"
        return Finding("answers to changes", None, broke)
    most = {p: max((abs(e.gain) for e in found.effects if e.part == p), default=0.0) for p in parts}
    heard = {e.part for e in found.effects if e.answers}
    heard |= set(parts) - {e.part for e in found.effects}  # broken: it surely matters
    deaf = [part for part in parts if part not in heard]
    shown = ", ".join(f"{p} ({most[p]:.2g})" for p in sorted(most, key=lambda p: -most[p])[:8])
    text = f"{len(heard)} of {plural(len(parts), 'part')} tried have an effect; {shown}"
    if found.sigma and not heard:
        return Finding("answers to changes", None, f"cannot be told at this noise; {shown}")
    score = grade(len(heard) / len(parts), (0, 0.0), (0.15, 0.34), (0.5, 0.9), (1, 1.0))
    change = f"make the metric depend on what may be edited; no effect: {', '.join(deaf[:6])}"
    return Finding("answers to changes", score, text, change)


def _stripped(task: Task, seen: Observations, found: Signal) -> Finding:
    """Only informs where no change has any effect: that is the same fault, seen twice."""
    name = "needs the code"
    sample = seen.stripped
    if sample is None or sample.score is None:
        return Finding(name, 1.0, "without all but its imports the program gives no score")
    gap = abs(task.loss(sample.score) - found.base)
    same = gap <= 3 * found.sigma
    return Finding(
        name,
        (0.0 if any(e.answers for e in found.effects) else None) if same else 1.0,
        f"stripped to its imports the program scores {number(sample.score)}"
        + (", the same as whole" if same else f", {gap:.3g} away from whole"),
        "let the metric depend on what the editable code computes",
    )


def _resolution(seen: Observations) -> Finding:
    """In how many steps the scores that were seen can differ.

    Without noise a program that scores as the unchanged one says nothing: its change may have no
    effect. With noise each run could score otherwise, so that all of them count.
    """
    scores = [s.score for sample in seen.changes.values() for s in sample if s.score is not None]
    levels = sorted({*scores, *seen.scores})
    count, what = len(seen.scores) + len(scores), "run"
    if seen.quiet:
        count, what = 1 + sum(score not in seen.scores for score in scores), "program"
    text = f"{plural(len(levels), 'value')} in {plural(count, what)}"
    if len(levels) < 2 or count < FEW:
        return Finding("resolution", None, text)
    step = min(b - a for a, b in pairwise(levels))
    steps = (levels[-1] - levels[0]) / step
    coarse = grade(steps, (1, 0.3), (4, 0.5), (20, 1.0), log=True)
    return Finding(
        "resolution",
        1.0 if len(levels) >= count else coarse,
        f"{text}, step {step:.2g}, range {levels[-1] - levels[0]:.3g}",
        "print more digits, or score on more cases",
    )


def _limits(task: Task, found: Signal) -> Finding:
    """Ceiling: the program stands where nothing can be better. Floor: bad ones all score alike."""
    score = task.loss(found.base)
    ideal = (0.0,) if task.minimize else (1.0, 100.0)
    better = any(e.answers and e.gain > 0 for e in found.effects)
    if not better and any(math.isclose(score, x, abs_tol=1e-9) for x in ideal):
        text = f"the program stands at {number(score)}, and no change is better"
        return Finding("room", 0.2, text, "make the task harder: its best score is reached")
    moved = [round(e.gain, 12) for e in found.effects if e.answers]
    pile = max((moved.count(gain) for gain in set(moved)), default=0)
    if len(moved) >= FEW and pile > len(moved) / 2:
        text = f"{pile} of {len(moved)} changes score the same: the metric's floor?"
        return Finding("room", 0.5, text, "let the metric tell bad programs from worse ones")
    best = max((e.gain for e in found.effects if e.answers), default=0.0)
    none = f"no small change is better{' beyond the noise' if found.sigma else ''}"
    text = f"the best small change gains {best:.3g}" if best > 0 else none
    return Finding("room", 1.0, text)
