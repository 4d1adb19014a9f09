"""Screening: a proven mechanism against those in use, on landscapes that cost nothing.

As in a run, a mechanism is installed when a few trials have been made: all mechanisms go on from
the same random trials, under the same seeds. Difficulty is kept calibrated: a landscape that
every mechanism solves, or on which none gets anywhere, tells nothing and is left out.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from statistics import fmean, stdev

from metaloop.execution.job import Sandbox
from metaloop.mechanism.api import Steer, Trial
from metaloop.mechanism.host import MechanismError, MechanismHost
from metaloop.outer.contract import SLOW_S
from metaloop.outer.landscapes import Landscape, landscapes, replayed
from metaloop.outer.patchworld import gains
from metaloop.task.space import Params, Space
from metaloop.task.spec import Task

WARM = 8
"""Random trials that a mechanism finds."""
TRIALS = 24
"""Trials that it then makes."""
VERSIONS = 12
"""Random versions of each landscape."""
WALKS = 400
"""Random worlds of patches, where there are no parameters: good advice gains little in each."""
SOLVED, STUCK = 0.02, 0.98
"""Remaining loss at which a landscape counts as solved, or as not begun."""
NEW, REFERENCE = "new", "random_search"

Scores = dict[str, list[float]]
"""Per mechanism, in order of landscape and version: loss at the end / loss before. 0 is best."""


@dataclass(frozen=True)
class Screening:
    """What screening found. Scores are remaining losses: 0 is best, 1 is no gain."""

    passed: bool
    reason: str
    scores: dict[str, float] = field(default_factory=dict)
    per_landscape: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Landscapes that every mechanism solved, or none began."""


class Screen:
    """Screens the mechanisms of one run. What the built-in ones score is measured once."""

    def __init__(self, task: Task, seed: int, sandbox: Sandbox) -> None:
        self._space, self._seed, self._sandbox = task.space, seed, sandbox
        self._known: dict[tuple[str, str], list[float]] = {}

    async def run(
        self, source: str, in_use: Mapping[str, str], history: Sequence[Trial]
    ) -> Screening:
        """Screen `source` against the sources `in_use`, by id; `history` is the run's own."""
        try:
            if not self._space:
                return await self._steering(source, history)
            fields = self._fields(history)
            found = {NEW: await self._scores(source, fields)}
        except MechanismError as error:
            return Screening(False, f"failed while it was screened: {error}")
        for name, text in in_use.items():
            with contextlib.suppress(MechanismError):  # it is left out: the new one has not failed
                found[name] = await self._scores(text, fields)
        return judge({field: {name: found[name][field] for name in found} for field in fields})

    def _fields(self, history: Sequence[Trial]) -> dict[str, list[Landscape]]:
        """The versions of each landscape, and the run's own trace as one more."""
        fields: dict[str, list[Landscape]] = {}
        for i in range(VERSIONS):
            for name, shape in landscapes(self._space, self._seed * VERSIONS + i).items():
                fields.setdefault(name, []).append(shape)
        if (own := replayed(self._space, history)) is not None:
            fields[f"trace of {len(history)} trials"] = [own] * VERSIONS
        return fields

    async def _scores(
        self, source: str, fields: Mapping[str, Sequence[Landscape]]
    ) -> dict[str, list[float]]:
        """A mechanism's scores on each landscape, in one worker."""
        found = {}
        host = MechanismHost(source, self._space, 0, self._sandbox)
        try:
            for name, versions in fields.items():
                if (source, name) not in self._known:
                    self._known[source, name] = [
                        await self._search(host, landscape, version)
                        for version, landscape in enumerate(versions)
                    ]
                found[name] = self._known[source, name]
        finally:
            await host.close()
        return found

    async def _search(self, host: MechanismHost, landscape: Landscape, version: int) -> float:
        """Loss that remains after the mechanism's trials, as a share of the loss before them."""
        space, rng = self._space, Random(f"screen/{self._seed}/{version}")  # noqa: S311
        history: list[Trial] = []
        for _ in range(WARM):
            _run(history, space, landscape, space.sample(rng))
        before = _best(history).loss or 0.0
        await host.restart(space, version)
        async with _in_time():
            for _ in range(TRIALS):
                advice = await host.suggest(history)
                if isinstance(advice, Steer):
                    start = _best(history) if advice.parent is None else history[advice.parent]
                    advice = follow(space, start.params, advice, rng)
                _run(history, space, landscape, advice)
        return (_best(history).loss or 0.0) / max(before, 1e-12)

    async def _steering(self, source: str, history: Sequence[Trial]) -> Screening:
        """Without parameters: do patches gain more often with the mechanism's advice?"""
        host, differences = MechanismHost(source, self._space, 0, self._sandbox), list[float]()
        try:
            for i in range(WALKS):
                async with _in_time():
                    differences.append(await gains(host, history, self._seed + i, TRIALS))
        finally:
            await host.close()
        mean, error = fmean(differences), _error(differences)
        passed = mean > error
        text = f"{mean:+.2f} gains in {TRIALS} patches against no advice (+- {error:.2f})"
        return Screening(passed, text, {"more gains": mean})


