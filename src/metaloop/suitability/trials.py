"""The trials behind a check: the program as it stands, changed a little, stripped, and in pairs.

All run in the sandbox, in the worktrees and with the judge of a real run; no model is asked.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from metaloop.execution.job import Sandbox
from metaloop.inner.evaluate import Evaluator, Measurement
from metaloop.suitability.changes import Change, small_changes, stripped
from metaloop.suitability.observed import Observed
from metaloop.suitability.repository import Repository
from metaloop.task.patch import Files
from metaloop.task.spec import Task
from metaloop.task.workspace import Workspace

QUIET = 3
"""Equal scores in a row after which a program counts as deterministic."""
REPEATS, ENOUGH = 3, 24
"""Runs, where the program is noisy, of each change at least, and of all together."""


@dataclass(frozen=True)
class Sample:
    """One trial: what it gave, and its seconds in all, judge and clean-up included."""

    measured: Measurement
    seconds: float

    @property
    def score(self) -> float | None:
        """None when it gave no score."""
        return self.measured.score


@dataclass
class Observations:
    """All that was measured. `as_it_lies` is HEAD with the directory's uncommitted files over it,
    `committed` is HEAD; without any such files they are the same trial."""

    as_it_lies: Sample | None = None
    committed: Sample | None = None
    base: list[Sample] = field(default_factory=list)
    """The unchanged program, again and again."""
    changes: dict[str, list[Sample]] = field(default_factory=dict)
    """By what was changed."""
    parts: dict[str, str] = field(default_factory=dict)
    """The parameter or place of each change."""
    stripped: Sample | None = None
    pair: list[Sample] = field(default_factory=list)
    pair_s: float = 0.0
    """Seconds until both of two trials side by side were done."""
    peak_mb: float | None = None
    written: list[str] = field(default_factory=list)

    @property
    def scores(self) -> list[float]:
        """Of the unchanged program, those side by side included unless they were `contended`."""
        samples = self.base if self.contended else (*self.base, *self.pair)
        return [s.score for s in samples if s.score is not None]

    @property
    def contended(self) -> bool:
        """True when all runs alone gave one score and both side by side another: they are in each
        other's way, which is no noise of a single trial."""
        alone, both = ({s.score for s in samples} for samples in (self.base, self.pair))
        one_each = len(alone) == len(both) == 1 and None not in alone | both
        return one_each and alone != both

    @property
    def quiet(self) -> bool:
        """True when the unchanged program gave a score in every run alone, and always the same."""
        return len(set(self.scores)) == 1 and all(s.score is not None for s in self.base)


def observe(
    task: Task,
    repository: Repository,
    sandbox: Sandbox,
    runs: int,
    seed: int,
    tell: Callable[[str], None],
) -> Observations:
    """Run the trials: at most `runs` repeats and `runs` changed parameters.

    `tell` is called with a line before each. The user's checkout stays as it is.
    """
    with tempfile.TemporaryDirectory(prefix="metaloop-") as folder:
        watched = Observed(sandbox)
        return asyncio.run(_observe(task, repository, watched, Path(folder), runs, seed, tell))


async def _observe(
    task: Task,
    repository: Repository,
    sandbox: Observed,
    folder: Path,
    runs: int,
    seed: int,
    tell: Callable[[str], None],
) -> Observations:
    seen, files = Observations(), task.sources()
    lying = Workspace.detached(task, folder / "lying")
    spaces = [lying]
    try:
        tell("the program as it lies there")
        evaluator = Evaluator(task, lying, sandbox, 2)
        first = seen.as_it_lies = await _sample(evaluator, files)
        if lying.base == repository.head:
            seen.committed = first
        elif repository.head:
            tell("the program in a fresh worktree")
            head = Workspace.detached(task, folder / "head", include_uncommitted=False)
            spaces.append(head)
            committed = Evaluator(task, head, sandbox, 2)
            seen.committed = await _sample(committed, repository.files(task))
            if first.score is None:  # e.g. a file that it needs was removed
                evaluator, first = committed, seen.committed
        seen.base.append(first)
        if first.score is not None:
            await _series(Session(task, evaluator, seen, tell), files, runs, seed)
    finally:
        for space in spaces:
            space.close()
    seen.peak_mb, seen.written = sandbox.peak_mb, sandbox.written or []
    return seen


@dataclass(frozen=True)
class Session:
    """What the trials of one check share."""

    task: Task
    evaluator: Evaluator
    seen: Observations
    tell: Callable[[str], None]


async def _series(session: Session, files: Files, runs: int, seed: int) -> None:
    seen = session.seen
    session.tell("two trials side by side")
    started = time.perf_counter()
    both = (_sample(session.evaluator, files), _sample(session.evaluator, files))
    seen.pair = list(await asyncio.gather(*both))
    seen.pair_s = time.perf_counter() - started
    while len(seen.base) < runs and not _settled(seen):
        session.tell(f"run {len(seen.base) + 1} of the unchanged program")
        seen.base.append(await _sample(session.evaluator, files))
    session.tell("the program stripped to its imports")
    seen.stripped = await _sample(session.evaluator, stripped(session.task))
    chosen = small_changes(session.task, runs, seed)
    repeats = 1 if seen.quiet else max(REPEATS, min(runs, ENOUGH // max(len(chosen), 1)))
    for i, change in enumerate(chosen, 1):
        session.tell(f"change {i} of {len(chosen)}: {change.label}")
        await _try(session, change, repeats)


def _settled(seen: Observations) -> bool:
    # While they may be contended, more runs tell that from luck.
    return len(seen.base) >= QUIET and seen.quiet and not seen.contended


async def _try(session: Session, change: Change, repeats: int) -> None:
    samples = [await _sample(session.evaluator, change.files) for _ in range(repeats)]
    session.seen.changes[change.label] = samples
    session.seen.parts[change.label] = change.part


async def _sample(evaluator: Evaluator, files: Files) -> Sample:
    started = time.perf_counter()
    measured = await evaluator.measure(files)
    return Sample(measured, time.perf_counter() - started)
