"""Learning a policy from a table: embed, cluster, estimate, and check that clusters earn.

The clusters are those of Avengers-Pro (arXiv:2508.12631). What is added: estimates are shrunk
towards the mean over all queries, and clusters decide only where cross-validation says so.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metaloop.models.router.embed import Array, Embedder, TfidfEmbedder
from metaloop.models.router.policy import Evidence, Policy
from metaloop.models.router.table import Table

CLUSTERS = (2, 5, 10, 20, 40, 60, 90)
"""Numbers of clusters to choose from."""
QUERIES_PER_CLUSTER = 20
"""Different ones, on average, at least."""
FOLDS = 5
SHAPING = 20_000
"""Rows that shape the embedding, at most: more change nothing."""
CHECKED = 10_000
"""Rows that cross-validation looks at, at most: they tell a gain of 0.01."""
CLUSTER_PRIOR = 5.0
"""Rows that the mean over all queries counts for in a cluster."""
MODEL_PRIOR = 5.0
"""Rows that the mean over all models counts for in a model's: one lucky row proves nothing."""
SURE = 2.0
"""Standard errors by which clusters have to beat the best single model."""


@dataclass(frozen=True)
class Fitted:
    """A policy and the embedding that its clusters live in."""

    embedder: Embedder
    policy: Policy


def fit(table: Table, embedder: Embedder | None = None) -> Fitted:
    """Learn a policy; `embedder` is TF-IDF of the table's own queries unless given.

    The same table gives the same policy. Raises ValueError when a model has no score at all.
    """
    if embedder is None:
        embedder = TfidfEmbedder.fit(table.take(_some(len(table), SHAPING)).queries)
    return Fitted(embedder, fit_policy(table, embedder.embed(table.queries)))


def fit_policy(table: Table, vectors: Array, clusters: int | None = None) -> Policy:
    """Learn from queries that are embedded already.

    With `clusters`, there are so many and they decide, earned or not: for controls.
    """
    from threadpoolctl import threadpool_limits

    # One thread: sums come out the same on every machine, and trials keep their cores.
    with threadpool_limits(limits=1):
        if clusters is None:
            evidence = cross_validate(table, vectors)
        else:
            evidence = Evidence(clusters, 0.0, 0.0, len(table), earned=True)
        return _estimate(table, vectors, evidence)


def cross_validate(table: Table, vectors: Array) -> Evidence:
    """How many clusters serve best, and whether they beat the best single model.

    Each row is judged by a policy that has not seen it or a duplicate of it. Where rows lack
    scores, a choice counts on those rows whose score is known (replay).
    """
    rng = np.random.default_rng(0)
    rows = _some(len(table), CHECKED)
    part, vectors = table.take(rows), vectors[rows]
    groups = part.groups()
    enough = (groups.max() + 1) * (FOLDS - 1) / FOLDS
    candidates = [k for k in CLUSTERS if k * QUERIES_PER_CLUSTER <= enough]
    fold_of = rng.integers(FOLDS, size=groups.max() + 1)[groups]
    folds = [fold for fold in range(FOLDS) if 0 < (fold_of == fold).sum() < len(part)]
    if not candidates or len(folds) < FOLDS:
        return Evidence(0, 0.0, 0.0, len(part), earned=False)
    single = np.zeros(len(part), dtype=int)
    chosen = {k: np.zeros(len(part), dtype=int) for k in candidates}
    for fold in folds:
        left, out = fold_of != fold, fold_of == fold
        train = part.take(left.nonzero()[0])
        single[out] = _means(train)[0].argmax()
        for k, choices in chosen.items():
            policy = fit_policy(train, vectors[left], clusters=k)
            choices[out] = choose(policy, vectors[out])
    found = [(k, *difference(part.scores, c, single, groups)) for k, c in chosen.items()]
    k, gain, error = max(found, key=lambda candidate: candidate[1])
    return Evidence(k, gain, error, len(part), earned=gain > SURE * error)


