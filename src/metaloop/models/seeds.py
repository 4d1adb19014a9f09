"""The seed of a model call, from which it can be told what the call was for."""

from __future__ import annotations

import hashlib

ANSWERS = 3
"""At most this many answers of a proposer for one trial: attempts 0, 1, 2."""
OUTER, INVENTION = 1000, 100
"""An outer step's calls begin at attempt `OUTER`; each invention in it has a hundred seeds."""


def call_seed(seed: int, number: int, attempt: int) -> int:
    """A seed of its own for every call of a run, the same in every repetition of it.

    `seed` is the run's, `number` the trial or outer step, `attempt` counts its calls. 31 bits.
    """
    text = f"{seed}/{number}/{attempt}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "big") >> 1
