"""Screening: a proven mechanism against those in use, on landscapes that cost nothing.

All mechanisms search each landscape from the same start under the same seeds. Difficulty is kept
calibrated: a landscape that every mechanism solves, or none, tells nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from metaloop.execution.job import Sandbox
from metaloop.mechanism.api import Steer, Trial
from metaloop.mechanism.host import MechanismError, MechanismHost
from metaloop.outer.landscapes import Landscape, landscapes, replayed
from metaloop.task.space import Params, Space
from metaloop.task.spec import Task

EVALUATIONS = 24
SEEDS = 3
SOLVED, UNSOLVED = 0.02, 0.9
"""Remaining part of the start's loss at which a landscape counts as solved, or as not begun."""
REFERENCE = "random_search"


@dataclass(frozen=True)
class Screening:
    """What screening found. `scores`: mean remaining loss of each mechanism, 0 best, 1 no gain."""

    passed: bool
    reason: str
    scores: dict[str, float] = field(default_factory=dict)
    per_landscape: dict[str, dict[str, float]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Landscapes that every mechanism solved, or none."""


class Screen:
    """Screens the mechanisms of one run; scores of mechanisms that were screened are kept."""

    def __init__(self, task: Task, seed: int, sandbox: Sandbox) -> None:
        self._space, self._seed, self._sandbox = task.space, seed, sandbox
        self._known: dict[tuple[str, str], float] = {}

    async def run(
        self, source: str, in_use: Mapping[str, str], history: Sequence[Trial]
    ) -> Screening:
        """Screen `source` against the sources `in_use`, by id."""
        if not self._space:
            return await self._screen_steering(source, history)
        fields: dict[str, list[Landscape]] = {}
        for i in range(SEEDS):
            for name, landscape in landscapes(self._space, self._seed * SEEDS + i).items():
                fields.setdefault(name, []).append(landscape)
        if (own := replayed(self._space, history)) is not None:
            fields["own trace"] = [own] * SEEDS
        table: dict[str, dict[str, float]] = {}
        try:
            for name, versions in fields.items():
                row = {"new": await self._score(source, name, versions)}
                for other, text in in_use.items():
                    row[other] = await self._score(text, name, versions)
                table[name] = row
        except MechanismError as error:
            return Screening(False, f"failed while it was screened: {error}")
        return judge(table)

    async def _score(self, source: str, name: str, versions: Sequence[Landscape]) -> float:
        """Mean remaining loss of a mechanism over the versions of one landscape."""
        key = (source, name)
        if name == "own trace" or key not in self._known:
            host = MechanismHost(source, self._space, 0, self._sandbox)
            try:
                left = [
                    await self._search(host, landscape, seed)
                    for seed, landscape in enumerate(versions)
                ]
            finally:
                await host.close()
            self._known[key] = sum(left) / len(left)
        return self._known[key]

    async def _search(self, host: MechanismHost, landscape: Landscape, seed: int) -> float:
        """Loss that remains after `EVALUATIONS` trials, as a part of the start's loss."""
        space, rng = self._space, Random(f"screen/{self._seed}/{seed}")  # noqa: S311
        start = space.sample(rng)
        history = [_trial(0, start, landscape(space.to_unit(start)), None, "")]
        await host.restart(space, seed)
        for number in range(1, EVALUATIONS + 1):
            advice = await host.suggest(history)
            best = min(history, key=_loss)
            parent = best.number
            if isinstance(advice, Steer):
                parent = best.number if advice.parent is None else advice.parent
                advice = follow(space, history[parent].params, advice, rng)
            loss = landscape(space.to_unit(advice))
            changed = _changed(space, history[parent].params, advice)
            history.append(_trial(number, advice, loss, parent, changed))
        return _loss(min(history, key=_loss)) / max(_loss(history[0]), 1e-12)

    async def _screen_steering(self, source: str, history: Sequence[Trial]) -> Screening:
        """A task without parameters: a world of functions, each with a hidden chance of a gain."""
        names = sorted({name for t in history for name in _functions(t.changed)}) or ["f()", "g()"]
        rewards: dict[str, list[float]] = {"new": [], "unsteered": []}
        try:
            for seed in range(SEEDS * 3):
                rng = Random(f"patches/{self._seed}/{seed}")  # noqa: S311
                chance = {name: rng.choice((0.02, 0.1, 0.5)) for name in [*names, "h()", "k()"]}
                host = MechanismHost(source, self._space, seed, self._sandbox)
                try:
                    rewards["new"].append(await _patch(chance, host.suggest, seed))
                finally:
                    await host.close()

                async def nothing(_: Sequence[Trial]) -> Steer:
                    return Steer()

                rewards["unsteered"].append(await _patch(chance, nothing, seed))
        except MechanismError as error:
            return Screening(False, f"failed while it was screened: {error}")
        scores = {name: 1 - sum(values) / len(values) for name, values in rewards.items()}
        passed = scores["new"] <= scores["unsteered"]
        verb = "is as good as" if passed else "is worse than"
        return Screening(passed, f"its advice {verb} none: {_list(scores)}", scores)


def judge(table: dict[str, dict[str, float]]) -> Screening:
    """The verdict on mechanism "new" from its row in each landscape.

    It must beat random search on average, and earn its place: be no worse than the weakest of the
    other mechanisms in use on average, or be the best of all on some landscape.
    """
    told = {
        name: row
        for name, row in table.items()
        if min(row.values()) < UNSOLVED and max(row.values()) > SOLVED
    }
    left_out = [name for name in table if name not in told]
    if not told:
        return Screening(False, "no landscape told the mechanisms apart", left_out=left_out)
    arms = next(iter(told.values()))
    scores = {arm: sum(row[arm] for row in told.values()) / len(told) for arm in arms}
    new = scores["new"]
    others = [score for arm, score in scores.items() if arm not in ("new", REFERENCE)]
    wins = [name for name, row in told.items() if row["new"] <= min(row.values())]
    if REFERENCE in scores and new >= scores[REFERENCE]:
        passed, reason = False, "no better than random search"
    elif others and new > max(others) and not wins:
        passed, reason = False, "worse than every mechanism in use, and best nowhere"
    else:
        passed = True
        reason = f"best on {', '.join(wins)}" if wins else "holds its own among those in use"
    return Screening(passed, f"{reason}: {_list(scores)}", scores, told, left_out)


def follow(space: Space, parent: Params, steer: Steer, rng: Random) -> Params:
    """A simulated proposer: a random move of one to three parameters, as steered."""
    names = [n for n in steer.focus if n in space] or [n for n in space if n not in steer.avoid]
    names = rng.sample(names or list(space), k=min(len(names) or 1, rng.randint(1, 3)))
    return space.neighbour(parent, rng, 0.2, names)


Suggest = Callable[..., object]


async def _patch(chance: dict[str, float], suggest: Suggest, seed: int) -> float:
    """Share of successful patches over `EVALUATIONS` trials in a world of patches."""
    rng, history, won = Random(seed), [_trial(0, {}, 1.0, None, "")], 0  # noqa: S311
    for number in range(1, EVALUATIONS + 1):
        steer = await suggest(history)  # type: ignore[misc]
        allowed = [n for n in steer.focus if n in chance or f"{n}()" in chance]
        pick = rng.choice(allowed or [n for n in chance if n.strip("()") not in steer.avoid] or list(chance))
        pick = pick if pick in chance else f"{pick}()"
        gain = rng.random() < chance[pick]
        won += gain
        loss = _loss(history[-1]) - (0.01 if gain else -0.01)
        history.append(_trial(number, {}, loss, 0, f"train.py: {pick}"))
    return won / EVALUATIONS


def _functions(changed: str) -> list[str]:
    return [name for part in changed.split("; ") if ": " in part for name in part.split(": ", 1)[1].split(", ")]


def _trial(number: int, params: Params, loss: float, parent: int | None, changed: str) -> Trial:
    return Trial(number, params, loss, "kept" if number == 0 else "discarded", "m", parent, changed)


def _changed(space: Space, before: Params, after: Params) -> str:
    moved = [f"{name} {before[name]} -> {after[name]}" for name in space if before[name] != after[name]]
    return "; ".join(moved) or "nothing"


def _loss(trial: Trial) -> float:
    return float("inf") if trial.loss is None else trial.loss


def _list(scores: Mapping[str, float]) -> str:
    ranked = sorted(scores.items(), key=lambda item: item[1])
    return ", ".join(f"{name} {score:.2f}" for name, score in ranked)
