"""Planted networks, whose soundness is known, and networks that cannot be compared."""

from dataclasses import replace

import numpy as np
import pytest
from probe.planted import Planted

from metaloop.probe import Run, compare

SOUND, ENTANGLED = Planted("by construction", True), Planted("by coincidence", False)


def test_planted_networks_are_told_apart():
    found = compare(SOUND, ENTANGLED)
    sound, entangled = found.networks
    assert found.mse < 1e-20
    assert (sound.verdict, entangled.verdict) == ("sound", "fractured")
    assert sound.respecting == 1 and entangled.respecting < 0.2
    assert sound.ladder[-1].breaking.mean == pytest.approx(0, abs=1e-9)
    assert sound.ladder[-1].change is None  # nothing to be relative to
    assert "0.25" in entangled.evidence and "interval" in entangled.evidence
    swapped = compare(ENTANGLED, SOUND)
    assert swapped.networks == (entangled, sound)


def test_too_few_draws_leave_it_undecided():
    """Independent noise breaks the symmetry so much that only two seeds leave a doubt."""
    verdicts = {compare(SOUND, ENTANGLED, (0.05,), seeds).networks[1].verdict for seeds in (2, 16)}
    assert verdicts == {"undecided", "fractured"}


class Scaled(Planted):
    def run(self, weights):
        output, units = super().run(weights)
        return Run(7 * output, units)


def test_the_unit_of_the_output_does_not_matter():
    ladders = [
        compare(kind("a", False), kind("b", False)).networks[0].ladder for kind in (Planted, Scaled)
    ]
    for plain, scaled in zip(*ladders, strict=True):
        assert plain.scale == pytest.approx(scaled.scale)
        assert plain.breaking.mean == pytest.approx(scaled.breaking.mean)


def test_what_cannot_be_compared():
    other = replace(ENTANGLED, name="other", weights=-ENTANGLED.weights[::-1])
    with pytest.raises(ValueError, match=r"other differ by \d+% of the output's range"):
        compare(SOUND, other)
    with pytest.raises(ValueError, match="other: `partner` must pair the 144 points"):
        compare(SOUND, replace(ENTANGLED, name="other", partner=np.roll(np.arange(144), 1)))
    with pytest.raises(ValueError, match="other: the output must be finite"):
        compare(SOUND, replace(ENTANGLED, name="other", weights=ENTANGLED.weights * np.nan))
    with pytest.raises(ValueError, match=r"moves the output by .* at most, not by 10000"):
        compare(SOUND, ENTANGLED, (10000.0,), 2)
    with pytest.raises(ValueError, match="levels of damage must rise"):
        compare(SOUND, ENTANGLED, (0.2, 0.1))
    with pytest.raises(ValueError, match="seeds must be 2 or more"):
        compare(SOUND, ENTANGLED, seeds=1)
