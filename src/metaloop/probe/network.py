"""The seam: what a network must offer to be probed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Run(NamedTuple):
    """What a network does with its inputs, which are called points here."""

    output: Array
    """(points, outputs)"""
    units: list[Array]
    """Activations of each layer: (points, units of the layer)."""


class Network(Protocol):
    """A network together with the inputs that it is probed on.

    The invariant is a map of the inputs onto themselves under which the output should not change,
    a mirroring for instance. The inputs are closed under it, and applied twice it changes nothing.
    """

    @property
    def name(self) -> str:
        """How reports call it."""

    @property
    def weights(self) -> Array:
        """All weights, flat: (weights,)."""

    @property
    def partner(self) -> NDArray[np.intp]:
        """(points,): for each point the index of the one that the invariant maps it to."""

    @property
    def features(self) -> Mapping[str, Array]:
        """What is known to matter about each point, by name: (points,) each."""

    def run(self, weights: Array) -> Run:
        """Output and activations with `weights` in the place of its own; changes nothing."""


def check(network: Network) -> None:
    """Whether the parts fit together.

    Raises:
        ValueError: names the network, the part and what it should be.
    """
    output = network.run(network.weights).output
    if not np.isfinite(output).all() or np.ptp(output) == 0:
        raise ValueError(f"{network.name}: the output must be finite, and not the same everywhere")
    points = len(output)
    partner = network.partner
    if partner.shape != (points,) or not np.array_equal(partner[partner], np.arange(points)):
        raise ValueError(
            f"{network.name}: `partner` must pair the {points} points, each being its partner's"
            " partner"
        )
    for name, values in network.features.items():
        if values.shape != (points,) or not np.isfinite(values).all() or np.ptp(values) == 0:
            raise ValueError(
                f"{network.name}: feature {name!r} must be {points} finite numbers, not all equal"
            )
