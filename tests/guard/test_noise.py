"""Noise: what repeats itself has none, and what scatters has as much as it shows."""

import math
from statistics import fmean

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from promotions import promotion

from metaloop.guard.noise import Noise


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 9), st.integers(1, 9))
@example(0.1, 3, 1)
@example(1.7e308, 3, 2)
def test_equal_measurements_have_no_noise_and_differ_by_nothing(score, runs, more):
    """To the last bit, whatever the rounding of their sum."""
    assert Noise.of([score] * runs).pooled([-score] * more).sigma == 0
    assert promotion(losses=[score] * runs, best_losses=[score] * more).gain == 0
    assert promotion(losses=[score] * runs, best_losses=[0.0]).gain == -score


def test_no_deviation_is_too_large_or_too_small():
    for size in (1e-200, 1.0, 1e200):
        assert Noise.of([size, -size]).sigma == pytest.approx(math.sqrt(2) * size)


@given(st.lists(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), min_size=1, max_size=5))
def test_noise_pools_programs_by_their_own_means(programs):
    noise = Noise()
    for losses in programs:
        noise = noise.pooled([x + 1e3 * len(losses) for x in losses])
    assert noise.freedom == sum(len(losses) - 1 for losses in programs)
    squares = sum((x - fmean(p)) ** 2 for p in programs for x in p)
    assert noise.sigma**2 * noise.freedom == pytest.approx(squares, rel=1e-6, abs=1e-3)
