"""The mechanism seam: a piece of Python that shapes how the inner loop searches.

People and the inventor write against this one page. A mechanism is one subclass of `Mechanism`:

    class OneByOne(Mechanism):
        def suggest(self, history):
            best = measured(history)[0] if measured(history) else None
            if best is None:
                return self.space.sample(self.rng)
            name = self.rng.choice(list(self.space))
            return self.space.neighbour(best.params, self.rng, 0.2, [name])

It runs in a sandbox of its own. It may import math, random, statistics, itertools, collections,
functools, operator, heapq, bisect, copy, dataclasses, typing, numpy, scipy, cmaes and optuna; the
ones from the standard library, numpy as `np` and all names of this page are there without import.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from metaloop.task.space import Param, Params, Space, Value

__all__ = [
    "Mechanism",
    "Param",
    "Params",
    "PointMechanism",
    "Random",
    "Space",
    "Steer",
    "Trial",
    "Value",
    "measured",
]


@dataclass(frozen=True)
class Trial:
    """A past trial as a mechanism sees it. Trial 0 is the baseline."""

    number: int
    params: Params
    """The full assignment that ran (empty where the task has no space)."""
    loss: float | None
    """Lower is better, whatever the metric's direction; None when there is no score."""
    status: str
    """kept, discarded, crashed, timed_out, rejected or quarantined."""
    by: str
    """Who proposed it: "model", or the id of a mechanism."""
    parent: int | None = None
    changed: str = ""
    """What was changed, in words: `ORDER 3 -> 5; train.py: predict()`."""

    @property
    def touched(self) -> list[str]:
        """Names of the parameters and functions that were changed."""
        names: list[str] = []
        for part in self.changed.split("; "):
            head, colon, listed = part.partition(": ")
            names += listed.split(", ") if colon else head.split(" ")[:1]
        return [name for name in names if name not in ("", "nothing")]


@dataclass(frozen=True)
class Steer:
    """Advice to the model that proposes, instead of a candidate. Empty fields say nothing."""

    parent: int | None = None
    """Number of the measured trial to start from (default: where the search stands)."""
    focus: Sequence[str] = ()
    """Names of parameters or functions to change."""
    avoid: Sequence[str] = ()
    """Names of parameters or functions to leave alone."""
    hint: str = ""
    """One sentence of advice."""


def measured(history: Sequence[Trial]) -> list[Trial]:
    """The trials of `history` that have a loss, best first. Empty when there are none."""
    return sorted((t for t in history if t.loss is not None), key=lambda t: t.loss or 0.0)


class Mechanism(ABC):
    """Base of all mechanisms. One instance lives through the run; calls come in trial order.

    Use `rng` for all randomness: under one seed a mechanism must repeat itself exactly.
    """

    def __init__(self, space: Space, rng: Random) -> None:
        self.space = space
        self.rng = rng

    @abstractmethod
    def suggest(self, history: list[Trial]) -> Params | Steer:
        """What to try next: a full assignment for `space`, or a `Steer`.

        `history` holds all trials so far, whoever proposed them. A candidate that was tried
        before is not run again: `suggest` is asked anew, a few times at most.
        """

    def accept(self, trial: Trial, history: list[Trial]) -> bool | None:  # noqa: ARG002
        """Start the next trials from `trial`, though it is not the best? None: no opinion."""
        return None


class PointMechanism(Mechanism):
    """A mechanism that thinks in points: lists of floats from 0 to 1, one per parameter.

    Override `move`. Everything else is taken care of: the first trials are random, trials without
    a loss are left out, and what `move` returns is brought into bounds.
    """

    FIRST = 5
    """Measured trials that `move` is sure to find."""

    def suggest(self, history: list[Trial]) -> Params:
        """A random assignment at first, then the parameters at the point that `move` returns."""
        good = measured(history)
        if len(good) < self.FIRST:
            return self.space.sample(self.rng)
        points = [self.space.to_unit(trial.params) for trial in good]
        failures = len(history) - 1 - good[0].number
        point = [float(u) for u in self.move(points, [t.loss or 0.0 for t in good], failures)]
        if len(point) != len(self.space):
            raise ValueError(f"move() returned {len(point)} floats, not {len(self.space)}")
        return self.space.from_unit(point)

    @abstractmethod
    def move(self, points: list[list[float]], losses: list[float], failures: int) -> list[float]:
        """The next point to try.

        `points` are all measured trials, best first, and `losses` theirs; `failures` is the
        number of trials since the last gain.
        """
