"""Two networks with equal output, side by side, and the verdict on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from metaloop.probe.damage import LEVELS, SEEDS, Damaged, ladder, raw_sensitivity
from metaloop.probe.measures import (
    decodability,
    live,
    mirror_correlations,
    participation_ratio,
)
from metaloop.probe.network import Network, check

RESPECTS = 0.9
"""A unit respects the invariant when its |mirror correlation| is above this."""
TOLERATED = 0.1
"""Growth of the violation per damage that a sound network may have."""
EQUAL = 0.05
"""Mean difference of the two outputs, as a share of the range, up to which they count as equal."""

RULE = (
    "At matched damage, the violation of the invariant may grow by at most"
    f" {TOLERATED:g} per damage: sound when the 95 % interval lies below that, fractured when it"
    " lies above, else undecided."
)
BACKWARDS = "no evidence: it ranks sound and fractured networks backwards"


@dataclass(frozen=True)
class Reading:
    """What the probe found in one network."""

    name: str
    weights: int
    """Weights that are not 0."""
    units: int
    """Units that vary over the inputs, of all layers; the measures below are over these."""
    decodability: dict[str, float]
    """Cross-validated R^2 of each known feature."""
    participation_ratio: float
    respecting: float
    """Share of units with |mirror correlation| > 0.9."""
    raw_sensitivity: float
    """MSE of the output under 1 % noise, in squared ranges of the output."""
    ladder: tuple[Damaged, ...]
    """The same damage level by level; the verdict is on the last."""
    verdict: Literal["sound", "fractured", "undecided"]
    evidence: str


@dataclass(frozen=True)
class Comparison:
    """Both readings, and how far the outputs differ (MSE)."""

    mse: float
    networks: tuple[Reading, Reading]
    seeds: int
    rule: str = RULE
    raw_sensitivity_note: str = BACKWARDS


def compare(
    a: Network, b: Network, levels: Sequence[float] = LEVELS, seeds: int = SEEDS
) -> Comparison:
    """Probe two networks that give the same output.

    Args:
        levels: damage to compare at, as shares of the output's range, rising.
        seeds: draws of noise at each level, 2 or more.

    Raises:
        ValueError: a network is not as `Network` says, the outputs are not equal, or no noise does
            the damage that is asked for.

    Example: `compare(*load_cppns(Path("skull.npz"))).networks[0].verdict`
    """
    if seeds < 2:
        raise ValueError("seeds must be 2 or more")
    for network in (a, b):
        check(network)
    first, second = (network.run(network.weights).output for network in (a, b))
    if first.shape != second.shape:
        raise ValueError(f"outputs {first.shape} of {a.name} and {second.shape} of {b.name} differ")
    apart = float(np.abs(first - second).mean() / np.ptp(first))
    if apart > EQUAL:
        raise ValueError(
            f"{a.name} and {b.name} differ by {apart:.0%} of the output's range on average; the"
            f" probe compares networks whose outputs are equal (up to {EQUAL:.0%})"
        )
    mse = float(np.square(first - second).mean())
    return Comparison(mse, (_read(a, levels, seeds), _read(b, levels, seeds)), seeds)


def _read(network: Network, levels: Sequence[float], seeds: int) -> Reading:
    units = live(network.run(network.weights).units)
    partner = network.partner
    correlations = mirror_correlations(units, partner)
    rungs = tuple(ladder(network, levels, seeds))
    verdict, evidence = _judge(rungs[-1])
    return Reading(
        name=network.name,
        weights=int(np.count_nonzero(network.weights)),
        units=units.shape[1],
        decodability={k: decodability(units, v, partner) for k, v in network.features.items()},
        participation_ratio=participation_ratio(units),
        respecting=float(np.mean(np.abs(correlations) > RESPECTS)),
        raw_sensitivity=raw_sensitivity(network, seeds),
        ladder=rungs,
        verdict=verdict,
        evidence=evidence,
    )


def _judge(rung: Damaged) -> tuple[Literal["sound", "fractured", "undecided"], str]:
    """The verdict by `RULE`, and what it rests on."""
    found = rung.breaking
    evidence = (
        f"at damage {rung.damage:.2f} the violation grows by {found.mean:+.2f} per damage"
        f" (95 % interval {found.low:+.2f} to {found.high:+.2f})"
    )
    if found.high < TOLERATED:
        return "sound", evidence
    return ("fractured" if found.low > TOLERATED else "undecided"), evidence
