"""What a network's units say about it as it stands, without harming it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaloop.probe.network import Array

FOLDS = 5
RIDGE = 1e-3
"""Ridge penalty as a share of the units' variance: enough against units that are copies."""


def live(layers: Sequence[Array]) -> Array:
    """The units that vary over the points, of all layers: (points, live units).

    Raises:
        ValueError: no unit varies.
    """
    units = np.concatenate(layers, axis=1)
    scale = np.abs(units).max(axis=0)
    chosen: Array = units[:, units.std(axis=0) > 1e-6 * np.maximum(scale, 1e-6)]
    if not chosen.shape[1]:
        raise ValueError("no unit varies over the inputs")
    return chosen


def participation_ratio(units: Array) -> float:
    """How many directions the units' variance is spread over: (sum l)^2 / sum l^2 of the
    covariance's eigenvalues l; from 1 to the number of units."""
    centred = units - units.mean(axis=0)
    centred /= np.abs(centred).max()  # the ratio has no scale, its squares could overflow
    rows, columns = centred.shape
    gram = centred.T @ centred if columns < rows else centred @ centred.T
    return float(np.trace(gram) ** 2 / np.square(gram).sum())


def mirror_correlations(units: Array, partner: NDArray[np.intp]) -> Array:
    """Of each unit that varies, the correlation of its map with the same map under the invariant:
    1 where the unit respects it, -1 where it is odd under it. (units,)"""
    standard = _standard(units)
    found: Array = np.mean(standard * standard[partner], axis=0)
    return found


def decodability(units: Array, feature: Array, partner: NDArray[np.intp]) -> float:
    """Share of a feature's variance that a linear read-out of the units predicts on points that it
    was not fitted to: R^2 of ridge regression, cross-validated; below 0 if worse than the mean.

    Partners are in one fold: to units that respect the invariant they are the same point twice.

    Linear probes: Alain and Bengio 2016, arXiv:1610.01644.
    """
    standard = _standard(units)
    first, pair = np.unique(np.minimum(np.arange(len(partner)), partner), return_inverse=True)
    fold = (np.random.default_rng(0).permutation(len(first)) % FOLDS)[pair]
    residual = np.empty_like(feature)
    for k in range(FOLDS):
        fit = fold != k
        residual[~fit] = feature[~fit] - _ridge(standard[fit], feature[fit], standard[~fit])
    return float(1 - np.square(residual).sum() / np.square(feature - feature.mean()).sum())


def _ridge(x: Array, y: Array, new: Array) -> Array:
    """Predictions for `new`; solved in whichever of units and points there are fewer."""
    mean, offset = x.mean(axis=0), y.mean()
    x, new = x - mean, new - mean
    penalty = RIDGE * len(x)
    if x.shape[1] < len(x):
        slope = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ (y - offset))
    else:
        slope = x.T @ np.linalg.solve(x @ x.T + penalty * np.eye(len(x)), y - offset)
    predicted: Array = new @ slope + offset
    return predicted


def _standard(units: Array) -> Array:
    standard: Array = (units - units.mean(axis=0)) / units.std(axis=0)
    return standard
