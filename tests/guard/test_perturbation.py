"""The gain must hold under declared variants, and fall where its information is shuffled."""

import pytest
from promotions import promotion

from metaloop.guard.noise import Noise
from metaloop.guard.perturbation import Perturbations
from metaloop.task.spec import Perturbation


async def verdict(must, loss, best, **changes):
    """Of a gain of 1, where candidate and best have these losses under the variant."""

    async def vary(files, variant):
        assert files == seen.files, "what the best did was measured when it became the best"
        return loss

    variant = Perturbation(name="other order", command=["python", "train.py"], must=must)
    seen = promotion("old", "new", [1.0], [2.0], **changes)
    seen.best_shown.varied = {"other order": best}
    return await Perturbations([variant], vary).check(seen), seen


@pytest.mark.parametrize(
    ("must", "loss", "ending"),
    [
        ("hold", 1.5, "passed"),
        ("hold", 3.0, "passed"),
        ("hold", 3.1, "rejected"),
        ("hold", None, "rejected"),
        ("fall", 2.9, "passed"),
        ("fall", 2.4, "rejected"),  # more than half of the gain of 1 is left
        ("fall", None, "rejected"),
    ],
)
async def test_a_variant_is_as_declared(must, loss, ending):
    found, _ = await verdict(must, loss, best=3.0)
    assert found.ending == ending
    assert "other order" in found.evidence


async def test_noise_is_allowed_for():
    found, _ = await verdict("hold", 3.1, best=3.0, noise=Noise(1.0, 1))
    assert found.ending == "passed"


async def test_what_a_candidate_did_is_kept_for_those_that_follow():
    _, seen = await verdict("hold", 1.0, best=3.0)
    assert (seen.runs, seen.shown.varied) == (1, {"other order": 1.0})
