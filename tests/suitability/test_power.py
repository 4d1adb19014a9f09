"""The power calculation against simulation, on made-up noise and on a bundled program's own."""

import random
from pathlib import Path

import numpy as np
import pytest
from guard.promotions import promotion
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from tasks.task_trials import TASKS, load_module

from metaloop.guard.noise import Noise
from metaloop.guard.repeat import TOLD, Repeat
from metaloop.inner.baseline import NOISY_BASELINE
from metaloop.suitability.power import (
    ALPHA,
    MOST,
    POWER,
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


@pytest.mark.parametrize("gain", [0.9, 0.45, 0.15])
def test_the_runs_needed_find_the_gain_as_often_as_promised(gain):
    rng = np.random.default_rng(3)
    runs = runs_needed(gain, 0.3)
    predicted = power(gain, 0.3, runs)
    assert predicted >= POWER
    assert found(lambda shape: rng.normal(0, 0.3, shape), gain, runs) == pytest.approx(
        predicted, abs=0.03
    )
    assert found(lambda shape: rng.normal(0, 0.3, shape), 0.0, runs) == pytest.approx(
        ALPHA, abs=0.015
    )


@pytest.fixture
def noise(monkeypatch):
    """Scores of circle packing with other seeds than its own: no normal distribution."""
    pack = load_module(Path(TASKS, "circle-packing", "pack.py"))
    monkeypatch.setattr(pack, "STEPS", 300)
    return [pack.radii(pack.improve(pack.start(), random.Random(i))).sum() for i in range(120)]


def test_the_noise_of_a_bundled_program_is_told_as_predicted(noise):
    rng, sigma = np.random.default_rng(0), float(np.std(noise, ddof=1))
    for gain in (2 * sigma, sigma):
        rate = found(lambda shape: rng.choice(noise, shape), gain, runs_needed(gain, sigma))
        predicted = power(gain, sigma, runs_needed(gain, sigma))
        assert rate == pytest.approx(predicted, abs=0.06)
        rate = found(lambda shape: rng.choice(noise, shape), gain / 3, runs_needed(gain, sigma))
        assert rate < 0.4


async def test_the_guard_keeps_what_is_called_detectable(noise):
    """On normal noise, and on a bundled program's own."""
    rng = random.Random(7)
    for draw, sigma in (
        (lambda: rng.gauss(0, 1), 1.0),
        (lambda: rng.choice(noise), float(np.std(noise, ddof=1))),
    ):
        assert await promoted(draw, TOLD * sigma) == pytest.approx(POWER, abs=0.06)
        assert await promoted(draw, TOLD * sigma / 3) < 0.3


async def promoted(draw, gain, times=600):
    """How often the repeat guard promotes a candidate that is better by `gain`."""
    passed = 0
    for _ in range(times):
        base = [draw() for _ in range(NOISY_BASELINE)]

        async def measure(files):
            return draw() - (gain if files["train.py"] == "new" else 0.0)

        seen = promotion("old", "new", [draw() - gain], base, noise=Noise.of(base))
        if seen.gain > 0:
            passed += (await Repeat(measure).check(seen)).ending == "passed"
    return passed / times


@given(gain=positive, sigma=positive)
@settings(max_examples=60, deadline=None)
def test_runs_needed_are_enough_and_no_more(gain, sigma):
    runs = runs_needed(gain, sigma)
    if 2 < runs < 50_000:
        assert power(gain, sigma, runs) >= POWER > power(gain, sigma, runs - 1)
    assert runs_needed(gain * 2, sigma) <= runs <= runs_needed(gain, sigma * 2) <= MOST
    assert runs_needed(gain * 8, sigma * 8) == runs


def test_without_noise_one_run_tells_anything():
    assert runs_needed(1e-300, 0.0) == 1
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
