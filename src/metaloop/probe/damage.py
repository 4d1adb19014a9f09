"""Does the invariant survive when the weights are perturbed?

Noise is relative: each weight is multiplied by 1 + scale * N(0, 1), so that a weight of 0, a
connection that is not there, stays 0. How far noise of one scale moves the output is no measure of
soundness: it ranks the networks of arXiv:2505.11581 backwards. So the scale that does the same
*damage* is searched for each network, and then it is seen whether that damage respects the
invariant or breaks it.

Damage is the mean absolute change of the output as a share of its range (largest minus smallest
value, unperturbed). The *violation* is the mean absolute difference between the outputs at partner
points, in the same unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import t

from metaloop.probe.network import Array, Network

SEEDS = 64
LEVELS = (0.05, 0.1, 0.15, 0.2, 0.25)
"""Damage at which networks are compared; the last is where the verdict is given."""
RAW = 0.01
LARGEST = 100.0
"""Scale of noise beyond which nothing is left of the weights."""


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its 95 % interval (Student's t)."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Array) -> Interval:
        """Of one value per seed, two or more."""
        mean, n = float(values.mean()), len(values)
        half = float(t.ppf(0.975, n - 1) * values.std(ddof=1) / n**0.5)
        return cls(mean, mean - half, mean + half)


@dataclass(frozen=True)
class Damaged:
    """A network under noise of one scale."""

    level: float
    """The damage that was asked for; `damage` is what was reached, on average over the seeds."""
    scale: float
    damage: float
    change: Interval | None
    """Relative change of the violation, e.g. 0.79 for 79 % more asymmetry; None without any."""
    breaking: Interval
    """Growth of the violation per damage: 0 when all damage respects the invariant, about 1.4 when
    it is independent noise on an output that had no violation, 2 at most."""


def noisy(weights: Array, scale: float, seed: int) -> Array:
    """`weights` under relative noise."""
    draws = np.random.default_rng(seed).standard_normal(weights.shape)
    return np.asarray(weights * (1 + scale * draws))


def raw_sensitivity(network: Network, seeds: int) -> float:
    """Mean squared change of the output, in squared ranges, under noise of 1 % of each weight."""
    output = network.run(network.weights).output
    moved = [
        np.square(network.run(noisy(network.weights, RAW, seed)).output - output).mean()
        for seed in range(seeds)
    ]
    return float(np.mean(moved) / np.ptp(output) ** 2)


def ladder(network: Network, levels: Sequence[float], seeds: int) -> list[Damaged]:
    """The network at each level of damage, in rising order.

    Raises:
        ValueError: no noise does that much damage, or `levels` do not rise from above 0.
    """
    if not levels or levels[0] <= 0 or list(levels) != sorted(set(levels)):
        raise ValueError("levels of damage must rise, the first above 0")
    tried = _Tried(network, seeds)
    found, low = [], 1e-3
    for level in levels:
        low = _scale(tried, level, low)
        found.append(tried.summary(level, low))
    return found


def _scale(tried: _Tried, level: float, low: float) -> float:
    """The scale whose mean damage is `level`, to about 1 %, by bracketing and Brent's method."""
    while tried.damage(low) > level:
        low /= 10
    high = low * 3
    while tried.damage(high) < level:
        low, high = high, high * 3
        if high > LARGEST:
            raise ValueError(
                f"{tried.network.name}: noise on the weights moves the output by"
                f" {tried.damage(low):.2g} of its range at most, not by {level:g}"
            )
    log = brentq(
        lambda x: tried.damage(float(np.exp(x))) - level, np.log(low), np.log(high), xtol=0.01
    )
    return float(np.exp(log))


class _Tried:
    """What noise of each scale tried so far did: the same seeds at every scale, run once."""

    def __init__(self, network: Network, seeds: int) -> None:
        self.network, self.seeds = network, seeds
        self.output = network.run(network.weights).output
        self.range = float(np.ptp(self.output))
        self.violation = self._violation(self.output)
        self.runs: dict[float, tuple[Array, Array]] = {}

    def damage(self, scale: float) -> float:
        """Mean over the seeds."""
        return float(self._run(scale)[0].mean())

    def summary(self, level: float, scale: float) -> Damaged:
        """Damage done, and what of it breaks the invariant."""
        damage, violations = self._run(scale)
        growth, mean = violations - self.violation, float(damage.mean())
        relative = Interval.of(growth / self.violation) if self.violation > 1e-6 else None
        return Damaged(level, scale, mean, relative, Interval.of(growth / mean))

    def _run(self, scale: float) -> tuple[Array, Array]:
        """Damage and violation of each seed."""
        if scale not in self.runs:
            pairs = []
            for seed in range(self.seeds):
                output = self.network.run(noisy(self.network.weights, scale, seed)).output
                damage = float(np.abs(output - self.output).mean()) / self.range
                pairs.append((damage, self._violation(output)))
            damages, violations = np.array(pairs).T
            self.runs[scale] = damages, violations
        return self.runs[scale]

    def _violation(self, output: Array) -> float:
        return float(np.abs(output - output[self.network.partner]).mean()) / self.range
