"""What noise on the weights did: prints damage and violation of each output in `out/probe`.

A variable may be called otherwise without a change of what kind of byte comes next: the first of
some name, or which other one. The violation is how far the two distributions over these kinds are
apart, the damage how far the one is from what was scored: in total variation, from 0 to 1, mean
over the contexts. For the weights as they are the damage is over all bytes: they must give the very
output that was scored.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from judge import HERE, check, read_probs
from prepare import load, renamed

NAME_STARTS = np.array([chr(byte).isalpha() or chr(byte) == "_" for byte in range(128)])


def kinds(probs: np.ndarray) -> np.ndarray:
    """Distributions in which all bytes that a name may begin with are one."""
    starts = np.append(NAME_STARTS, np.zeros(128, bool))
    return np.column_stack([probs[:, starts].sum(axis=1), probs[:, ~starts]])


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Mean total variation between the rows of the two."""
    return float(np.abs(a - b).sum(axis=1).mean() / 2)


def measure() -> dict[str, list[float]]:
    """Damage and violation of each output, in the order of the weights."""
    rows, _ = renamed(load()[1])
    scored = check(read_probs(HERE / "out" / "probs.npy"))[rows]
    found: dict[str, list[float]] = {"damage": [], "violation": []}
    for path in sorted((HERE / "out" / "probe").glob("*.npy")):
        probs = check(read_probs(path, 2 * len(rows)))
        as_is, changed = np.split(probs, 2)
        if not found["damage"]:
            found["damage"].append(apart(as_is, scored))
        else:
            found["damage"].append(apart(kinds(as_is), kinds(scored)))
        found["violation"].append(apart(kinds(as_is), kinds(changed)))
    return found


if __name__ == "__main__":
    try:
        print(json.dumps(measure()))
    except ValueError as error:
        sys.exit(f"invalid output under noise: {error}")
