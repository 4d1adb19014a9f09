"""The published pairs of networks against the reference figures of the data's notes."""

from pathlib import Path

import pytest

from metaloop.probe import compare, load_cppns

DATA = Path(__file__).parents[4] / "shared/data/fer"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the FER networks are not here")


@pytest.fixture(scope="module", params=["skull", "butterfly"])
def pair(request):
    networks = load_cppns(DATA / f"{request.param}.npz")
    return request.param, compare(*networks)


def test_the_evolved_one_is_sound_and_the_trained_one_fractured(pair):
    _, found = pair
    evolved, trained = found.networks
    assert found.mse < 1e-3
    assert (evolved.name, evolved.verdict) == ("picbreeder", "sound")
    assert (trained.name, trained.verdict) == ("sgd", "fractured")
    for level, of_evolved, of_trained in zip(
        (0.05, 0.1, 0.15, 0.2, 0.25), evolved.ladder, trained.ladder, strict=True
    ):
        assert of_evolved.damage == pytest.approx(level, rel=0.02)
        assert of_trained.damage == pytest.approx(level, rel=0.02)
        assert of_evolved.breaking.high < 0.1 < of_trained.breaking.low


def test_reference_figures(pair):
    """The evolved networks' -6 % and -7 % are smaller than the sampling error: they must lie in the
    interval. All else is within 20 %."""
    name, found = pair
    evolved, trained = found.networks
    before, after, shares = {
        "skull": (-0.06, 0.79, (0.97, 0.04)),
        "butterfly": (-0.07, 2.73, (0.93, 0.08)),
    }[name]
    assert evolved.ladder[-1].change.low < before < evolved.ladder[-1].change.high
    assert trained.ladder[-1].change.mean == pytest.approx(after, rel=0.2)
    assert (evolved.respecting, trained.respecting) == pytest.approx(shares, rel=0.2)
    if name == "skull":
        assert evolved.raw_sensitivity == pytest.approx(0.033, rel=0.2)
        assert trained.raw_sensitivity == pytest.approx(0.002, abs=0.0005)  # it has one digit


def test_other_measures_do_not_tell_them_apart(pair):
    """Why the probe exists: raw sensitivity ranks backwards, and both carry every feature."""
    _, found = pair
    evolved, trained = found.networks
    assert evolved.raw_sensitivity > 5 * trained.raw_sensitivity
    assert min(*evolved.decodability.values(), *trained.decodability.values()) > 0.9
