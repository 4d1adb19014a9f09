"""How far repeated measurements of one program scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean


@dataclass(frozen=True)
class Noise:
    """Spread of repeated measurements, pooled over all programs that were measured repeatedly."""

    deviation: float = 0.0
    """Root of the sum of squared deviations from each program's own mean."""
    freedom: int = 0
    """Degrees of freedom: measurements minus programs."""

    @classmethod
    def of(cls, losses: Sequence[float]) -> Noise:
        """From the measurements of one program."""
        return cls().pooled(losses)

    def pooled(self, losses: Sequence[float]) -> Noise:
        """With the measurements of one more program, if there are any."""
        if not losses:
            return self
        centre = mean(losses)  # exact, unlike fmean: that of equal losses is that loss
        deviation = math.hypot(self.deviation, *(x - centre for x in losses))
        return Noise(deviation, self.freedom + len(losses) - 1)

    @property
    def known(self) -> Noise:
        """What it tells of a program that scatters: nothing where none did so far."""
        return self if self.deviation else Noise()

    @property
    def sigma(self) -> float:
        """Standard deviation of one measurement; 0 means deterministic (or never repeated)."""
        return self.deviation / math.sqrt(self.freedom) if self.freedom else 0.0

    def error(self, runs: int, other_runs: int) -> float:
        """Standard error of the difference of two means of that many measurements."""
        return self.sigma * math.sqrt(1 / runs + 1 / other_runs)
