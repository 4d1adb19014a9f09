"""Is a router worth having? Score and cost on queries it has not seen, beside its controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from metaloop.models.router.embed import Array, Embedder
from metaloop.models.router.fit import choose, fit, fit_policy
from metaloop.models.router.policy import Policy
from metaloop.models.router.table import Table

HELD_OUT = 0.3
ALPHAS = (1.0, 0.975, 0.95, 0.925, 0.9, 0.875, 0.85, 0.8, 0.7, 0.5, 0.0)
RESAMPLES = 500
"""Bootstrap samples of the queries behind each interval."""
CONTROL_CLUSTERS = 60
"""Clusters of the shuffled control where cross-validation found none."""
ROUTER, NO_CLUSTER, SHUFFLED = "router", "no cluster", "shuffled embedding"
SINGLE, RANDOM, ORACLE = "best single", "random", "oracle"


@dataclass(frozen=True)
class Point:
    """Mean score and dollars per query over all splits, with 95 % bootstrap intervals.

    Splits and bootstrap samples in which a value is not known are left out; None where it is known
    in none.
    """

    arm: str
    alpha: float | None
    """None for what does not depend on it."""
    score: float | None
    score_interval: tuple[float, float] | None
    error: float | None
    """Standard error of the score."""
    gain_interval: tuple[float, float] | None
    """Interval of the score minus the best single model's, on the same queries."""
    cost: float | None
    share: float | None
    """Cost relative to the best single model's."""
    share_interval: tuple[float, float] | None


@dataclass(frozen=True)
class Evaluation:
    """Router and controls on held-out queries."""

    rows: int
    seeds: int
    points: tuple[Point, ...]
    evidence: tuple[str, ...]
    """What each split's router found of itself."""

    def of(self, arm: str, alpha: float | None = None) -> Point:
        """The point of `arm` at `alpha`; raises StopIteration when there is none."""
        return next(p for p in self.points if p.arm == arm and p.alpha == alpha)

    def curve(self, arm: str) -> list[Point]:
        """All points of `arm`, alpha falling."""
        return [p for p in self.points if p.arm == arm]

    def cheapest(self, score: float) -> Point | None:
        """The cheapest point of the router that scores at least so much."""
        priced = [p for p in self.curve(ROUTER) if p.score is not None and p.cost is not None]
        good = [p for p in priced if (p.score or 0.0) >= score]
        return min(good, key=lambda p: p.cost or 0.0, default=None)

    def to_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


Chosen = dict[tuple[str, float | None], tuple[Array, Array]]
"""Score and cost per held-out row, by arm and alpha."""


def evaluate(table: Table, seeds: int = 5, embedder: Embedder | None = None) -> Evaluation:
    """Split `seeds` times, fit on the one part and measure on the other.

    Duplicates of a query stay on one side. Raises ValueError when there is too little to split.
    """
    groups = table.groups()
    if groups.max() < 9:
        raise ValueError("fewer than 10 different queries: too few to hold any out")
    splits: list[tuple[Array, Chosen]] = []
    evidence = []
    for seed in range(seeds):
        order = np.random.default_rng(seed).permutation(groups.max() + 1)
        out = np.isin(groups, order[: round(HELD_OUT * len(order))])
        train, test = table.take((~out).nonzero()[0]), table.take(out.nonzero()[0])
        found, chosen = _measure(train, test, seed, embedder)
        splits.append((groups[out], chosen))
        evidence.append(found)
    points = _points(splits, int(groups.max()) + 1)
    return Evaluation(len(table), seeds, points, tuple(evidence))


def _measure(train: Table, test: Table, seed: int, embedder: Embedder | None) -> tuple[str, Chosen]:
    """Fit on `train`; what each arm's choices score and cost on `test`."""
    fitted = fit(train, embedder)
    policy, vectors = fitted.policy, fitted.embedder.embed(test.queries)
    # The control has clusters of the same number and sizes, of queries that belong elsewhere.
    shuffled = np.random.default_rng(seed).permutation(fitted.embedder.embed(train.queries))
    k = policy.evidence.clusters or min(CONTROL_CLUSTERS, len(train) // 2)
    control = fit_policy(train, shuffled, clusters=k)
    rows = np.arange(len(test))

    def of(choices: Array) -> tuple[Array, Array]:
        return test.scores[rows, choices], test.costs[rows, choices]

    chosen: Chosen = {}
    for alpha in ALPHAS:
        chosen[ROUTER, alpha] = of(choose(policy, vectors, alpha))
        chosen[NO_CLUSTER, alpha] = of(np.full(len(test), _overall(policy, alpha)))
        chosen[SHUFFLED, alpha] = of(choose(control, vectors, alpha))
    chosen[SINGLE, None] = of(np.full(len(test), policy.mean_scores.argmax()))
    chosen[RANDOM, None] = _mean(test.scores, axis=1), _mean(test.costs, axis=1)
    dearness = np.nan_to_num(test.costs, nan=np.inf)
    known = np.nan_to_num(test.scores, nan=-1.0)
    chosen[ORACLE, None] = of(np.lexsort((dearness, -known), axis=1)[:, 0])
    return str(policy.evidence), chosen


def _overall(policy: Policy, alpha: float) -> int:
    """The one model for all queries."""
    return int(policy.rank(policy.mean_scores, policy.mean_costs, alpha)[0][0])


def _mean(values: Array, axis: int) -> Array:
    """Mean of the known values along `axis`, NaN where there is none."""
    counts = (~np.isnan(values)).sum(axis=axis)
    return np.asarray(np.nansum(values, axis=axis) / np.where(counts, counts, np.nan))


def _points(splits: list[tuple[Array, Chosen]], groups: int) -> tuple[Point, ...]:
    """Means over the splits, and intervals from resampling the different queries."""
    arms = list(splits[0][1])
    rng = np.random.default_rng(0)
    sums = [_summing(groups_of, chosen, arms) for groups_of, chosen in splits]

    def means(weights: Array) -> Array:
        """Two (score, cost) by arms."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return _mean(np.array([one(weights) for one in sums]), axis=0)

    score, cost = means(np.ones(groups))
    picks = (rng.integers(groups, size=groups) for _ in range(RESAMPLES))
    drawn = np.array([means(np.bincount(pick, minlength=groups)) for pick in picks])
    single = arms.index((SINGLE, None))
    with np.errstate(invalid="ignore", divide="ignore"):
        share, shares = cost / cost[single], drawn[:, 1] / drawn[:, 1, [single]]
    return tuple(
        Point(
            arm,
            alpha,
            _number(score[i]),
            _interval(drawn[:, 0, i]),
            _error(drawn[:, 0, i]),
            _interval(drawn[:, 0, i] - drawn[:, 0, single]),
            _number(cost[i]),
            _number(share[i]),
            _interval(shares[:, i]) if np.isfinite(share[i]) else None,
        )
        for i, (arm, alpha) in enumerate(arms)
    )


def _summing(
    groups_of: Array, chosen: Chosen, arms: list[tuple[str, float | None]]
) -> Callable[[Array], Array]:
    """A function from a weight per group to each arm's weighted mean score and cost."""
    values = np.array([[chosen[arm][i] for arm in arms] for i in (0, 1)])
    known, values = (~np.isnan(values)).astype(float), np.nan_to_num(values)

    def means(weights: Array) -> Array:
        own = weights[groups_of]
        return np.asarray((values @ own) / (known @ own))

    return means


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _error(drawn: Array) -> float | None:
    known = drawn[np.isfinite(drawn)]
    return float(known.std(ddof=1)) if len(known) > 1 else None


def _interval(drawn: Array) -> tuple[float, float] | None:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
