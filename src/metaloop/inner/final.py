"""What the sealed split says of a run's end: asked once, when nothing can be tuned to it."""

from __future__ import annotations

from typing import Any

from metaloop.inner.evaluate import Measurement
from metaloop.inner.search import Search
from metaloop.task.patch import Files, content_hash


async def measure_final(search: Search, final: Files) -> None:
    """Baseline and what the run ends with (`final`) on the sealed split, for the report.

    Where the task has none it is the holdout, which the guards have asked already.
    """
    spec, run, best = search.task.spec, search.run, search.best
    if (table := spec.sealed or spec.holdout) is None or not search.trials:
        return
    content = content_hash(final)  # of one trial, there may be a pruned program too
    for known in (event.data for event in search.journal.events(run, "holdout")[-1:]):
        same = known["trial"] == best and known.get("content", content) == content
        if same and None not in (known["baseline"], known["best"]):
            return
    opened: dict[str, Measurement] = {}
    for files in (search.files(0), final):
        if (program := content_hash(files)) not in opened:
            opened[program] = await search.evaluator.measure_on(files, table.command)
    before, after = opened[content_hash(search.files(0))], opened[content]
    split, reason = "sealed" if spec.sealed else "holdout", before.reason or after.reason
    data: dict[str, Any] = {"trial": best, "split": split, "content": content}
    data |= {"baseline": before.score, "best": after.score}
    data |= {"reason": reason} if reason else {}
    search.journal.add_event(run, len(search.trials) - 1, "holdout", **data)
