"""At the end of a run: hunks of the winning patch that earn nothing are dropped.

What they earn is asked of the search data alone, and a hunk may be what made the gain a real one.
So the guards that look elsewhere have to pass the smaller program too, as if it were to replace the
best: against what the best itself has shown, or all that it gained there could be lost.
"""

from __future__ import annotations

from typing import Any

from metaloop.guard.attribution import attribute
from metaloop.guard.holdout import Holdout
from metaloop.guard.perturbation import Perturbations
from metaloop.guard.structure import Structure
from metaloop.inner.evaluate import Measurement
from metaloop.inner.guards import loss
from metaloop.inner.promote import promote
from metaloop.inner.search import Search
from metaloop.task.patch import Files, PatchError, build, code_size, content_hash

FEW = 3
"""Runs of pruning up to which what they left is kept for the guards. Of more that may be too much
for the disk: one of them is set aside to make it again."""
_ELSEWHERE = (Holdout, Perturbations, Structure)


def pruned(search: Search) -> dict[str, Any] | None:
    """What the journal has of the pruning of the best, if that was done."""
    for event in search.journal.events(search.run, "attribution")[-1:]:
        if event.data["trial"] == search.best:
            return event.data
    return None


async def prune(search: Search) -> Files:
    """The files that a run ends with: its best, without the hunks of code that earn nothing.

    The run's branch then ends in them. Parameters are no hunks: each was set for its own sake.
    Done once for each best; at most one run of a program in twenty trials is spent on it, or three.
    """
    best = search.files(search.best)
    if (found := pruned(search)) is None:
        before = build(search.task, search.files(0), search.task.params_of(best), ())
        if before == best:
            return best
        found = await _prune(search, before, best)
        search.journal.add_event(search.run, len(search.trials) - 1, "attribution", **found)
        search.queries.take("attribution", found)
    files: Files = found["files"]
    if files != best:
        message = f"trial {search.best}, without what earned nothing"
        search.evaluator.workspace.commit(files, message, search.best_commit)
    return files


async def _prune(search: Search, before: Files, best: Files) -> dict[str, Any]:
    """For the journal: the files that are left of the best, why, and what it took."""
    task, spec = search.task, search.task.spec
    guards = [guard for guard in search.guards if isinstance(guard, _ELSEWHERE)]
    most = max(FEW, search.settings.trials // 20)
    again = bool(guards) and most > FEW
    aside = len(spec.perturbation) + (spec.probe is not None) + again
    asked: dict[str, Measurement] = {}

    async def whole(files: Files) -> float | None:
        try:
            build(task, files, task.params_of(best), ())
        except PatchError:  # a constant of the space is gone with the hunk
            return None
        search.check_budget()
        content = content_hash(files)
        keep = bool(guards) and not again and content not in asked
        measured = await search.evaluator.measure(files, keep=keep)
        if measured.score is not None:
            asked.setdefault(content, measured)
        return loss(task, measured)

    try:
        own = max(1, most - aside)
        found = await attribute(before, best, search.best_losses, search.noise, whole, own)
        smaller = code_size(found.files) < code_size(best)  # a simplification earns nothing either
        told: dict[str, Any] = {"trial": search.best, "files": found.files if smaller else best}
        told |= {"evidence": found.evidence, "runs": found.runs}
        if smaller and guards and (content := content_hash(found.files)) != content_hash(best):
            checked = await promote(search, found.files, asked[content], guards)
            last, promotion = checked.last, checked.promotion
            told |= {"runs": found.runs + promotion.runs + again, "queries": promotion.queries}
            if last.ending != "passed":
                told["files"] = best
                told["evidence"] = f"{found.evidence}; all stay: {last.guard}: {last.evidence}"
        return told
    finally:
        for measured in asked.values():
            search.evaluator.forget(measured)
