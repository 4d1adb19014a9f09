"""What a router has learned, and how it decides: clusters, and what each model earns in them."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from metaloop.models.router.embed import Array

NEAREST = 3
"""Clusters whose scores are summed for a query."""
WIDTH = 0.1
"""A cluster's weight falls by e for so much more squared distance than the nearest one's."""

REST_S = 10.0
"""A model that was not available is skipped for so long."""


@dataclass(frozen=True)
class Decision:
    """Which model is to answer, and why."""

    model: str
    score: float
    """alpha * accuracy + (1 - alpha) * (1 - cost), relative to the best and the dearest model."""
    clusters: tuple[int, ...]
    """The nearest clusters, nearest first; empty where clusters do not decide."""
    expected_score: float
    expected_cost: float | None
    """Dollars; None when nobody knows."""
    runner_up: str | None
    reason: str
    fallbacks: tuple[str, ...]
    """The other models that may answer, best first, for when the chosen one does not."""

    @classmethod
    def of(
        cls, models: Sequence[str], ranked: Sequence[int], utility: Array, scores: Array,
        costs: Array, clusters: tuple[int, ...], reason: str,
    ) -> Decision:  # fmt: skip
        """For the first of `ranked`, indices of the models that may answer, best first.

        Raises ValueError when there is none.
        """
        if not ranked:
            raise ValueError("no model is left to choose: all are unavailable or of unknown cost")
        names, chosen = [models[i] for i in ranked], ranked[0]
        cost = float(costs[chosen])
        return cls(
            names[0],
            float(utility[chosen]),
            clusters,
            float(scores[chosen]),
            None if math.isnan(cost) else cost,
            names[1] if len(names) > 1 else None,
            reason,
            tuple(names[1:]),
        )


@dataclass(frozen=True)
class Evidence:
    """What the router's cross-validation found: clusters against the best single model."""

    clusters: int
    gain: float
    """Mean score of the clusters' choices minus that of the best single model, on rows left out."""
    error: float
    """Standard error of the gain."""
    rows: int
    earned: bool
    """The gain is beyond chance, so clusters decide."""

    def __str__(self) -> str:
        if not self.clusters:
            return f"{self.rows} rows are too few for clusters: one choice for all queries"
        found = f"{self.clusters} clusters {self.gain:+.4f} ± {self.error:.4f} in score"
        if self.earned:
            return f"clusters earn: {found} over the best single model, in cross-validation"
        return f"clusters earn nothing ({found} in cross-validation): one choice for all queries"


@dataclass(frozen=True, eq=False)
class Policy:
    """Clusters and, per cluster and model, the score and cost to expect.

    `centroids` is clusters by dimensions; `scores`, `costs` and `counts` are clusters by models,
    `mean_scores` and `mean_costs` are per model over all rows. A cost is NaN where nobody knows.
    """

    models: Sequence[str]
    centroids: Array
    scores: Array
    costs: Array
    counts: Array
    """Scores that the estimates rest on."""
    mean_scores: Array
    mean_costs: Array
    evidence: Evidence
    samples: Sequence[str] = ()
    """A typical query of each cluster, for people."""

    @cached_property
    def _units(self) -> tuple[float, float]:
        """The best model's score and the dearest one's cost, in which utility is counted."""
        best, dearest = float(self.mean_scores.max()), float(np.nanmax([*self.mean_costs, 0.0]))
        return best or 1.0, dearest or 1.0  # 0 leaves nothing to compare, and must not divide

    @cached_property
    def _norms(self) -> Array:
        return np.asarray((self.centroids**2).sum(axis=1))

    @cached_property
    def _priced(self) -> Array:
        """Which models have a known cost."""
        return ~np.isnan(self.mean_costs)

    def nearest(self, vector: Array) -> tuple[Array, Array]:
        """The clusters nearest to an embedded query, nearest first, and their weights."""
        distances = self._norms - 2.0 * (self.centroids @ vector)
        found = distances.argsort(kind="stable")[:NEAREST]
        weights = np.exp((distances[found[0]] - distances[found]) / WIDTH)
        return found, weights / weights.sum()

    def expect(self, vector: Array) -> tuple[tuple[int, ...], Array, Array]:
        """The clusters that decide, and each model's expected score and cost there.

        A query of which the embedding knows nothing is at 0, and belongs to no cluster.
        """
        if not self.evidence.earned or not vector.any():
            return (), self.mean_scores, self.mean_costs
        found, weights = self.nearest(vector)
        return tuple(found.tolist()), weights @ self.scores[found], weights @ self.costs[found]

    def rank(self, scores: Array, costs: Array, alpha: float) -> tuple[Array, Array]:
        """Models best first, and the utility of all of them.

        Below alpha = 1 a model whose cost is unknown is left out, unless no cost is known at all.
        Equal ones are ordered by score, then by cost.
        """
        best, dearest = self._units
        utility = alpha * (scores / best)
        by_cost = alpha < 1 and self._priced.any()
        if by_cost:
            utility = utility + (1 - alpha) * (1 - costs / dearest)
        order = np.lexsort((costs, -scores, -utility))
        return (order[self._priced[order]] if by_cost else order), utility

    def decide(self, vector: Array, alpha: float, unavailable: Collection[str] = ()) -> Decision:
        """Choose for an embedded query; models that are `unavailable` are skipped.

        `alpha` weighs accuracy against cost: 1 is accuracy alone, 0 is cost alone. Raises
        ValueError when alpha is out of range or no model is left.
        """
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha is {alpha}: give a number from 0 (cost) to 1 (accuracy)")
        clusters, scores, costs = self.expect(vector)
        order, utility = self.rank(scores, costs, alpha)
        ranked = [i for i in order.tolist() if self.models[i] not in unavailable]
        reason = self._reason(clusters, alpha)
        return Decision.of(self.models, ranked, utility, scores, costs, clusters, reason)

    def _reason(self, clusters: tuple[int, ...], alpha: float) -> str:
        """Why this model, in a line."""
        if clusters:
            why = f"best of clusters {', '.join(map(str, clusters))} at alpha {alpha:g}"
        elif self.evidence.earned:
            why = f"nothing in the query is known: best of all queries at alpha {alpha:g}"
        else:
            why = f"{self.evidence}, best at alpha {alpha:g}"
        if alpha < 1 and not self._priced.all():
            unknown = [m for m, known in zip(self.models, self._priced, strict=True) if not known]
            if self._priced.any():
                return f"{why}; cost unknown, so left out: {', '.join(unknown)}"
            return f"{why}; no cost is known, so the score alone decides"
        return why
