"""A check's result in words, the same on a terminal and on a page."""

from __future__ import annotations

from metaloop.guard.repeat import LOOKS
from metaloop.suitability.check import Suitability
from metaloop.suitability.power import ALPHA, MOST, POWER
from metaloop.text import duration, plural


def headline(result: Suitability) -> str:
    """The verdict, what decides it, and what the check took."""
    took = f"{plural(result.trials, 'trial')}, {duration(result.seconds)}"
    name, verdict = result.task.spec.name, result.verdict.upper()
    return f"{name} is {verdict} for autoresearch: {decisive(result)} ({took})"


def decisive(result: Suitability) -> str:
    """What decides."""
    weakest = result.weakest
    if weakest.score == 1:
        return "all four properties score 1"
    return f"its weakest property is {weakest.name}, {weakest.score:.2f} of 1"


def scored(score: float | None) -> str:
    """A score; nothing for what only informs."""
    return "" if score is None else f"{score:.2f}"


def changes(result: Suitability) -> list[str]:
    """For each property below 1, weakest first, the change and what it is worth."""
    weak = sorted((p for p in result.properties if p.score < 1), key=lambda p: p.score)
    return [f"{p.name} {p.score:.2f} -> {p.score_after:.2f}: {p.change}" for p in weak]


def detection_lines(result: Suitability) -> list[str]:
    """Which gains can be told from the noise."""
    found = result.detection
    if found is None:
        return ["Without a score, nothing can be said about gains."]
    if not found.gains and not found.tried:
        space = "no parameter of [space] can be moved"
        none = "there is no [space], and no number in an editable Python file"
        return [
            f"No small change was tried, for {space if result.task.space else none}: how large a "
            "gain may be is not known; --gain SIZE counts the runs that tell one."
        ]
    if not found.gains:
        return ["No small change moved the metric: there is no gain to be told."]
    if found.sigma == 0:
        return ["Repeats agree to the last digit: one run tells a gain of any size."]
    lines = [
        f"Noise sigma {found.sigma:.3g}: metaloop run keeps a gain of {found.minimal_gain:.3g} "
        f"4 times in 5, with at most {LOOKS} runs of it. What a plain comparison needs (one-sided "
        f"t-test, alpha {ALPHA:g}, power {POWER:g}):"
    ]
    for name, (gain, runs) in found.gains.items():
        count = f"{runs} runs" if runs < MOST else "more runs than anybody makes"
        lines.append(f"  gain {gain:.3g} ({name}): {count} of each program")
    return lines
