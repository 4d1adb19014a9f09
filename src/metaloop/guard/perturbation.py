"""Guards 4 and 5: the gain must hold where it should, and fall where it should.

A task declares variants of its run: other seeds, another order of the data, one group alone, or the
information that the program should be using shuffled. Where the gain must hold, the candidate may
not be worse than the best under the same variant; where it must fall (information control), less
than half of the gain may be left, or it never came from that information.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from metaloop.guard.base import Promotion, Shown, Verdict
from metaloop.task.patch import Files
from metaloop.task.spec import Perturbation


class NoScore(Exception):
    """A program has no score under a variant."""


Vary = Callable[[Files, Perturbation], Awaitable[float]]
"""Loss of a program under a variant; raises NoScore."""


class Perturbations:
    """Runs each declared variant of candidate and best, and compares."""

    name = "perturbation"

    def __init__(self, variants: Sequence[Perturbation], vary: Vary) -> None:
        self._variants, self._vary = variants, vary

    async def check(self, promotion: Promotion) -> Verdict:
        """Every variant in turn, up to the first that does not stay as declared."""
        found = []
        for variant in self._variants:
            try:
                best = await self._loss(
                    promotion, promotion.best_files, promotion.best_shown, variant
                )
            except NoScore:  # of runs that began before the baseline was asked for one
                continue
            try:
                loss = await self._loss(promotion, promotion.files, promotion.shown, variant)
            except NoScore:
                return Verdict(self.name, "rejected", f"{variant.name}: it has no score")
            gain, error = best - loss, promotion.noise.error(1, 1)
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

    async def _loss(
        self, promotion: Promotion, files: Files, shown: Shown, variant: Perturbation
    ) -> float:
        """Measured once per program and variant."""
        if variant.name not in shown.varied:
            promotion.runs += 1
            shown.varied[variant.name] = await self._vary(files, variant)
        return shown.varied[variant.name]
