"""The simulations of `benchmarks/statistics.py`, fewer: they would still tell a broken test.

A rate over 400 studies has a standard error of 0.01 near 0.05 and of 0.014 near 0.9.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
STUDIES = 400

spec = importlib.util.spec_from_file_location("simulated", BENCHMARKS / "statistics.py")
simulated = importlib.util.module_from_spec(spec)
spec.loader.exec_module(simulated)

shapes = pytest.mark.parametrize("shape", list(simulated.SHAPES))


@shapes
def test_where_there_is_nothing_little_is_found(shape):
    rates = simulated.errors(shape, STUDIES)
    assert 0.015 <= rates["asymmetry, test alone"] <= 0.09
    assert rates["asymmetry, by the rule"] <= rates["asymmetry, test alone"]
    assert rates["asymmetry, by the rule, unequal models"] <= 0.1
    assert rates["any of 9 secondary, Holm"] <= 0.08
    assert rates["any of 9 secondary"] > 0.12  # so the correction is what does it


@shapes
def test_the_interval_covers_where_the_plain_one_does_not(shape):
    samples = simulated.asymmetry(simulated.gains(shape, STUDIES, 4))
    ours = simulated.coverage(simulated.ours(samples), 0.0)
    assert 0.9 <= ours <= 0.98
    assert simulated.coverage(simulated.percentile(samples), 0.0) < ours - 0.02


@pytest.mark.parametrize("shape, least", [("normal", 0.92), ("lognormal", 0.8)])
def test_the_interval_of_a_cell_covers_what_was_measured(shape, least):
    cells = simulated.gains(shape, STUDIES, 1)[:, 0]
    assert simulated.coverage(simulated.ours(cells), simulated.MEANS[shape]) >= least


@shapes
def test_a_planted_effect_is_found_as_often_as_predicted(shape):
    predicted = simulated.power(simulated.SEEDS, 1.0, 1.2)
    assert simulated.found(shape, 1.2, STUDIES) == pytest.approx(predicted, abs=0.06)


def test_the_file_hides_no_standard_library_from_its_neighbours():
    code = "import statistics; print(statistics.fmean([1, 2]))"
    env = {"PYTHONPATH": str(BENCHMARKS)}
    ran = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert ran.stdout == "1.5\n", ran.stderr
