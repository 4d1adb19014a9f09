"""The arbiter: a bandit that hands each trial to the model alone or to one mechanism.

Discounted UCB (Garivier and Moulines, ALT 2011): credit is gain per trial, old gains count less,
and only gains that exceeded the noise count at all (the caller records 0 for the others).
"""

from __future__ import annotations

import math
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

    def choose(self, number: int) -> str:
        """The arm of trial `number`; the choice is a pure function of seed, number and records."""
        arms = list(self._arms)
        if not arms:
            return MODEL
        if owed := [name for name in arms if self._arms[name].owed > 0]:
            return max(owed, key=lambda name: (self._arms[name].owed, arms.index(name)))
        Random(f"{self._seed}/{number}").shuffle(arms)  # breaks ties  # noqa: S311
        return max(arms, key=self._index)

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

    def _index(self, name: str) -> float:
        """Upper confidence bound, in units of the mean credit of all arms."""
        arm = self._arms[name]
        total = sum(a.pulls for a in self._arms.values())
        unit = sum(a.gain for a in self._arms.values()) / max(total, 1e-9) or 1.0
        if arm.pulls < 1e-3:
            return math.inf
        bonus = EXPLORATION * math.sqrt(math.log(max(total, 2.0)) / arm.pulls)
        return arm.gain / arm.pulls / unit + bonus
