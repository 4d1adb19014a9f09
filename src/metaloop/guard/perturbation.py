"""Perturbations: the gain must hold where it should, and fall where it should.

A task declares variants of its run: other seeds, another order of the data, one group alone, or the
information that the program should be using shuffled. Where the gain must hold, the candidate may
not be worse than the best under the same variant; where it must fall (information control), less
than half of the gain may be left, or it never came from that information.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from metaloop.guard.base import Promotion, Verdict
from metaloop.task.patch import Files
from metaloop.task.spec import Perturbation

Vary = Callable[[Files, Perturbation], Awaitable[float | None]]
"""Loss of a program under a variant, None where it has no score."""


class Perturbations:
    """Runs each declared variant of a candidate, and compares with the best under the same."""

    name = "perturbation"

    def __init__(self, variants: Sequence[Perturbation], vary: Vary) -> None:
        self._variants, self._vary = variants, vary

    async def check(self, promotion: Promotion) -> Verdict:
        """Every variant in turn, up to the first that does not stay as declared."""
        found = []
        for variant in self._variants:
            promotion.runs += 1
            loss = await self._vary(promotion.files, variant)
            if loss is None:
                return Verdict(self.name, "rejected", f"{variant.name}: it has no score")
            promotion.shown.varied[variant.name] = loss
            gain = promotion.best_shown.varied[variant.name] - loss
            error = promotion.noise.error(1, 1)
            found.append(f"{variant.name}: {gain:+.4g}")
            if variant.must == "hold" and gain < -2 * error:
                return Verdict(self.name, "rejected", f"{found[-1]}, though it must hold")
            if variant.must == "fall" and gain > promotion.gain / 2 + 2 * error:
                return Verdict(
                    self.name,
                    "rejected",
                    f"{found[-1]} of {promotion.gain:+.4g} is left, though it must fall",
                )
        return Verdict(self.name, "passed", "; ".join(found))
