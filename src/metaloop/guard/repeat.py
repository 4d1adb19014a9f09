"""Repeat: both programs are measured again until the gain is sure or seems to be none.

A sequential t-test with a fixed level per look (Pocock 1977, Biometrika 64:191). With `LEVEL` per
look a candidate that is no better is promoted with a probability of about 0.02, one that is better
by two standard deviations with 0.95 (`benchmarks/guards.py` measures both). So of the T trials of
a run at most about 0.02 T are promoted falsely, on average.

A deterministic task needs none of it, unless a patch touches chance, say by dropping the seed: that
is measured once more, and goes the way of noisy ones if the two losses differ.
"""

from __future__ import annotations

import ast
import re
from difflib import unified_diff

from metaloop.guard.base import Measure, Promotion, Verdict
from metaloop.task.patch import Files
from metaloop.task.source import lines, statements

LEVEL = 0.005
"""One-sided level of each look."""
LOOKS = 12
"""At most this many measurements of one candidate."""
TOLD = 1.65
"""Gain, in standard deviations of the noise, that is promoted with a probability of 0.8."""
CHANCE = re.compile(r"rand(om|int|n|range)|seed|rng|shuffle|time\b", re.IGNORECASE)
"""What code that draws lots, or has them drawn alike every time, is known by."""


class Repeat:
    """Promote when the lower confidence bound of the gain is above 0."""

    name = "repeat"

    def __init__(self, measure: Measure) -> None:
        self._measure = measure

    async def check(self, promotion: Promotion) -> Verdict:
        """Measure as often as it takes and may take; what fails to run again is rejected."""
        before = promotion.runs  # those are other guards', and no repeats
        if promotion.noise.sigma == 0:
            if not touches_chance(promotion.best_files, promotion.files):
                return Verdict(self.name, "passed", "the task is deterministic: measured once")
            if not await self._measure_candidate(promotion):
                return Verdict(self.name, "rejected", "it did not run again")
            if len(set(promotion.losses)) == 1:
                return Verdict(self.name, "passed", "the task is deterministic: measured twice")
        for look in range(1, LOOKS + 1):
            noise = promotion.noise.known.pooled(promotion.losses)
            error = noise.error(len(promotion.losses), len(promotion.best_losses))
            reach = _quantile(noise.freedom) * error
            said = (
                f"gain {promotion.gain:.3g}, at least {promotion.gain - reach:.3g} "
                f"({len(promotion.losses)} runs against {len(promotion.best_losses)})"
            )
            if promotion.gain > reach:
                return Verdict(self.name, "passed", said)
            if promotion.gain < hope(look) * error:
                break
            if promotion.spare is not None and promotion.runs - before >= promotion.spare:
                said += ", and no more repeats are left to this run"
                break
            if look < LOOKS and not await self._measure_again(promotion):
                return Verdict(self.name, "rejected", "it did not run again")
        return Verdict(self.name, "discarded", said)

    async def _measure_again(self, promotion: Promotion) -> bool:
        """One more run of the candidate, and of the best where that has fewer."""
        if not await self._measure_candidate(promotion):
            return False
        if len(promotion.best_losses) < len(promotion.losses):
            promotion.runs += 1
            if (other := await self._measure(promotion.best_files)) is not None:
                promotion.best_losses.append(other)
        return True

    async def _measure_candidate(self, promotion: Promotion) -> bool:
        promotion.runs += 1
        if (loss := await self._measure(promotion.files)) is not None:
            promotion.losses.append(loss)
        return loss is not None


def touches_chance(before: Files, after: Files) -> bool:
    """Does a line of code that differs draw lots, or say how they are drawn?"""
    changes = (unified_diff(_lines(before[n]), _lines(after[n]), n=0) for n in after)
    return any(CHANCE.search(line) for changed in changes for line in changed)


def _lines(text: str) -> list[str]:
    """One for each statement of Python, without comments; of what is no Python, as they are."""
    try:
        return ast.unparse(ast.Module(statements(text), [])).splitlines()
    except ValueError:  # SourceError, or Python 3.11 cannot write an f-string that it can read
        return lines(text)


def hope(look: int) -> float:
    """Gain, in standard errors, below which the candidate is given up at this look."""
    return min(0.3 * (look - 1), 1.8)


def _quantile(freedom: int) -> float:
    from scipy.stats import t  # slow to import, and deterministic tasks need none of it

    return float(t.ppf(1 - LEVEL, freedom))
