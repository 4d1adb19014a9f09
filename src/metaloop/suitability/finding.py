"""What was found: single measures, and the four properties that they make up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Verdict = Literal["fit", "fit with repairs", "unfit"]
FIT, UNFIT = 2 / 3, 1 / 3
"""From FIT on nothing needs to be done; below UNFIT no small repair helps."""


@dataclass(frozen=True)
class Finding:
    """One measure: its evidence, and its score in [0, 1], or None when it only informs.

    `change` is what would raise the score; a finding below 1 has one.
    """

    name: str
    score: float | None
    evidence: str
    change: str = ""


@dataclass(frozen=True)
class Property:
    """One of the four properties. As good as its weakest finding: no strength makes up for it."""

    name: str
    findings: tuple[Finding, ...]

    @property
    def score(self) -> float:
        """In [0, 1]."""
        return min(self._scores())

    @property
    def weakest(self) -> Finding:
        """The finding that decides; the first of equals."""
        return min((f for f in self.findings if f.score is not None), key=lambda f: f.score or 0.0)

    @property
    def change(self) -> str:
        """The one change that would raise the score most; empty when nothing is wrong."""
        return self.weakest.change if self.score < 1 else ""

    @property
    def score_after(self) -> float:
        """The score when that change is made in full: what the next weakest finding leaves."""
        return [*sorted(self._scores())[1:], 1.0][0]

    def _scores(self) -> list[float]:
        return [f.score for f in self.findings if f.score is not None]


def verdict_of(score: float) -> Verdict:
    """What a score means in words."""
    return "fit" if score >= FIT else "fit with repairs" if score >= UNFIT else "unfit"


def grade(value: float, *anchors: tuple[float, float], log: bool = False) -> float:
    """The score of a value between (value, score) anchors of rising value, linear or in its log.

    >>> grade(30, (0, 1.0), (60, 0.5))
    0.75
    """
    xs, ys = zip(*anchors, strict=True)
    if log:
        return float(np.interp(np.log(max(value, 1e-300)), np.log(xs), ys))
    return float(np.interp(value, xs, ys))