@contextlib.asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    """One search: its calls may take as long as when a mechanism is proven, or MechanismError."""
    try:
        async with asyncio.timeout(TRIALS * SLOW_S):
            yield
    except TimeoutError:
        raise MechanismError(f"too slow: more than {SLOW_S:g} s a call") from None


def judge(table: Mapping[str, Scores]) -> Screening:
    """The verdict on the mechanism "new", from every mechanism's scores on every landscape.

    It must search: beat random search, the weakest of those in use, by more than the standard error
    of the paired difference, and be no copy of another. Where random search is missing, no copy is
    enough. What it is worth on the task itself is for the arbiter to find out.
    """
    means = {
        name: {arm: fmean(scores) for arm, scores in row.items()} for name, row in table.items()
    }
    told = {
        name: row
        for name, row in means.items()
        if min(row.values()) < STUCK and max(row.values()) > SOLVED
    }
    left_out = [name for name in table if name not in told]
    if not told:
        return Screening(False, "no landscape told the mechanisms apart", left_out=left_out)
    arms = next(iter(told.values()))
    scores = {arm: fmean(row[arm] for row in told.values()) for arm in arms}

    def behind(other: str) -> list[float]:
        """Per version, above 0 where "new" is worse than `other`, as a mean over the landscapes:
        they share the version's random start, so their differences are not independent."""
        pairs = [zip(table[n][NEW], table[n][other], strict=True) for n in told]
        differences = ([a - b for a, b in pair] for pair in pairs)
        return [fmean(version) for version in zip(*differences, strict=True)]

    others = [arm for arm in scores if arm not in (NEW, REFERENCE)]
    copied = [arm for arm in others if all(table[n][arm] == table[n][NEW] for n in told)]
    wins = [name for name, row in told.items() if row[NEW] <= min(row.values())]
    passed, reason = True, "better than random search"
    if REFERENCE not in scores:
        reason = "no copy of another; not compared with random search"
    if copied:
        passed, reason = False, f"it does exactly what {copied[0]} does"
    elif REFERENCE in scores and fmean(behind(REFERENCE)) >= -_error(behind(REFERENCE)):
        passed, reason = False, "no better than random search"
    elif wins and len(scores) > 1:
        reason = f"best of all on {', '.join(wins)}"
    ranked = ", ".join(f"{a} {s:.2f}" for a, s in sorted(scores.items(), key=lambda x: x[1]))
    return Screening(passed, f"{reason} (loss that remains: {ranked})", scores, told, left_out)


def follow(space: Space, start: Params, steer: Steer, rng: Random) -> Params:
    """A simulated proposer: moves one to three parameters at random, as it is steered."""
    free = [name for name in space if name not in steer.avoid] or list(space)
    names = [name for name in steer.focus if name in space] or free
    picked = rng.sample(names, k=min(len(names), rng.randint(1, 3)))
    return space.neighbour(start, rng, 0.2, picked)


def _run(history: list[Trial], space: Space, landscape: Landscape, params: Params) -> None:
    """Append the trial of `params`."""
    loss, number = landscape(space.to_unit(params)), len(history)
    best = _best(history) if history else None
    if best is None or best.loss is None:
        history.append(Trial(0, params, loss, "kept", "baseline", None, "nothing"))
        return
    moved = [f"{n} {best.params[n]} -> {params[n]}" for n in space if params[n] != best.params[n]]
    status = "kept" if loss < best.loss else "discarded"
    changed = "; ".join(moved) or "nothing"
    history.append(Trial(number, params, loss, status, "screening", best.number, changed))


def _best(history: Sequence[Trial]) -> Trial:
    return min(history, key=lambda t: math.inf if t.loss is None else t.loss)


def _error(values: Sequence[float]) -> float:
    """Standard error of the mean."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0
