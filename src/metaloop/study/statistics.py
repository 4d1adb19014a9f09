"""What paired differences tell: interval, test, effect size, power. Numbers in, numbers out.

How often the test errs, the interval covers and an effect is found is measured by
`benchmarks/statistics.py` on made-up studies; docs/study/statistics.md has the figures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL = 0.05
"""At which a difference counts as seen."""
POWER = 0.8
"""Probability with which a difference is to be found."""
RESAMPLES = 10_000
RESAMPLED = 5
"""So many values at least are resampled."""
EXACT = 16
"""Up to so many pairs all sign flips are tried: 65,536, half of them mirror images."""
FLIPS = 20_000
"""So many random ones beyond."""
MOST = 10**9
"""No count of pairs is above this: nobody runs so many."""
_TIE = 1e-10
"""Relative to the sum of the absolute differences: closer means are the same number, rounded."""


class Interval(NamedTuple):
    """From `low` to `high`, both included."""

    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """What paired differences answer. They are in the metric's unit."""

    n: int
    """Pairs. With one, `spread` and `effect` are nan: nothing tells them."""
    mean: float
    interval: Interval
    """Of the mean, 95 %; without width where the differences are all equal."""
    matters: float
    """The difference that one would not want to miss."""
    p: float
    p_holm: float | None
    """Corrected for all questions of its family; None until `family` was asked."""
    effect: float
    spread: float
    """Standard deviation of the differences, estimated from them."""
    power: float
    """Probability that n pairs show a true difference of `matters`; like the next two nan or None
    where nothing tells the spread, since there is one pair or all differences are equal."""
    needed: int | None
    """Pairs that show `matters` with probability POWER."""
    detectable: float
    """The difference that n pairs show with probability POWER; inf if they cannot show any."""


def interval(values: Sequence[float]) -> Interval:
    """Expanded percentile bootstrap interval of the mean, 95 %; the same each time.

    The percentiles of the resampled mean are those that make it the t interval when the mean is
    normal: Phi(-sqrt(n / (n - 1)) t) in place of alpha / 2 (Hesterberg 2014, What Teachers Should
    Know about the Bootstrap, arXiv:1411.5279). The plain percentile interval takes the normal
    quantile and the spread with divisor n, and so is too narrow: by a fifth at n = 10.

    Of fewer than `RESAMPLED` values it is the t interval: their resampled means end at the least
    and the greatest of them. One value, or all equal, gives an interval without width: nothing
    tells how wide it should be. Raises ValueError for no values.
    """
    from scipy.stats import norm, t

    data = _array(values)
    n = len(data)
    if n == 1 or data.min() == data.max():
        return Interval(float(data[0]), float(data[0]))
    quantile = t.ppf(LEVEL / 2, n - 1)
    if n < RESAMPLED:
        reach = -quantile * _spread(data) / math.sqrt(n)
        return Interval(float(data.mean() - reach), float(data.mean() + reach))
    tail = float(norm.cdf(math.sqrt(n / (n - 1)) * quantile))
    drawn = data[np.random.default_rng(0).integers(n, size=(RESAMPLES, n))]
    low, high = np.quantile(drawn.mean(axis=1), [tail, 1 - tail])
    return Interval(float(low), float(high))


