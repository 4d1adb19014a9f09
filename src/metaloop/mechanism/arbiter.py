"""The arbiter: a bandit that hands each trial to the model alone or to one mechanism.

Discounted UCB (Garivier and Moulines, ALT 2011): credit is gain per trial, old gains count less,
and only gains that exceeded the noise count at all (the caller records 0 for the others).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

DISCOUNT = 0.95
"""Weight of a trial against the one after it."""
EXPLORATION = 0.7
_MOST = 1e300
"""Gains are cut here: sums of them stay finite."""
MODEL = "model"


@dataclass
class _Arm:
    owed: int
    """Trials still guaranteed."""
    pulls: float = 0.0
    """Discounted number of trials."""
    gain: float = 0.0
    """Discounted sum of gains."""


class Arbiter:
    """The arms in use and their credit: a fold over (arm, gain), the same for a resumed run."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._arms: dict[str, _Arm] = {}

    def add(self, arm: str, guaranteed: int) -> None:
        """Put `arm` into use and owe it so many trials, before credit decides."""
        self._arms[arm] = _Arm(guaranteed)

    def retire(self, arm: str) -> None:
        """Take `arm` out of use for good."""
        self._arms.pop(arm, None)

    def choose(self, number: int, in_flight: Sequence[str] = ()) -> str:
        """The arm of trial `number`; `in_flight` are the arms of trials that are not decided yet.

        They count as trials made, or all that run side by side would go to one arm. The choice is
        a pure function of seed, number, records and these.
        """
        arms = list(self._arms)
        if not arms:
            return MODEL
        owed = {name: arm.owed - in_flight.count(name) for name, arm in self._arms.items()}
        if max(owed.values()) > 0:
            return max(arms, key=lambda name: (owed[name], arms.index(name)))
        pulls = {name: arm.pulls + in_flight.count(name) for name, arm in self._arms.items()}
        Random(f"{self._seed}/{number}").shuffle(arms)  # breaks ties  # noqa: S311
        return max(arms, key=lambda name: self._index(name, pulls))

    def record(self, arm: str, gain: float) -> None:
        """Credit `arm` with the gain of one trial, in the metric's unit, never negative."""
        for other in self._arms.values():
            other.pulls *= DISCOUNT
            other.gain *= DISCOUNT
        if arm in self._arms:
            self._arms[arm].owed -= 1
            self._arms[arm].pulls += 1
            self._arms[arm].gain += min(max(0.0, gain), _MOST)  # NaN is no gain either

    def credit(self) -> dict[str, float]:
        """Discounted gain per trial of each arm in use."""
        return {name: arm.gain / max(arm.pulls, 1e-9) for name, arm in self._arms.items()}

    def least_first(self, arms: Sequence[str]) -> list[str]:
        """Those of `arms` that are owed no more trials, by their credit, of equals the first one
        first."""
        credit = self.credit()
        return sorted((a for a in arms if self._arms[a].owed <= 0), key=credit.__getitem__)

    def _index(self, name: str, pulls: Mapping[str, float]) -> float:
        """Upper confidence bound, in units of the mean credit of all arms."""
        gain, total = self._arms[name].gain, sum(pulls.values())
        unit = sum(a.gain for a in self._arms.values()) / max(total, 1e-9) or 1.0
        if pulls[name] < 1e-3:
            return math.inf
        bonus = EXPLORATION * math.sqrt(math.log(max(total, 2.0)) / pulls[name])
        return gain / pulls[name] / unit + bonus
