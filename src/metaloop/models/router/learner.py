"""Learning while a run goes on: Thompson sampling, over clusters as soon as they earn."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from metaloop.models.router.embed import Array
from metaloop.models.router.fit import CLUSTER_PRIOR, Fitted, fit
from metaloop.models.router.outcomes import Logged, Outcomes
from metaloop.models.router.policy import Decision
from metaloop.models.router.table import Row, Table

REFIT = 50
"""Calls between two looks for clusters."""


class Learner:
    """One role's choice among models, from the outcomes of its own calls.

    Each model's chance of success is drawn from what is known of it (a Beta distribution), so that
    a model of which little is known is tried, and one that failed often is not. All randomness
    comes from the request: the same journal and the same request give the same decision.
    """

    def __init__(self, models: Sequence[str], alpha: float) -> None:
        self.models, self.alpha = tuple(models), alpha
        self.log: list[Logged] = []
        self.fitted = (0, 0)
        """Calls and trials that the clusters were learned from."""
        self._clusters: Fitted | None = None
        self._labels: dict[str, int | None] = {}

    def restore(self, log: Sequence[Logged], outcomes: Outcomes) -> None:
        """Take the calls of earlier sittings, and learn from them what was learned then."""
        self.log = list(log)
        self.fitted = max((call.fitted for call in log), default=(0, 0))
        self._learn(outcomes)

    def decide(self, query: str, key: str, outcomes: Outcomes) -> Decision:
        """Choose for `query`; `key` (hexadecimal) is what the randomness comes from."""
        due = len(self.log) // REFIT * REFIT
        if due > self.fitted[0]:
            self.fitted = due, len(outcomes.trials)
            self._learn(outcomes)
        rows = outcomes.rows(self.log, len(outcomes.trials))
        clusters, near = self._near(query, rows)
        wins, losses = self._prior(rows) if clusters else np.ones((2, len(self.models)))
        for row in near:
            for model, score in row.scores.items():
                wins[self.models.index(model)] += score
                losses[self.models.index(model)] += 1 - score
        seed = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
        drawn = np.random.default_rng(seed).beta(wins, losses)
        means, costs = wins / (wins + losses), self._costs()
        utility = self._utility(drawn, means.max(), costs)
        # Of equals, such as all at alpha 0 before a cost is known, what was drawn decides.
        order = np.lexsort((-drawn, -utility)).tolist()
        ranked = [i for i in order if not np.isnan(utility[i])]
        where = f"of cluster {clusters[0]}" if clusters else "in all"
        reason = f"Thompson sampling from {len(near)} outcomes {where} at alpha {self.alpha:g}"
        return Decision.of(self.models, ranked, utility, means, costs, clusters, reason)

    def _utility(self, drawn: Array, best: float, costs: Array) -> Array:
        """What each model is worth, in units of the best mean and the dearest cost.

        NaN for one that was asked and has no known cost, where another has.
        """
        dearest = max([*costs[~np.isnan(costs)], 0.0])
        utility = self.alpha * drawn / best
        if self.alpha == 1 or not dearest:
            return utility
        # Of a model that was never asked nobody knows the cost yet: it is taken for average.
        asked = {call.model for call in self.log}
        mean = np.nanmean(costs)
        guess = np.array([np.nan if model in asked else mean for model in self.models])
        judged = np.where(np.isnan(costs), guess, costs)
        return np.asarray(utility + (1 - self.alpha) * (1 - judged / dearest))

    def _learn(self, outcomes: Outcomes) -> None:
        """Look for clusters in the calls and trials that `fitted` says."""
        calls, trials = self.fitted
        rows = outcomes.rows(self.log[:calls], trials)
        self._clusters = fit(Table(rows)) if rows else None
        self._labels.clear()

    def _near(self, query: str, rows: list[Row]) -> tuple[tuple[int, ...], list[Row]]:
        """The cluster of the query and the rows in it; no cluster and all rows where none earn."""
        here = self._label(query)
        if here is None:
            return (), rows
        return (here,), [row for row in rows if self._label(row.query) == here]

    def _label(self, query: str) -> int | None:
        """The cluster of a query; None where clusters do not decide."""
        learned = self._clusters
        if learned is None or not learned.policy.evidence.earned:
            return None
        if query not in self._labels:
            vector = learned.embedder.embed([query])[0]
            label = int(learned.policy.nearest(vector)[0][0]) if vector.any() else None
            self._labels[query] = label
        return self._labels[query]

    def _prior(self, rows: list[Row]) -> Array:
        """Successes and failures that a cluster begins with: each model's mean over all rows."""
        sums, counts = np.ones(len(self.models)), np.full(len(self.models), 2.0)
        for row in rows:
            for model, score in row.scores.items():
                sums[self.models.index(model)] += score
                counts[self.models.index(model)] += 1
        return np.asarray(np.array([sums, counts - sums]) / counts * CLUSTER_PRIOR)

    def _costs(self) -> Array:
        """Mean known cost of each model's answers, decided yet or not; NaN where there is none."""
        paid = [(call.model, call.cost) for call in self.log if call.cost is not None]
        known = [[cost for name, cost in paid if name == model] for model in self.models]
        return np.array([np.mean(costs) if costs else np.nan for costs in known])
