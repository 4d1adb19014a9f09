"""How many runs tell a gain from the noise: the power of the two-sample t-test.

Two programs, the same number of runs of each, equal noise, one-sided because only a gain counts: at
level ALPHA the test finds a true gain with probability POWER. Gains and sigma are in the metric's
unit. This is a plain comparison; what `metaloop run` keeps is told by `guard.repeat.TOLD`.
"""

from __future__ import annotations

import math

from scipy import stats

ALPHA, POWER = 0.05, 0.8
MOST = 10**9
"""No count of runs is above this: nobody does so many."""
_EXACT = 100_000
"""From here on t and normal distribution agree to all digits that matter."""


def power(gain: float, sigma: float, runs: int) -> float:
    """Probability that `runs` (at least 2) of each program show a true `gain` at noise `sigma`."""
    df = 2 * runs - 2
    shift = gain / (sigma * math.sqrt(2 / runs))
    return float(stats.nct.sf(stats.t.isf(ALPHA, df), df, shift))


def runs_needed(gain: float, sigma: float) -> int:
    """Runs of each program that tell `gain` from noise `sigma`; 1 when nothing is random.

    Raises ValueError unless `gain` is positive and finite and `sigma` is finite and not negative.
    """
    if not (0 < gain < math.inf and 0 <= sigma < math.inf):
        raise ValueError(f"a gain must be above 0 and a sigma not below (got {gain:g}, {sigma:g})")
    if sigma == 0:
        return 1
    ratio = sigma / gain if sigma < gain * 1e9 else 1e9
    normal = 2 * (float(stats.norm.isf(ALPHA) + stats.norm.ppf(POWER)) * ratio) ** 2
    if normal > _EXACT:
        return min(math.ceil(normal), MOST)
    runs = max(2, math.floor(normal))
    while power(gain, sigma, runs) < POWER:  # the t-test needs two or three more
        runs += 1
    return runs


def sigma_interval(sigma: float, df: int) -> tuple[float, float]:
    """95 % confidence interval of a standard deviation estimated with `df` degrees of freedom."""
    low, high = stats.chi2.ppf([0.975, 0.025], df)
    return sigma * math.sqrt(df / low), sigma * math.sqrt(df / high)
