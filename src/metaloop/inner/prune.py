"""At the end of a run: hunks of the winning patch that earn nothing are dropped (guard 7)."""

from __future__ import annotations

from metaloop.guard.attribution import attribute
from metaloop.inner.guards import measure_with
from metaloop.inner.search import Search
from metaloop.task.patch import Files, PatchError, build, code_size


def pruned(search: Search) -> Files | None:
    """What pruning left of the best, if that was done."""
    known = search.journal.events(search.run, "attribution")
    if known and known[-1].data["trial"] == search.best:
        files: Files = known[-1].data["files"]
        return files
    return None


async def prune(search: Search) -> Files:
    """The files that a run ends with: its best, without the hunks of code that earn nothing.

    The run's branch then ends in them. Parameters are no hunks: each was set for its own sake.
    Done once for each best; at most one run of a program in twenty trials is spent on it, or three.
    """
    task, best = search.task, search.files(search.best)
    if (files := pruned(search)) is None:
        before = build(task, search.files(0), task.params_of(best), ())
        if before == best:
            return best
        measure = measure_with(task, search.evaluator, search.check_budget)

        async def whole(files: Files) -> float | None:
            try:
                build(task, files, task.params_of(best), ())
            except PatchError:  # a constant of the space is gone with the hunk
                return None
            return await measure(files)

        most = max(3, search.settings.trials // 20)
        found = await attribute(before, best, search.best_losses, search.noise, whole, most)
        smaller = code_size(found.files) < code_size(best)
        files = found.files if smaller else best  # a simplification earns nothing either
        search.journal.add_event(
            search.run,
            len(search.trials) - 1,
            "attribution",
            trial=search.best,
            files=files,
            evidence=found.evidence,
            runs=found.runs,
        )
    if files != best:
        message = f"trial {search.best}, without what earned nothing"
        search.evaluator.workspace.commit(files, message, search.best_commit)
    return files
