"""Puts noise on the weights in `out/weights.npz`: writes `probe/000.npz`, as they are, and
`probe/001.npz`, ..., one for each draw and scale.

    python noise.py DRAWS MEGABYTES SCALE...

Runs by itself in a sandbox, for the file is a candidate's; all that is written may take MEGABYTES.
Noise is relative, as in `damage.py`: what is 0 stays 0. It is along the same direction for all
scales of a draw, and only on what has a fraction: an array of integers is no weight.
"""

from __future__ import annotations

import sys
import zipfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[Any]]


def load(path: Path, most: float) -> Weights:
    """The arrays of the file.

    Raises:
        ValueError: it is missing, holds no weights, or those take more than `most` bytes.
    """
    if not path.is_file():
        raise ValueError("missing")
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > most:
        raise ValueError(
            f"{size / 1e6:.3g} MB, of which the probe needs many copies; {most / 1e6:.3g} MB are "
            "the most within [run] disk_mb"
        )
    with np.load(path, allow_pickle=False) as found:
        weights = {name: found[name] for name in found.files}
    moved = [value for value in weights.values() if _is_weight(value)]
    if not moved or not all(np.isfinite(value).all() for value in moved):
        raise ValueError("it must hold arrays of floats, finite ones")
    return weights


def noisy(weights: Weights, scale: float, seed: int) -> Weights:
    """Each weight times 1 + scale * N(0, 1)."""
    rng, found = np.random.default_rng(seed), {}
    for name in sorted(weights):
        value = weights[name]
        if _is_weight(value):
            factor = 1 + scale * rng.standard_normal(value.shape)
            value = np.asarray(value * factor).astype(value.dtype)
        found[name] = value
    return found


def _is_weight(value: NDArray[Any]) -> bool:
    return np.issubdtype(value.dtype, np.floating)


def main(draws: int, megabytes: float, scales: list[float]) -> None:
    """Write all of them below `probe`, in the order draw by draw."""
    weights = load(Path("out/weights.npz"), megabytes * 1e6 / (1 + draws * len(scales)))
    Path("probe").mkdir()
    _save("probe/000.npz", weights)
    for number, (seed, scale) in enumerate(product(range(draws), scales), 1):
        _save(f"probe/{number:03}.npz", noisy(weights, scale, seed))


def _save(path: str, weights: Weights) -> None:
    """`numpy.savez`, which takes no array that is called as one of its own arguments."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, value in weights.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, np.asanyarray(value), allow_pickle=False)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]), float(sys.argv[2]), [float(scale) for scale in sys.argv[3:]])
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        sys.exit(f"out/weights.npz: {error}")
