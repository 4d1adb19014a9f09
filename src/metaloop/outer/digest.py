"""Statistics of the trace, computed by code and not by a model: where the search stands still."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from metaloop.inner import trace
from metaloop.journal.records import TrialRecord
from metaloop.task.patch import short
from metaloop.task.spec import Task


@dataclass(frozen=True)
class Digest:
    """What the outer loop is told about the trials so far."""

    text: str
    """All of it, for a model that reads much."""
    brief: str
    """The same in a few lines, for a small one."""


def make_digest(task: Task, trials: Sequence[TrialRecord], credit: dict[str, float]) -> Digest:
    """Digest of all decided trials; `credit` is the arbiter's gain per trial of each arm."""
    tried = [t for t in trials if t.number > 0]
    kept = [t for t in tried if t.status == "kept"]
    best = max((t.number for t in kept), default=0)
    stuck = len(trials) - 1 - best
    by_status = Counter(t.status for t in tried)
    counts = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in by_status.most_common())
    metric = task.spec.metric.name
    first, now = trials[0].score or 0.0, trials[best].score or 0.0
    head = (
        f"{len(tried)} trials: {counts}. {metric} {first:.5g} -> {now:.5g} "
        f"({task.spec.metric.direction}), last gain at trial {best}, none since {stuck} trials."
    )
    repeats = sum(not t.content for t in tried)
    lines = [
        head,
        f"Best parameters: {_values(trials[best])}." if task.space else "",
        *_per_arm(tried, credit),
        *_per_param(task, tried),
        *_per_region(tried),
        f"{repeats} trials brought no new candidate." if repeats else "",
        trace.digest(task, trials, {}, last=10, top=4),
    ]
    brief = "\n".join(filter(None, [head, *_per_param(task, tried)[:8]]))
    return Digest("\n".join(filter(None, lines)), brief)


def _values(trial: TrialRecord) -> str:
    return ", ".join(f"{name} = {short(value)}" for name, value in trial.params.items())


def _per_arm(tried: Sequence[TrialRecord], credit: dict[str, float]) -> list[str]:
    lines = []
    for arm in dict.fromkeys(t.arm for t in tried):
        own = [t for t in tried if t.arm == arm]
        keeps = sum(t.status == "kept" for t in own)
        gain = sum(t.gain or 0.0 for t in own if t.status == "kept")
        lines.append(
            f"{arm}: {len(own)} trials, {keeps} kept, gain {gain:.3g}, "
            f"credit per trial {credit.get(arm, 0.0):.2g}."
        )
    return lines


def _per_param(task: Task, tried: Sequence[TrialRecord]) -> list[str]:
    """Per parameter: how many values were tried, over which part of its range, what it earned."""
    lines = []
    for name, param in task.space.items():
        moved = [t for t in tried if any(p.startswith(f"{name} ") for p in t.changed.split("; "))]
        if not moved:
            lines.append(f"{name}: never changed ({param.describe().split(': ')[1]}).")
            continue
        values = [t.params[name] for t in moved]
        keeps = sum(t.status == "kept" for t in moved)
        if param.kind == "choice":
            span = f"values {sorted(set(map(str, values)))}"
        else:
            units = [param.to_unit(value) for value in values]
            span = f"{min(units):.0%} to {max(units):.0%} of its range"
        lines.append(
            f"{name}: changed {len(moved)} times, {len(set(values))} values, {span}, {keeps} kept."
        )
    return lines


def _per_region(tried: Sequence[TrialRecord]) -> list[str]:
    """Per file region (function) that patches touched: trials, keeps, crashes."""
    touched: dict[str, list[TrialRecord]] = {}
    for trial in tried:
        for part in trial.changed.split("; "):
            if ": " in part:
                file, names = part.split(": ", 1)
                for name in names.split(", "):
                    touched.setdefault(f"{file} {name}", []).append(trial)
    return [
        f"{region}: patched {len(own)} times, {sum(t.status == 'kept' for t in own)} kept, "
        f"{sum(t.status == 'crashed' for t in own)} crashed."
        for region, own in touched.items()
    ]
