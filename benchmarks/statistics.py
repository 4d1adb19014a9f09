"""How often the statistics of a study find what is not there, cover the truth, find what is there.

    python benchmarks/statistics.py

On made-up studies of ten paired seeds; prints the tables of docs/study/statistics.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

# ruff: noqa: E402
# Scripts have their own directory first on the path, and there this file would be taken for the
# `statistics` of the standard library, by the other benchmarks too.
sys.path[:] = [entry for entry in sys.path if Path(entry).resolve() != Path(__file__).parent]
if __name__ == "statistics":
    del sys.modules["statistics"]
    import statistics  # noqa: F401

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from metaloop.study.statistics import RESAMPLES, holm, interval, needed, power, sign_flip_test

Floats = NDArray[np.float64]

STUDIES, SEEDS, LEVEL = 2000, 10, 0.05
ZERO = float(norm.ppf(0.6))
"""Six gains in ten are 0 where they are zero-inflated."""
SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "normal": lambda latent: latent,
    "lognormal": np.exp,
    "zero-inflated": lambda latent: np.maximum(latent - ZERO, 0.0),
}
MEANS = {
    "normal": 0.0,
    "lognormal": float(np.exp(0.5)),
    "zero-inflated": float(norm.pdf(ZERO) - 0.4 * ZERO),
}
UNEQUAL = (1.5, 1.0, 1.0, 0.5)
"""Gains of the four cells where one model is three times as good and mixing them brings nothing."""


def gains(shape: str, studies: int, cells: int, seeds: int = SEEDS, salt: int = 0) -> Floats:
    """Studies x cells x seeds; half the (latent) variance is the seed's and so common to cells."""
    rng = np.random.default_rng([list(SHAPES).index(shape), studies, cells, seeds, salt])
    common = rng.normal(size=(studies, 1, seeds))
    return SHAPES[shape]((common + rng.normal(size=(studies, cells, seeds))) / np.sqrt(2))


def asymmetry(cells: Floats) -> Floats:
    """The contrast that decides; the first four cells are a in a, a in b, b in a, b in b."""
    return (cells[:, 1] + cells[:, 2]) / 2 - (cells[:, 0] + cells[:, 3]) / 2


def tested(differences: Floats) -> bool:
    """Is p below the level?"""
    return sign_flip_test(differences) <= LEVEL


def decided(differences: Floats) -> bool:
    """The rule of a study's deciding contrast: p below the level, and an interval without 0."""
    if not tested(differences):
        return False
    low, high = interval(differences)
    return low > 0 or high < 0


def rate(finds: Callable[[Floats], bool], differences: Floats) -> float:
    """Share of studies in which an effect is found."""
    return float(np.mean([finds(row) for row in differences]))


def family(cells: Floats) -> Floats:
    """P-values of the secondary contrasts, studies x 9: role, and C against each of 8 controls.

    Cells: four of C, then two each of A, restart and placebo, by inner model, and five of those
    without a model. Each seed's four cells of C are averaged, each less its own control.
    """
    role, mean = cells[:, 1] - cells[:, 2], cells[:, :4].mean(axis=1)
    controls = [cells[:, i : i + 2].mean(axis=1) for i in (4, 6, 8)]
    controls += [cells[:, i] for i in range(10, 15)]
    parts = [role, *(mean - control for control in controls)]
    return np.array([[sign_flip_test(row) for row in part] for part in parts]).T


def errors(shape: str, studies: int) -> dict[str, float]:
    """How often something is found in studies in which there is nothing."""
    cells = gains(shape, studies, 15)
    p_values = family(cells)
    unequal = cells[:, :4] * np.array(UNEQUAL)[:, None]
    return {
        "asymmetry, test alone": rate(tested, asymmetry(cells)),
        "asymmetry, by the rule": rate(decided, asymmetry(cells)),
        "asymmetry, by the rule, unequal models": rate(decided, asymmetry(unequal)),
        "any of 9 secondary": float((p_values.min(axis=1) <= LEVEL).mean()),
        "any of 9 secondary, Holm": float(np.mean([min(holm(list(p))) <= LEVEL for p in p_values])),
    }


def ours(samples: Floats) -> Floats:
    """Studies x (low, high) by `interval`."""
    return np.array([interval(row) for row in samples])


def resampled(samples: Floats) -> Iterator[tuple[Floats, Floats, Floats]]:
    """By hundreds: samples, means and standard errors of their resamples (studies x RESAMPLES)."""
    n = samples.shape[1]
    drawn = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    counts = np.stack([(drawn == i).sum(axis=1) for i in range(n)]) / n
    for start in range(0, len(samples), 100):
        part = samples[start : start + 100]
        means = part @ counts
        spread = np.sqrt(np.maximum(part**2 @ counts - means**2, 0) / (n - 1))
        yield part, means, spread


