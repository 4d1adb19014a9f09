"""Keep or discard: a gain must exceed the noise, and of equals the simpler code wins."""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.645
"""One-sided 5 % point of the normal distribution."""
MAX_RUNS = 4
"""At most this many measurements of one candidate, confirming ones included."""


@dataclass(frozen=True)
class Noise:
    """Spread of repeated measurements of the same program; sigma = 0 means deterministic."""

    sigma: float

    @classmethod
    def of(cls, losses: list[float]) -> Noise:
        """Sample standard deviation of the baseline's measurements."""
        if len(losses) < 2:
            return cls(0.0)
        mean = sum(losses) / len(losses)
        return cls(math.sqrt(sum((x - mean) ** 2 for x in losses) / (len(losses) - 1)))

    def error(self, runs: int, other_runs: int) -> float:
        """Standard error of the difference of two means of that many measurements."""
        return self.sigma * math.sqrt(1 / runs + 1 / other_runs)


def is_close(gain: float, runs: int, best_runs: int, noise: Noise) -> bool:
    """True when one more measurement could change the decision, and is still allowed."""
    error = noise.error(runs, best_runs)
    return noise.sigma > 0 and runs < MAX_RUNS and 0 < gain < 2 * Z * error


def keep(gain: float, runs: int, best_runs: int, noise: Noise, smaller: bool) -> bool:
    """Better by more than the noise; or, where nothing is random, as good and simpler."""
    if noise.sigma == 0:
        return gain > 0 or (gain == 0 and smaller)
    return gain > Z * noise.error(runs, best_runs)