def sign_flip_test(differences: Sequence[float]) -> float:
    """Two-sided p-value of the paired permutation test: of the |mean| under flips of the signs.

    Fisher's test (The Design of Experiments, 1935, section 21): if the two sides of each pair are
    exchangeable, each difference might as well have had the other sign. Exact up to EXACT pairs;
    beyond, FLIPS random flips, the same each time, and the observed one counted in (Phipson and
    Smyth 2010). n pairs cannot have a p below 2 ** (1 - n). Raises ValueError for no differences.
    """
    data = _array(differences)
    total = float(np.abs(data).sum())
    least = abs(float(data.sum())) - _TIE * total
    exact = len(data) <= EXACT
    signs = _all_signs(len(data)) if exact else _random_signs(len(data))
    beyond = int((np.abs(signs @ data) >= least).sum())
    return beyond / len(signs) if exact else (beyond + 1) / (len(signs) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: the chance of any false finding stays at the level.

    Holm 1979, A simple sequentially rejective multiple test procedure (Scand J Statist 6:65).
    """
    adjusted, worst = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        worst = max(worst, min(1.0, (len(p_values) - rank) * p_values[i]))
        adjusted[i] = worst
    return adjusted


def effect_size(differences: Sequence[float]) -> float:
    """Mean over standard deviation of the differences (d_z), corrected for few pairs.

    The correction 1 - 3 / (4 (n - 1) - 1) is Hedges' 1981 (J Educ Statist 6:107); d_z is in Lakens
    2013 (Front Psychol 4:863). It is 0 at two pairs. Differences without spread give inf with their
    sign, or 0 if they are 0; one pair gives nan.
    """
    data = _array(differences)
    mean, spread = float(data.mean()), _spread(data)
    if math.isnan(spread):
        return math.nan
    if spread == 0:
        return math.copysign(math.inf, mean) if mean else 0.0
    return mean / spread * (1 - 3 / (4 * (len(data) - 1) - 1))


def fewest(questions: int = 1) -> int:
    """Pairs below which, whatever the data, p cannot come below LEVEL for any of so many questions
    that are corrected together: it is at least questions * 2 ** (1 - n)."""
    n = 2
    while questions * 2.0 ** (1 - n) >= LEVEL:
        n += 1
    return n


def power(n: int, spread: float, difference: float, level: float = LEVEL) -> float:
    """Probability that n pairs show a true `difference` when theirs vary by `spread`.

    Of the two-sided paired t test, from the noncentral t distribution, in place of the sign flip
    test: on normal differences that comes within 0.04 of it from 7 pairs on, 0.01 from 10 on.
    With 6 it is up to 0.2 too high at a level of 0.05, and with fewer 0, like the test's, because
    no flip of so few signs is rare enough.
    """
    from scipy.stats import nct, t

    if n < 2 or 2.0 ** (1 - n) > level:
        return 0.0
    if spread == 0:
        return 1.0 if difference else 0.0
    shift = min(abs(difference) / spread * math.sqrt(n), 40.0)  # beyond, it is 1 to all digits
    edge = t.isf(level / 2, n - 1)
    other = np.nan_to_num(nct.cdf(-edge, n - 1, shift))  # scipy may make nan of next to nothing
    return float(nct.sf(edge, n - 1, shift) + other)


def needed(spread: float, difference: float, level: float = LEVEL) -> int:
    """The smallest number of pairs that shows `difference` with probability POWER.

    At most MOST. Raises ValueError for a difference of 0, which no number of pairs shows.
    """
    if not difference:
        raise ValueError("no number of pairs shows a difference of 0")
    few, many = 1, 2
    while many < MOST and power(many, spread, difference, level) < POWER:
        few, many = many, min(2 * many, MOST)
    while many - few > 1:
        middle = (few + many) // 2
        if power(middle, spread, difference, level) < POWER:
            few = middle
        else:
            many = middle
    return many


def detectable(n: int, spread: float, level: float = LEVEL) -> float:
    """The smallest true difference that n pairs show with probability POWER; inf if none is."""
    from scipy.optimize import brentq

    if power(n, 1.0, 40.0, level) < POWER:
        return math.inf
    return spread * float(brentq(lambda d: power(n, 1.0, d, level) - POWER, 0.0, 40.0))


def compare(differences: Sequence[float], matters: float) -> Comparison:
    """All that the differences tell; `matters` is the difference that one would not want to miss.

    `matters` was fixed beforehand, so that `power` is no restatement of p (Hoenig and Heisey 2001).
    Raises ValueError for no differences or a `matters` that is not above 0.
    """
    if not matters > 0:
        raise ValueError(f"the difference that matters must be above 0 (got {matters:g})")
    data = _array(differences)
    told = Comparison(
        n=len(data),
        mean=float(data.mean()),
        interval=interval(differences),
        matters=matters,
        p=sign_flip_test(differences),
        p_holm=None,
        effect=effect_size(differences),
        spread=_spread(data),
        power=math.nan,
        needed=None,
        detectable=math.nan,
    )
    return _with_power(told, LEVEL)


def family(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same comparisons, corrected for all of them together: `p_holm`, and power at the level
    that is left to each whatever the others say (LEVEL / their number; Holm's is no lower).

    p is at least 2 ** (1 - n): of more than 25 questions with 10 pairs each none can come below
    0.05, whatever the data, and of 6 pairs not even two. Keep families small.
    """
    adjusted = holm([c.p for c in comparisons])
    return [
        _with_power(replace(c, p_holm=p), LEVEL / len(comparisons))
        for c, p in zip(comparisons, adjusted, strict=True)
    ]


def _with_power(told: Comparison, level: float) -> Comparison:
    if not told.spread > 0:
        return told
    return replace(
        told,
        power=power(told.n, told.spread, told.matters, level),
        needed=needed(told.spread, told.matters, level=level),
        detectable=detectable(told.n, told.spread, level=level),
    )


def _array(values: Sequence[float]) -> Floats:
    data = np.asarray(values, dtype=np.float64)
    if not len(data):
        raise ValueError("no values: there is nothing to tell from them")
    return data


def _spread(data: Floats) -> float:
    """Standard deviation; 0 where it is but rounding, nan for one value."""
    if len(data) < 2:
        return math.nan
    spread = float(data.std(ddof=1))
    return spread if spread > _TIE * float(np.abs(data).max()) else 0.0


@lru_cache(maxsize=4)
def _all_signs(n: int) -> Floats:
    """All rows of n signs whose first is +; the others are these turned round."""
    bits: Any = np.arange(2 ** (n - 1))[:, None] >> np.arange(n)[None, :] & 1
    return np.where(bits[:, ::-1] == 0, 1.0, -1.0)


@lru_cache(maxsize=4)
def _random_signs(n: int) -> Floats:
    return np.random.default_rng(0).choice(np.array([-1.0, 1.0]), size=(FLIPS, n))