def percentile(samples: Floats) -> Floats:
    """The plain percentile interval."""
    both = [np.quantile(means, [0.025, 0.975], axis=1).T for _, means, _ in resampled(samples)]
    return np.concatenate(both)


def bca(samples: Floats) -> Floats:
    """Bias-corrected and accelerated (Efron 1987)."""
    found = []
    for part, means, _ in resampled(samples):
        centre = part.mean(axis=1, keepdims=True)
        below = (means < centre).mean(axis=1) + (means == centre).mean(axis=1) / 2
        bias = norm.ppf(np.clip(below, 1e-4, 1 - 1e-4))
        away = part - centre
        spread = np.maximum((away**2).sum(axis=1) ** 1.5, 1e-300)
        bent = (away**3).sum(axis=1) / spread / 6
        ordered = np.sort(means, axis=1)
        for z in norm.ppf([0.025, 0.975]):
            level = norm.cdf(bias + (bias + z) / (1 - bent * (bias + z)))
            at = np.clip((level * RESAMPLES).astype(int), 0, RESAMPLES - 1)
            found.append(np.take_along_axis(ordered, at[:, None], axis=1)[:, 0])
    lows, highs = (np.concatenate(found[side::2]) for side in (0, 1))
    return np.stack([lows, highs], axis=1)


def student(samples: Floats) -> Floats:
    """The t interval."""
    n = samples.shape[1]
    reach = t.ppf(0.975, n - 1) * samples.std(axis=1, ddof=1) / np.sqrt(n)
    return np.stack([samples.mean(axis=1) - reach, samples.mean(axis=1) + reach], axis=1)


def bootstrap_t(samples: Floats) -> Floats:
    """The t interval with resampled quantiles of t; without end where too many have no spread."""
    found = []
    for part, means, spread in resampled(samples):
        centre, n = part.mean(axis=1), part.shape[1]
        off = means - centre[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            ts = np.where(off == 0, 0.0, off / spread)
        high, low = np.quantile(ts, [0.025, 0.975], axis=1, method="nearest")
        error = part.std(axis=1, ddof=1) / np.sqrt(n)
        with np.errstate(invalid="ignore"):
            found.append(np.stack([centre - low * error, centre - high * error], axis=1))
    return np.nan_to_num(np.concatenate(found), nan=0.0)


METHODS = {
    "expanded percentile (`interval`)": ours,
    "percentile": percentile,
    "BCa": bca,
    "t": student,
    "bootstrap t": bootstrap_t,
}


def coverage(bounds: Floats, truth: float) -> float:
    """Share of the intervals that hold the truth."""
    return float(((bounds[:, 0] <= truth) & (truth <= bounds[:, 1])).mean())


def found(shape: str, effect: float, studies: int, seeds: int = SEEDS) -> float:
    """How often the test finds an asymmetry of `effect` standard deviations of the differences."""
    many = asymmetry(gains(shape, 200_000, 4, 1, salt=1))
    differences = asymmetry(gains(shape, studies, 4, seeds, salt=2))
    return rate(tested, differences + effect * float(many.std()))


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print it in Markdown."""
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(row) + " |")
    print()


def covered(method: Callable[[Floats], Floats], samples: Floats, truth: float) -> str:
    """Coverage and median width."""
    bounds = method(samples)
    return f"{coverage(bounds, truth):.3f} ({np.median(bounds[:, 1] - bounds[:, 0]):.2f})"


def main() -> None:
    """The four tables."""
    wrong = [errors(shape, STUDIES) for shape in SHAPES]
    rows = [[name, *(f"{row[name]:.3f}" for row in wrong)] for name in wrong[0]]
    table(["found where there is nothing", *SHAPES], rows)

    cells = {shape: gains(shape, STUDIES, 4, salt=3) for shape in SHAPES}
    for what in ("mean of the contrast", "mean of a cell"):
        rows = []
        for name, method in METHODS.items():
            row = [name]
            for shape, values in cells.items():
                if what == "mean of a cell":
                    row.append(covered(method, values[:, 0], MEANS[shape]))
                else:
                    row.append(covered(method, asymmetry(values), 0.0))
            rows.append(row)
        table([f"{what}: covered (width)", *SHAPES], rows)

    rows = []
    for seeds, effect in ((10, 0.5), (10, 0.8), (10, 1.2), (needed(1, 0.8), 0.8), (30, 0.5)):
        rates = [f"{found(shape, effect, STUDIES, seeds):.3f}" for shape in SHAPES]
        rows.append([str(seeds), str(effect), f"{power(seeds, 1.0, effect):.3f}", *rates])
    table(["pairs", "planted d_z", "predicted", *(f"found, {s}" for s in SHAPES)], rows)


if __name__ == "__main__":
    main()
