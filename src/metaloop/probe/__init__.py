"""Internal-structure probe: is a network sound inside, or does it only look so from outside?

Two networks may give the same output and differ inside: one follows a regularity of the task, the
other reproduces it piece by piece (fractured entangled representation; Kumar, Clune, Lehman and
Stanley 2025, arXiv:2505.11581). `compare` measures both; any kind of network that offers the few
members of `Network` can be probed.
"""

from metaloop.probe.compare import Comparison, Reading, compare
from metaloop.probe.cppn import Cppn, load_cppns
from metaloop.probe.network import Array, Network, Run
from metaloop.probe.torch_network import TorchNetwork

__all__ = [
    "Array",
    "Comparison",
    "Cppn",
    "Network",
    "Reading",
    "Run",
    "TorchNetwork",
    "compare",
    "load_cppns",
]