def choose(policy: Policy, vectors: Array, alpha: float = 1.0) -> Array:
    """The column of the model chosen for each embedded query."""
    return np.array([policy.rank(*policy.expect(v)[1:], alpha)[0][0] for v in vectors])


def difference(scores: Array, choices: Array, others: Array, groups: Array) -> tuple[float, float]:
    """Mean score of `choices` minus that of `others`, and its standard error (0, inf: unknown).

    Rows of one group are one query asked again: what they show is not independent.
    """
    rows = np.arange(len(scores))
    mine, theirs = scores[rows, choices], scores[rows, others]
    known = [~np.isnan(column) for column in (mine, theirs)]
    if not all(k.any() for k in known):
        return 0.0, float("inf")
    gain, influence = 0.0, np.zeros(len(scores))
    for sign, column, here in ((1, mine, known[0]), (-1, theirs, known[1])):
        mean = column[here].mean()
        gain += sign * mean
        influence[here] += sign * (column[here] - mean) / here.sum()
    return float(gain), float(np.sqrt((np.bincount(groups, influence) ** 2).sum()))


def _estimate(table: Table, vectors: Array, evidence: Evidence) -> Policy:
    """Cluster the rows, and estimate what each model earns and costs in each cluster."""
    mean_scores, mean_costs = _means(table)
    k = max(1, evidence.clusters)
    centroids, labels = _cluster(vectors, k)
    sums, counts = _sums(table.scores, labels, k)
    spent, priced = _sums(table.costs, labels, k)
    return Policy(
        tuple(table.models),
        centroids,
        (sums + CLUSTER_PRIOR * mean_scores) / (counts + CLUSTER_PRIOR),
        (spent + CLUSTER_PRIOR * mean_costs) / (priced + CLUSTER_PRIOR),
        counts,
        mean_scores,
        mean_costs,
        evidence,
        _samples(table.queries, ((vectors - centroids[labels]) ** 2).sum(axis=1), labels, k),
    )


def _means(table: Table) -> tuple[Array, Array]:
    """Each model's mean score, shrunk towards that of all models, and its mean cost."""
    sums, counts = np.nansum(table.scores, axis=0), (~np.isnan(table.scores)).sum(axis=0)
    scores = (sums + MODEL_PRIOR * np.nanmean(table.scores)) / (counts + MODEL_PRIOR)
    priced = (~np.isnan(table.costs)).sum(axis=0)
    costs = np.nansum(table.costs, axis=0) / np.where(priced, priced, np.nan)
    return scores, costs


def _sums(values: Array, labels: Array, k: int) -> tuple[Array, Array]:
    """Sum and number of the known values, clusters by columns."""
    sums, counts = np.zeros((2, k, values.shape[1]))
    np.add.at(sums, labels, np.nan_to_num(values))
    np.add.at(counts, labels, ~np.isnan(values))
    return sums, counts


def _samples(queries: Sequence[str], distances: Array, labels: Array, k: int) -> tuple[str, ...]:
    """The query nearest to each cluster's centre, on one line and cut short; "" for none."""
    nearest = {}
    for i in np.argsort(-distances, kind="stable"):
        nearest[int(labels[i])] = queries[i]
    return tuple(" ".join(nearest.get(cluster, "").split())[:200] for cluster in range(k))


def _cluster(vectors: Array, k: int) -> tuple[Array, Array]:
    """Centroids, and the cluster of each vector."""
    if k == 1:
        return vectors.mean(axis=0, keepdims=True), np.zeros(len(vectors), dtype=int)
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # Of queries whose words are the same there may be fewer than clusters: some stay empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means = KMeans(k, n_init=1, random_state=0).fit(vectors)
    return means.cluster_centers_, means.labels_


def _some(rows: int, most: int) -> Array:
    """Numbers of at most so many rows, drawn at random, in order."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])
