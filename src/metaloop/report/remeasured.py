"""The score of a best as it is reported: of all measurements of it, not of the first alone."""

from __future__ import annotations

from statistics import mean

from metaloop.journal.journal import Journal


def remeasured(journal: Journal, run: str) -> dict[int, float]:
    """Mean of all measurements of each best that guards measured again, by its trial.

    Every other trial's score is that mean already.
    """
    minimize = journal.run(run).config["spec"]["metric"]["direction"] == "minimize"
    later: dict[int, list[float]] = {}
    best = 0
    for event in journal.events(run, "guards"):
        if event.trial == 0:  # the baseline replaced nothing
            continue
        if losses := event.data["best_losses"]:
            later.setdefault(best, []).extend(losses if minimize else [-loss for loss in losses])
        if event.data["verdicts"][-1]["ending"] == "passed":
            best = event.trial
    return {n: mean([*journal.details(run, n).scores, *again]) for n, again in later.items()}
