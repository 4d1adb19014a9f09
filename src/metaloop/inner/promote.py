"""Before a candidate becomes the best: the guards of the task, asked whether its gain is real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from metaloop.guard.base import Guard, Promotion, Verdict
from metaloop.inner.evaluate import Measurement
from metaloop.inner.guards import Checked, show
from metaloop.inner.search import Search
from metaloop.task.patch import Files

FIRST, PER_TRIAL = 3, 0.4
"""Repeats that guards may have made by a trial: this many, and so many per trial. Then a noisy task
with many candidates that seem a little better still has two of three runs for its search."""


async def promote(
    search: Search, files: Files, measured: Measurement, guards: Sequence[Guard] = ()
) -> Checked:
    """Ask every guard, or `guards` alone, about a measured candidate that would become the best."""
    guards = guards or search.guards
    if measured.artefacts is not None:
        promotion = _promotion(search, files, measured)
        return Checked(promotion, await check(guards, promotion))
    # The measurement is another run's, and guards look at what a run left.
    left = await search.evaluator.measure(files, keep=True, fresh=True)
    try:
        again = replace(measured, artefacts=left.artefacts, seconds=left.seconds)
        promotion = _promotion(search, files, again)
        if left.score is None:
            return Checked(promotion, [Verdict("repeat", "rejected", "it did not run again")])
        return Checked(promotion, await check(guards, promotion))
    finally:
        search.evaluator.forget(left)


def _promotion(search: Search, files: Files, measured: Measurement) -> Promotion:
    shown = show(search.task, measured)
    return Promotion(
        files=files,
        best_files=search.files(search.best),
        losses=[shown.search.loss],
        best_losses=list(search.best_losses),
        noise=search.noise,
        shown=shown,
        best_shown=search.shown[search.best],
        baseline_shown=search.shown[0],
        artefacts=measured.artefacts,
        usual_seconds=median(other.seconds for other in search.shown.values()),
        queries=search.queries.total(but=files),
        spare=max(0, int(FIRST + PER_TRIAL * len(search.trials)) - search.repeats),
    )


async def check(guards: Sequence[Guard], promotion: Promotion) -> list[Verdict]:
    """The verdicts of the guards, up to the first that the candidate does not pass."""
    verdicts: list[Verdict] = []
    for guard in guards:
        verdicts.append(await guard.check(promotion))
        if verdicts[-1].ending != "passed":
            break
    return verdicts
