"""What `train.py` is given, and what it has to hand in. Read-only: candidates do not change it."""

from pathlib import Path

import numpy as np

HERE = Path(__file__).parent


def load():
    """The training text and the contexts, both as bytes (uint8, values 0..255).

    `train` has shape (T,): the source of some modules of Python's standard library, one after
    the other. `contexts` has shape (N, 64): from other modules, each row the 64 bytes before
    the one byte that is to be predicted. The rows are in random order.
    """
    with np.load(HERE / "data" / "data.npz", allow_pickle=False) as data:
        return data["train"], data["contexts"]


def save(probs):
    """Hand in `probs`, shape (N, 256): for each context the probability of every next byte."""
    (HERE / "out").mkdir(exist_ok=True)
    np.save(HERE / "out" / "probs.npy", np.asarray(probs, dtype=np.float32))
