"""Noise and signal: what differs between runs of one program, and what between programs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy import stats

from metaloop.guard.noise import Noise

SURE = 0.001
"""Level at which a noisy metric counts as answering: with less, none is declared fit by luck."""


@dataclass(frozen=True)
class Effect:
    """What one change did. `gain` is in the metric's unit, above 0 when it is better."""

    part: str
    change: str
    gain: float
    answers: bool
    """The difference is more than noise (5 % in all that a deaf metric shows any)."""


@dataclass(frozen=True)
class Signal:
    """`sigma` is the noise, `spread` the root mean square of what small changes do, noise
    included, and `typical` the same without it; in the unit of the metric."""

    base: float
    """Mean loss of the unchanged program."""
    sigma: float
    df: int
    """Degrees of freedom of `sigma`."""
    spread: float
    typical: float
    heard: bool
    """That changes do nothing is refuted (analysis of variance, level SURE)."""
    effects: tuple[Effect, ...]

    @property
    def noise_share(self) -> float:
        """Noise as a share of the spread, in [0, 1]; 0 when nothing is random."""
        return min(1.0, self.sigma / self.spread) if self.spread else float(self.sigma > 0)


def signal(base: Sequence[float], changes: dict[str, list[float]], parts: dict[str, str]) -> Signal:
    """From losses of the unchanged program (at least one) and of each change (none when it broke).

    Sigma is pooled over all repeats: a small change is taken to leave the noise as it is.
    """
    groups = {name: losses for name, losses in changes.items() if losses}
    noise = Noise.of(base)
    for losses in groups.values():
        noise = noise.pooled(losses)
    sigma, df = noise.sigma, noise.freedom
    mean = statistics.mean(base)  # exact: the mean of equal losses is that loss
    gains = {name: mean - statistics.mean(losses) for name, losses in groups.items()}
    error = {name: noise.error(len(base), len(x)) for name, x in groups.items()}
    # Bonferroni: one of many changes differs by chance.
    limit = float(stats.t.isf(0.025 / max(len(groups), 1), df)) if df else 0.0
    effects = [
        Effect(parts[name], name, gain, abs(gain) > (limit * error[name] if sigma else 0.0))
        for name, gain in gains.items()
    ]
    seen, due = (_root_mean_square(list(x.values())) for x in (gains, error))
    typical = math.sqrt(max(seen - due, 0.0)) * math.sqrt(seen + due)
    heard = typical > 0
    if sigma and heard:
        heard = float(stats.f_oneway(base, *groups.values()).pvalue) < SURE
    return Signal(mean, sigma, df, math.hypot(typical, sigma), typical, heard, tuple(effects))


def _root_mean_square(values: Sequence[float]) -> float:
    """Of values of any size: a diverging program's loss may be 1e300. 0 of none."""
    return math.hypot(*values) / math.sqrt(max(len(values), 1))
