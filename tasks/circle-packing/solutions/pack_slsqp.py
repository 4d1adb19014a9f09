"""A code improvement of `pack.py`: all centres and radii together, by SLSQP from several starts."""

import json
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

COUNT = 26
STARTS = 8
FIRST, SECOND = np.triu_indices(COUNT, 1)


def gaps(z):
    """All constraints, each fulfilled when >= 0: the four borders, then every pair."""
    x, y, r = z.reshape(3, COUNT)
    apart = (x[FIRST] - x[SECOND]) ** 2 + (y[FIRST] - y[SECOND]) ** 2
    pairs = apart - (r[FIRST] + r[SECOND]) ** 2
    return np.concatenate([x - r, 1 - x - r, y - r, 1 - y - r, pairs])


def slopes(z):
    """The Jacobian of `gaps`."""
    x, y, r = z.reshape(3, COUNT)
    one, none = np.eye(COUNT), np.zeros((COUNT, COUNT))
    borders = np.block(
        [[one, none, -one], [-one, none, -one], [none, one, -one], [none, -one, -one]]
    )
    pairs, row = np.zeros((len(FIRST), 3 * COUNT)), np.arange(len(FIRST))
    for block, values in enumerate((x, y)):
        slope = 2 * (values[FIRST] - values[SECOND])
        pairs[row, block * COUNT + FIRST], pairs[row, block * COUNT + SECOND] = slope, -slope
    for ends in (FIRST, SECOND):
        pairs[row, 2 * COUNT + ends] = -2 * (r[FIRST] + r[SECOND])
    return np.vstack([borders, pairs])


def solve(rng):
    """A local optimum from random centres: shape (3, COUNT)."""
    z = np.concatenate([rng.uniform(0.05, 0.95, 2 * COUNT), np.full(COUNT, 0.02)])
    aim = np.concatenate([np.zeros(2 * COUNT), -np.ones(COUNT)])
    constraint = {"type": "ineq", "fun": gaps, "jac": slopes}
    found = minimize(
        lambda z: aim @ z, z, jac=lambda _: aim, method="SLSQP",
        bounds=[(0.0, 1.0)] * (2 * COUNT) + [(1e-3, 0.5)] * COUNT,
        constraints=[constraint], options={"maxiter": 150, "ftol": 1e-10},
    )  # fmt: skip
    return found.x.reshape(3, COUNT)


def shrink(centres, r):
    """As in `pack.py`."""
    apart = np.hypot(*(centres[:, None] - centres[None, :]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    border = np.minimum(centres, 1 - centres).min(axis=1)
    factor = min(1.0, (apart / (r[:, None] + r[None, :])).min(), (border / r).min())
    return r * factor * (1 - 1e-12)


if __name__ == "__main__":
    rng = np.random.default_rng(1)
    best = np.zeros((COUNT, 3))
    for _ in range(STARTS):
        x, y, r = solve(rng)
        centres = np.column_stack([x, y])
        circles = np.column_stack([centres, shrink(centres, r)])
        if circles[:, 2].sum() > best[:, 2].sum():
            best = circles
    Path("out/circles.json").write_text(json.dumps(best.tolist()))
