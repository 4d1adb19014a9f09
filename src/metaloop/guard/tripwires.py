"""Tripwires: signs of a cheat. None is proof, so a person looks at what trips one."""

from __future__ import annotations

import ast
import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from metaloop.guard.base import Promotion, Verdict
from metaloop.task.patch import Files
from metaloop.task.source import SourceError, lines, statements
from metaloop.task.spec import Task

if TYPE_CHECKING:
    from metaloop.guard.answers import Answers

FASTER = 4
"""A candidate that runs so many times faster than usual has skipped something."""
SHORTEST = 0.5
"""Seconds of a usual run below which its time says nothing."""
TIMED = 3
"""Runs of the best, until one is as fast as the candidate: any of them may be held up."""

Clock = Callable[[Files], Awaitable[float]]
"""Seconds that a program takes to run now."""


class Tripwires:
    """Quarantines what cheats look like; `bound` is a score that no honest program can beat.

    With a `clock` a candidate that ran much faster than usual is compared with the best as it runs
    now, a few times: what made the usual runs slow may have been the machine.
    """

    name = "tripwires"

    def __init__(self, task: Task, bound: float | None = None, clock: Clock | None = None) -> None:
        self._task, self._bound, self._clock = task, bound, clock
        self._answers: Answers | None = None

    async def check(self, promotion: Promotion) -> Verdict:
        """Look at every wire. Evidence about the judge's files is for people alone."""
        metric = self._task.spec.metric.name
        leaks = await asyncio.to_thread(self._leaks, promotion)
        if self._task.self_scored:
            about = f"it changes the code that prints {metric}"
            meddles = [about] if meddled(promotion, metric) else []
        else:
            about = f"its own process printed {metric}, which is the judge's to print"
            prints = promotion.shown.prints and not promotion.best_shown.prints
            meddles = [about] if prints else []
        touched = [f"it touched the canary {name}" for name in promotion.shown.canaries]
        fast = await self._too_fast(promotion)
        tripped = [*self._too_good(promotion), *fast, *meddles, *touched, *leaks]
        if tripped:
            return Verdict(self.name, "quarantined", "; ".join(tripped), hidden=bool(leaks))
        return Verdict(self.name, "passed", "no tripwire was touched")

    def _too_good(self, promotion: Promotion) -> list[str]:
        if self._bound is None or min(promotion.losses) >= self._task.loss(self._bound):
            return []
        return [f"its score is better than the declared bound {self._bound:g}"]

    async def _too_fast(self, promotion: Promotion) -> list[str]:
        usual, seconds = promotion.usual_seconds, promotion.shown.seconds
        if usual < SHORTEST or seconds >= usual / FASTER:
            return []
        if self._clock is not None:
            for _ in range(TIMED):
                promotion.runs += 1
                usual = min(usual, await self._clock(promotion.best_files))
                if seconds >= usual / FASTER:
                    return []
        return [f"it ran {seconds:.2g} s, {usual:.2g} s is usual"]

    def _leaks(self, promotion: Promotion) -> list[str]:
        """Answers of the judge's that stand in the candidate's files."""
        if self._task.spec.judge is None:
            return []
        if self._answers is None:
            from metaloop.guard.answers import Answers  # numpy is slow to import

            self._answers = Answers(self._task.directory, self._task.spec.judge.files)
        return [
            f"constants of {file} stand in {source}"
            for file, text in promotion.files.items()
            for source in self._answers.leaked(file, promotion.best_files[file], text)
        ]


def meddled(promotion: Promotion, metric: str) -> bool:
    """True when code that names the metric in a string is not what it was in the best."""
    return _scoring(promotion.files, metric) != _scoring(promotion.best_files, metric)


def _scoring(files: Files, metric: str) -> Counter[tuple[str, str]]:
    """The statements that name the metric, by file; lines of what is no Python.

    Of a compound statement the header counts and not the body: a whole program may stand in it.
    """
    named = re.compile(rf"(?<!\w){re.escape(metric)}(?!\w)")
    found: Counter[tuple[str, str]] = Counter()
    for name, text in files.items():
        try:
            if not name.endswith(".py"):
                raise SourceError("not Python")
            pieces = [piece for part in statements(text) for piece in _naming(part, named)]
        except SourceError:
            pieces = [line for line in lines(text) if named.search(line)]
        found.update((name, piece) for piece in pieces)
    return found


def _naming(statement: ast.stmt, named: re.Pattern[str]) -> Iterator[str]:
    """Statements and headers in `statement` that name the metric, without what they enclose."""
    enclosed = (ast.stmt, ast.excepthandler, ast.match_case)
    for node in ast.walk(statement):
        if isinstance(node, enclosed):
            own = [part for part in ast.iter_child_nodes(node) if not isinstance(part, enclosed)]
            if any(_names(part, named) for part in own):
                yield " ".join([type(node).__name__, *map(ast.dump, own)])


def _names(part: ast.AST, named: re.Pattern[str]) -> bool:
    return any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) and named.search(node.value)
        for node in ast.walk(part)
    )
