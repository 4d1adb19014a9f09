"""Bayesian optimisation (Snoek, Larochelle and Adams, NIPS 2012), in the unit cube.

A Gaussian process with a Matern kernel, by scikit-learn, and the expected improvement.
"""

import warnings

import numpy as np
from scipy.stats import norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from metaloop.mechanism.api import PointMechanism

CANDIDATES = 512  # random points, and as many around the best


class GaussianProcess(PointMechanism):
    def move(self, points: list[list[float]], losses: list[float], failures: int) -> list[float]:  # noqa: ARG002
        rng = np.random.default_rng(self.rng.getrandbits(32))
        known, loss = np.array(points), np.array(losses)
        size = known.shape[1]
        shape = Matern(np.full(size, 0.3), (0.05, 5.0), nu=2.5)
        kernel = ConstantKernel(1.0) * shape + WhiteKernel(1e-3, (1e-6, 1.0))
        model = GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(known, loss)
        anywhere = rng.random((CANDIDATES, size))
        near = (known[0] + rng.normal(0.0, 0.1, (CANDIDATES, size))).clip(0.0, 1.0)
        tried = np.vstack([anywhere, near])
        mean, spread = model.predict(tried, return_std=True)
        gain = loss.min() - mean
        z = gain / np.maximum(spread, 1e-12)
        expected = gain * norm.cdf(z) + spread * norm.pdf(z)
        return [float(u) for u in tried[int(np.argmax(expected))]]
