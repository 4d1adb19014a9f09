"""Bring a run's state back from its journal, by the same fold that made it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from metaloop.guard.queries import ASKED
from metaloop.inner.prune import prune, pruned
from metaloop.inner.search import Search
from metaloop.journal.records import Event, MechanismRecord
from metaloop.outer.loop import OuterLoop


async def restore(search: Search, outer: OuterLoop) -> None:
    """Take all recorded trials and outer steps into the state, in the order in which they came.

    Mechanisms in use are asked again what they were asked before, so that whatever they remember
    is as it was.
    """
    journal, run = search.journal, search.run
    with _no_collection():
        trials, kept = journal.trials(run), journal.kept(run)
        steps: dict[int, list[Event]] = {}
        for event in journal.events(run, *_STEP):
            steps.setdefault(event.trial, []).append(event)
        born: dict[int, list[MechanismRecord]] = {}
        ended: dict[int, list[str]] = {}
        for m in journal.mechanisms(run):
            born.setdefault(m.born, []).append(_as_installed(m))
            if m.state == "retired" and m.ended is not None:
                ended.setdefault(m.ended, []).append(m.id)
        asked = journal.events(run, *ASKED)
        checked = {event.trial: event.data for event in asked if event.kind == "guards"}
        for trial in trials:
            scores, commit = kept.get(trial.number, ([], None))
            search.take(trial, [search.task.loss(score) for score in scores], commit)
            if trial.number in checked:
                search.take_checked(trial.number, checked[trial.number])
            for mechanism in ended.get(trial.number, []):
                search.drop(mechanism)
            if trial.number in steps:
                outer.take(steps[trial.number], born.get(trial.number + 1, []))
    for event in asked:  # in their own order: a query may have no trial
        search.queries.take(event.kind, event.data)
    if trials:
        search.evaluator.workspace.point_branch(search.best_commit)
        if pruned(search) is not None:  # then it costs no run
            await prune(search)
    for name, host in search.hosts.items():
        calls = [tuple(call[1:]) for t in trials for call in t.asked if call[0] == name]
        await host.restore(calls, search.history)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Without the search for garbage: of the very many objects made here, all are to stay."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


_STEP = ("strategy", "restart", "outer")


def _as_installed(mechanism: MechanismRecord) -> MechanismRecord:
    """A mechanism as it was when it came, before it was retired."""
    return mechanism if mechanism.state != "retired" else replace(mechanism, state="installed")
