"""Bring a run's state back from its journal, by the same fold that made it."""

from __future__ import annotations

from dataclasses import replace

from metaloop.inner.search import Search
from metaloop.journal.records import MechanismRecord
from metaloop.outer.loop import OuterLoop


async def restore(search: Search, outer: OuterLoop) -> None:
    """Take all recorded trials and outer steps into the state, in the order in which they came.

    Mechanisms in use are asked again what they were asked before, so that whatever they remember
    is as it was.
    """
    journal, run = search.journal, search.run
    trials, events = journal.trials(run), journal.events(run)
    mechanisms = journal.mechanisms(run)
    steps = {event.trial for event in events if event.kind == "outer"}
    ended: dict[int, list[str]] = {}
    for m in mechanisms:
        if m.state == "retired" and m.ended is not None:
            ended.setdefault(m.ended, []).append(m.id)
    for trial in trials:
        scored = trial.status == "kept"
        details = journal.details(run, trial.number) if scored else trial.details
        losses = [search.task.loss(score) for score in details.scores]
        search.take(trial, losses, details.commit)
        for mechanism in ended.get(trial.number, []):
            search.drop(mechanism)
        if trial.number in steps:
            outer.take(
                [e for e in events if e.trial == trial.number and e.kind in _STEP],
                [_as_installed(m) for m in mechanisms if m.born == trial.number + 1],
            )
    if trials:
        search.evaluator.workspace.point_branch(search.best_commit)
    for name, host in search.hosts.items():
        calls = [tuple(call[1:]) for t in trials for call in t.asked if call[0] == name]
        await host.restore(calls, search.history)


_STEP = ("strategy", "restart", "outer")


def _as_installed(mechanism: MechanismRecord) -> MechanismRecord:
    """A mechanism as it was when it came, before it was retired."""
    return mechanism if mechanism.state != "retired" else replace(mechanism, state="installed")
