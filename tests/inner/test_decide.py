"""A gain must exceed the noise; of equals the simpler one is kept."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from metaloop.inner.decide import MAX_RUNS, Noise, is_close, keep


@given(st.floats(-1e6, 1e6), st.booleans())
def test_without_noise_every_gain_counts_and_costs_nothing(gain, smaller):
    noise = Noise.of([2.0, 2.0, 2.0])
    assert noise.sigma == 0
    assert not is_close(gain, 1, 3, noise)
    assert keep(gain, 1, 3, noise, smaller) == (gain > 0 or (gain == 0 and smaller))


@given(st.floats(0.01, 10), st.floats(0, 100), st.floats(0, 100), st.integers(1, 4))
def test_a_larger_gain_is_never_judged_worse(sigma, gain, more, runs):
    noise = Noise(sigma)
    if keep(gain, runs, 3, noise, False):
        assert keep(gain + more, runs, 3, noise, False)
    assert not keep(0.0, runs, 3, noise, True)


def test_no_gain_is_kept_rarely():
    """A candidate that changes nothing, on a noisy task: kept in at most one case of ten."""
    rng, kept = Random(1), 0
    for _ in range(2000):
        best = [rng.gauss(0, 1) for _ in range(3)]
        runs = [rng.gauss(0, 1)]
        noise = Noise(1.0)
        gain = sum(best) / 3 - runs[0]
        while is_close(gain, len(runs), 3, noise):
            runs.append(rng.gauss(0, 1))
            gain = sum(best) / 3 - sum(runs) / len(runs)
        assert len(runs) <= MAX_RUNS
        kept += keep(gain, len(runs), 3, noise, False)
    assert kept < 200
