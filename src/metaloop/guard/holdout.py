"""Holdout gap: a gain must show on data that the search never saw.

The gain on the search data may outrun the gain on the holdout by 2 standard errors, both against
the best that is to be replaced and, so that small steps do not add up unseen, against the baseline.
Standard errors come from what the judge prints per block of its data (paired, block by block) and
from the noise. Where there is neither, the holdout must not get worse.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from statistics import stdev
from typing import cast

from metaloop.guard.base import Promotion, Scored, Verdict

ERRORS = 2.0
"""Standard errors by which the two gains may differ."""

Query = Callable[[Promotion], Awaitable[Scored | None]]
"""Scores the candidate on the holdout; None when the holdout's command refuses it."""


class Holdout:
    """Reject what gains on the search data alone. At most `budget` queries a run."""

    name = "holdout"

    def __init__(self, query: Query, budget: int) -> None:
        self._query, self._budget = query, budget

    async def check(self, promotion: Promotion) -> Verdict:
        """Query the holdout once, and compare the two gains."""
        if promotion.queries >= self._budget:
            said = f"the budget of {self._budget} queries of the holdout is used up"
            return Verdict(self.name, "quarantined", said)
        promotion.queries += 1
        promotion.shown.holdout = await self._query(promotion)
        if promotion.shown.holdout is None:
            return Verdict(self.name, "rejected", "the holdout's command refused it", hidden=True)
        found = []
        for whose, other in (
            ("the best", promotion.best_shown),
            ("the baseline", promotion.baseline_shown),
        ):
            before = cast(Scored, other.holdout)  # the baseline has one, and all after it
            gain, error = compare(other.search, promotion.shown.search)
            held, held_error = compare(before, promotion.shown.holdout)
            error = math.hypot(error, held_error, math.sqrt(2) * promotion.noise.sigma)
            found.append(
                f"{gain:+.4g} against {whose}, {held:+.4g} on the holdout "
                f"(standard error of the gap {error:.2g})"
            )
            if gain - held > ERRORS * error and (error > 0 or held < 0):
                return Verdict(self.name, "rejected", found[-1], hidden=True)
        return Verdict(self.name, "passed", "; ".join(found), hidden=True)


def compare(before: Scored, after: Scored) -> tuple[float, float]:
    """Gain from `before` to `after`, and its standard error over the blocks (0 without blocks)."""
    gain = before.loss - after.loss
    if len(before.blocks) < 2 or len(before.blocks) != len(after.blocks):
        return gain, 0.0
    differences = [b - a for b, a in zip(before.blocks, after.blocks, strict=True)]
    return gain, stdev(differences) / math.sqrt(len(differences))
