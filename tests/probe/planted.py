"""Two networks with the same output by construction: one symmetric inside, one by coincidence."""

from dataclasses import dataclass, field

import numpy as np

from metaloop.probe import Run

HIDDEN = 6


def grid():
    side, height = np.meshgrid(np.linspace(-1, 1, 12), np.linspace(-1, 1, 12))
    return np.stack([side.ravel(), height.ravel()], axis=1)


def paired_weights():
    """(4, 2 HIDDEN): side, height, offset and outgoing weight of units in mirrored pairs."""
    half = np.random.default_rng(3).normal(size=(4, HIDDEN))
    return np.concatenate([half, half * [[-1], [1], [1], [1]]], axis=1)


@dataclass(frozen=True)
class Planted:
    """f(side, height) = sum of paired units. Fed |side| it cannot be but symmetric; fed the side,
    only the equality of the pairs' weights makes it so."""

    name: str
    symmetric: bool
    weights: np.ndarray = field(default_factory=lambda: paired_weights().ravel())
    partner: np.ndarray = field(
        default_factory=lambda: np.arange(144).reshape(12, 12)[:, ::-1].ravel()
    )

    @property
    def features(self):
        return {"|side|": np.abs(grid()[:, 0])}

    def run(self, weights):
        side, height = grid().T
        side = np.abs(side) if self.symmetric else side
        b, c, offset, out = weights.reshape(4, -1)
        units = np.tanh(np.outer(side, b) + np.outer(height, c) + offset)
        return Run(units @ out[:, None], [units])
