"""Noise and signal: luck must not pass for an effect, nor a deaf metric for a quiet one."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaloop.suitability.finding import Finding, Property, grade, verdict_of
from metaloop.suitability.signal import signal


def made(rng, effect, sigma=1.0, changes=12):
    """Eight runs of a program, three of each change; changes do `effect`, up or down."""
    base = list(rng.normal(0, sigma, 8))
    shifts = rng.choice([-effect, effect], changes)
    groups = {f"c{i}": list(rng.normal(x, sigma, 3)) for i, x in enumerate(shifts)}
    return signal(base, groups, {name: name for name in groups})


def test_luck_is_rarely_taken_for_an_effect_and_an_effect_rarely_for_luck():
    rng = np.random.default_rng(0)
    deaf = [made(rng, 0.0) for _ in range(500)]
    assert sum(s.heard for s in deaf) <= 3
    assert sum(any(e.answers for e in s.effects) for s in deaf) < 0.08 * 500
    assert sum(made(rng, 2.0).heard for _ in range(100)) >= 99


def test_sigma_and_the_typical_effect_are_recovered():
    rng = np.random.default_rng(1)
    found = [made(rng, 3.0, sigma=0.5) for _ in range(300)]
    assert np.mean([s.sigma for s in found]) == pytest.approx(0.5, rel=0.03)
    assert np.mean([s.typical for s in found]) == pytest.approx(3.0, rel=0.03)
    assert np.mean([s.noise_share for s in found]) == pytest.approx(1 / np.hypot(6, 1), rel=0.05)


def test_equal_repeats_are_no_noise_at_all():
    """A mean of equal numbers is not always that number: rounding must not become a sigma."""
    quiet = signal([0.1] * 3, {"a": [0.1], "b": [0.3], "broke": []}, {"a": "A", "b": "B"})
    assert (quiet.sigma, quiet.noise_share, quiet.heard) == (0.0, 0.0, True)
    assert [(e.part, e.answers) for e in quiet.effects] == [("A", False), ("B", True)]
    assert quiet.effects[1].gain == pytest.approx(-0.2)
    assert not signal([0.1] * 3, {"a": [0.1] * 3}, {"a": "A"}).heard


number = st.floats(1.0, 1e300) | st.floats(-1e300, -1.0) | st.just(0.0)
losses = st.lists(number, min_size=1, max_size=4)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(base=losses, changes=st.lists(losses | st.just([]), max_size=5))
@settings(max_examples=100, deadline=None)
def test_no_losses_are_too_wild_to_judge(base, changes):
    groups = {str(i): change for i, change in enumerate(changes)}
    found = signal(base, groups, {name: name for name in groups})
    assert 0 <= found.noise_share <= 1 and 0 <= found.typical < math.inf
    assert (found.sigma == 0) == all(len(set(x)) == 1 for x in [base, *filter(None, changes)])


def test_a_property_is_as_good_as_its_weakest_finding():
    found = Property(
        "p", (Finding("a", 0.9, "", "x"), Finding("b", 0.2, "", "y"), Finding("c", None, ""))
    )
    assert (found.score, found.change, found.score_after) == (0.2, "y", 0.9)
    assert Property("p", (Finding("a", 1.0, "", "x"),)).change == ""
    scores = (0.0, 0.33, 0.34, 0.66, 0.67, 1.0)
    assert [verdict_of(x) for x in scores] == ["unfit"] * 2 + ["fit with repairs"] * 2 + ["fit"] * 2
    assert grade(1e9, (1, 1.0), (10, 0.5), log=True) == 0.5 and grade(-1, (0, 0.3), (1, 1)) == 0.3
