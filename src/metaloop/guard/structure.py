"""Internal structure: what is known to hold must hold when the weights are perturbed.

A program may score better and have it from weights that reproduce the data piece by piece; that
shows when they are perturbed (`probe`). Both programs are put under noise on their weights,
as far as it takes to do the same damage to the output, for how far noise of one size moves the
output is no evidence. Then it is seen how much of that damage breaks the invariant.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable, Sequence
from statistics import fmean, stdev
from typing import cast

from metaloop.guard.base import Ending, Probed, Promotion, Verdict

DRAWS = 12
"""Directions of noise."""
SCALES = tuple(0.01 * 2**k for k in range(9))
"""How far weights are moved along each, relative to each weight."""
TOLERATED = 0.1
"""Growth of the violation per damage by which a candidate may exceed the best."""
HUGE = 1e300
"""Above this nothing is a reading: sums of such numbers are none."""
ERRORS = 2.0
"""Standard errors by which it must do so clearly."""
SAME = 0.01
"""How far the output that the weights give may be from the one that was scored."""


class ProbeError(Exception):
    """A program's weights could not be probed, or are not what its output came from."""


Ask = Callable[[Promotion], Awaitable[Probed]]
"""Probes the weights that the candidate's run left; raises ProbeError."""


class Structure:
    """Quarantine what breaks the invariant clearly more than the best does, at equal damage."""

    name = "probe"

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    async def check(self, promotion: Promotion) -> Verdict:
        """Probe the candidate once, and compare; what the best showed is known."""
        promotion.runs += 1
        try:
            probed = await self._ask(promotion)
        except ProbeError as error:
            return Verdict(self.name, "quarantined", str(error), hidden=True)
        promotion.shown.probed = probed
        best = cast(Probed, promotion.best_shown.probed)  # the baseline has one, and all after it
        more = probed.breaking - best.breaking
        surely = more - ERRORS * math.hypot(probed.error, best.error)
        evidence = f"{told(probed)}; the best: {told(best)}"
        ending: Ending = "quarantined" if surely > TOLERATED else "passed"
        return Verdict(self.name, ending, evidence, hidden=True)


def told(probed: Probed) -> str:
    """One reading in words."""
    return (
        f"violation {probed.violation:.3g}, growing by {probed.breaking:+.2f} per damage "
        f"(standard error {probed.error:.2g}) under noise of {probed.scale:.2g}"
    )


def read(stdout: str, level: float) -> Probed:
    """What the task's probe judge printed, as a reading at damage `level`.

    Raises:
        ProbeError: that is not what was asked for, says that the weights are not those of the
            scored output, or that noise does too little damage.
    """
    damage, violation = (_numbers(stdout, key) for key in ("damage", "violation"))
    if damage[0] > SAME:
        raise ProbeError(
            f"the weights that it left give an output that is {damage[0]:.2g} away from the one "
            "that was scored"
        )
    rungs, own = len(SCALES), violation[0]
    # Without noise there is no damage: so every draw's curve begins.
    damages = [[0.0, *damage[i : i + rungs]] for i in range(1, len(damage), rungs)]
    violations = [[own, *violation[i : i + rungs]] for i in range(1, len(damage), rungs)]
    return _at(level, damages, violations)


def _at(level: float, damages: list[list[float]], violations: list[list[float]]) -> Probed:
    """The reading where the mean over all draws' curves of damage, by scale, reaches `level`."""
    mean, scales = [fmean(rung) for rung in zip(*damages, strict=True)], (0.0, *SCALES)
    reached = next((k for k, damage in enumerate(mean) if damage >= level), None)
    if reached is None:
        raise ProbeError(
            f"noise on its weights moves the output by {max(mean):.2g} at most, not by {level:g}"
        )
    before = reached - 1
    share = (level - mean[before]) / (mean[reached] - mean[before])

    def between(curve: Sequence[float]) -> float:
        return (1 - share) * curve[before] + share * curve[reached]

    breaking = [(between(curve) - curve[0]) / level for curve in violations]
    error = stdev(breaking) / math.sqrt(len(breaking))
    return Probed(violations[0][0], fmean(breaking), error, between(scales))


def _numbers(stdout: str, key: str) -> list[float]:
    """The list `key` of the last line, JSON: a number for the weights and for each noise."""
    try:
        found = json.loads(stdout.strip().splitlines()[-1])[key]
        numbers = [float(value) for value in found]
    except (ValueError, TypeError, KeyError, IndexError, OverflowError, RecursionError):
        raise ProbeError(f"the probe's judge printed no JSON object with a list {key!r}") from None
    count = 1 + DRAWS * len(SCALES)
    if len(numbers) != count or not all(0 <= number < HUGE for number in numbers):
        raise ProbeError(
            f"the probe's judge must print {count} numbers from 0 to {HUGE:g} as {key!r}"
        )
    return numbers
