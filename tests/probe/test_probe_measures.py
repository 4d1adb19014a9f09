"""What must hold of the measures for any units."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from metaloop.probe.measures import (
    decodability,
    live,
    mirror_correlations,
    participation_ratio,
)

values = st.floats(-1e3, 1e3, allow_subnormal=False).map(lambda x: round(x, 3))
layers = st.tuples(st.integers(4, 30), st.integers(1, 40)).flatmap(
    lambda shape: arrays(float, shape, elements=values)
)


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(0)


@settings(max_examples=60, deadline=None)
@given(layers, st.integers(0, 99))
def test_participation_ratio(units, seed):
    """Between 1 and the directions there are; blind to scale, offset and rotation."""
    try:
        units = live([units])
    except ValueError:
        return
    ratio = participation_ratio(units)
    assert 1 - 1e-9 <= ratio <= min(units.shape[1], len(units) - 1) + 1e-9
    draws = np.random.default_rng(seed).normal(size=(units.shape[1],) * 2)
    assert participation_ratio(3 * units @ np.linalg.qr(draws)[0] - 5) == pytest.approx(ratio)


@settings(max_examples=60, deadline=None)
@given(layers)
def test_mirror_correlations(units):
    """Between -1 and 1, blind to scale and offset, 1 for what is even, -1 for what is odd."""
    partner = np.arange(len(units))[::-1]
    try:
        units = live([units])
    except ValueError:
        return
    found = mirror_correlations(units, partner)
    assert np.all(np.abs(found) <= 1 + 1e-9)
    assert mirror_correlations(-2 * units[partner] + 1, partner) == pytest.approx(found)
    for sign in (1, -1):
        part = units + sign * units[partner]
        if np.all(part.std(axis=0) > 1e-6):
            assert mirror_correlations(part, partner) == pytest.approx(sign)


def test_participation_ratio_of_known_spectra(rng):
    equal = np.linalg.qr(rng.normal(size=(50, 8)))[0]
    assert participation_ratio(np.outer(rng.normal(size=50), np.ones(8))) == pytest.approx(1)
    assert 7 < participation_ratio(equal) <= 8


@pytest.mark.parametrize("units", [5, 400])
def test_decodability(rng, units):
    """A linear feature is found and noise is not, with fewer units than points and with more."""
    x = rng.normal(size=(200, 5)) @ rng.normal(size=(5, units))
    alone = np.arange(200)
    assert decodability(x, x[:, 0] * 2 + 3, alone) > 0.99
    assert decodability(x, rng.normal(size=200), alone) < 0.1


def test_a_mirror_image_does_not_give_its_point_away(rng):
    """Units that respect the invariant say the same of both: noise stays noise, if remembered."""
    units = np.tile(rng.normal(size=(200, 512)), (2, 1))
    noise = np.tile(rng.normal(size=200), 2)
    assert decodability(units, noise, np.roll(np.arange(400), 200)) < 0.1


def test_units_that_do_not_vary_are_left_out(rng):
    varied = rng.normal(size=(10, 2))
    assert live([np.zeros((10, 3)), np.full((10, 1), 0.3), varied]).shape == (10, 2)
    with pytest.raises(ValueError, match="no unit varies"):
        live([np.ones((10, 3))])
