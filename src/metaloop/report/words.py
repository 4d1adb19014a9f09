"""A run's result in one plain sentence, the same wherever it is told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metaloop.report.status import Status


def headline(status: Status) -> str:
    """What improved by how much, on search data and on the data that was opened at the end."""
    if status.baseline is None or status.best is None:
        return "nothing was measured yet"
    marks = f"{status.direction}, self-scored" if status.self_scored else status.direction
    text = f"{status.metric} ({marks}): {_change(status, status.baseline, status.best)}"
    if status.holdout:
        split = final_split(status.holdout)
        base, best = status.holdout.get("baseline"), status.holdout.get("best")
        if base is None or best is None:
            reason = status.holdout.get("reason")
            text += f"; the {split} could not be measured" + (f" ({reason})" if reason else "")
        else:
            text += f"; on the {split} {_change(status, base, best)}"
    return text


def score_name(metric: str, self_scored: bool) -> str:
    """The metric's name, marked where the candidate's own process prints it."""
    return f"{metric} (self-scored)" if self_scored else metric


def final_split(data: Mapping[str, Any]) -> str:
    """What the split that was opened at the end is called, from the data of its event."""
    return "sealed split" if data.get("split") == "sealed" else "hidden holdout"


def _change(status: Status, before: float, after: float) -> str:
    gain = before - after if status.direction == "minimize" else after - before
    if gain == 0:
        return f"{before:.5g}, unchanged"
    share = f" by {abs(gain / before):.1%}" if before else ""
    return f"{before:.5g} -> {after:.5g}, {'better' if gain > 0 else 'WORSE'}{share}"
