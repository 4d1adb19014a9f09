"""The power calculation against simulation, on made-up noise and on a bundled program's own."""

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tasks.task_trials import TASKS, load_module

from metaloop.guard.repeat import LOOKS
from metaloop.suitability.power import (
    ALPHA,
    MOST,
    POWER,
    minimal_gain,
    power,
    runs_needed,
    sigma_interval,
)

positive = st.floats(1e-6, 1e6)


def found(draw, gain, runs, tries=4000):
    """How often a one-sided t-test finds `gain` between two programs, `runs` runs of each."""
    tests = stats.ttest_ind(
        draw((runs, tries)) + gain, draw((runs, tries)), axis=0, alternative="greater"
    )
    return float((tests.pvalue < ALPHA).mean())


@pytest.mark.parametrize("runs", [2, 4, 14, 60])
def test_the_minimal_gain_is_found_as_often_as_promised(runs):
    rng = np.random.default_rng(runs)
    gain = minimal_gain(0.3, runs)
    assert found(lambda shape: rng.normal(0, 0.3, shape), gain, runs) == pytest.approx(
        POWER, abs=0.03
    )
    assert found(lambda shape: rng.normal(0, 0.3, shape), 0.0, runs) == pytest.approx(
        ALPHA, abs=0.015
    )


def test_the_noise_of_a_bundled_program_is_told_as_predicted(monkeypatch):
    """Circle packing with other seeds than its own: its noise is no normal distribution."""
    pack = load_module(Path(TASKS, "circle-packing", "pack.py"))
    monkeypatch.setattr(pack, "STEPS", 300)
    scores = np.array(
        [pack.radii(pack.improve(pack.start(), random.Random(i))).sum() for i in range(120)]
    )
    rng = np.random.default_rng(0)
    for runs in (4, LOOKS):
        gain = minimal_gain(float(scores.std(ddof=1)), runs)
        rate = found(lambda shape: rng.choice(scores, shape), gain, runs)
        assert rate == pytest.approx(POWER, abs=0.06)
        assert found(lambda shape: rng.choice(scores, shape), gain / 3, runs) < 0.4


@given(gain=positive, sigma=positive)
@settings(max_examples=60, deadline=None)
def test_runs_needed_are_enough_and_no_more(gain, sigma):
    runs = runs_needed(gain, sigma)
    if 2 < runs < 50_000:
        assert power(gain, sigma, runs) >= POWER > power(gain, sigma, runs - 1)
    assert runs_needed(gain * 2, sigma) <= runs <= runs_needed(gain, sigma * 2) <= MOST
    assert runs_needed(gain * 8, sigma * 8) == runs


@given(sigma=positive, runs=st.integers(2, 1000))
@settings(max_examples=40, deadline=None)
def test_minimal_gain_and_runs_needed_are_inverse(sigma, runs):
    assert runs_needed(minimal_gain(sigma, runs) * 1.0001, sigma) <= runs
    assert runs_needed(minimal_gain(sigma, runs) * 0.999, sigma) >= runs


def test_without_noise_one_run_tells_anything():
    assert runs_needed(1e-300, 0.0) == 1 and minimal_gain(0.0, LOOKS) == 0.0
    assert runs_needed(1e-300, 1e300) == MOST


@pytest.mark.parametrize(
    ("gain", "sigma"), [(0, 1), (-1, 1), (float("nan"), 1), (1, -1), (1, float("inf"))]
)
def test_what_is_no_gain_or_no_noise_is_refused(gain, sigma):
    with pytest.raises(ValueError, match="gain"):
        runs_needed(gain, sigma)


def test_the_interval_holds_sigma_as_often_as_it_says():
    rng = np.random.default_rng(0)
    drawn = rng.normal(0, 2.0, (2000, 8)).std(axis=1, ddof=1)
    inside = [low <= 2.0 <= high for low, high in (sigma_interval(s, 7) for s in drawn)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)
