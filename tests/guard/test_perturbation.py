"""The gain must hold under declared variants, and fall where its information is shuffled."""

import pytest
from promotions import promotion

from metaloop.guard.noise import Noise
from metaloop.guard.perturbation import NoScore, Perturbations
from metaloop.task.spec import Perturbation


async def verdict(must, loss, best, **changes):
    asked = []

    async def vary(files, variant):
        asked.append((files["train.py"], variant.name))
        found = loss if files["train.py"] == "new" else best
        if found is None:
            raise NoScore
        return found

    variant = Perturbation(name="other order", command=["python", "train.py"], must=must)
    seen = promotion("old", "new", [1.0], [2.0], **changes)
    return await Perturbations([variant], vary).check(seen), seen, asked


@pytest.mark.parametrize(
    ("must", "loss", "ending"),
    [
        ("hold", 1.5, "passed"),
        ("hold", 3.0, "passed"),
        ("hold", 3.1, "rejected"),
        ("hold", None, "rejected"),
        ("fall", 2.9, "passed"),
        ("fall", 2.4, "rejected"),  # more than half of the gain of 1 is left
    ],
)
async def test_a_variant_is_as_declared(must, loss, ending):
    found, _, _ = await verdict(must, loss, best=3.0)
    assert found.ending == ending
    assert "other order" in found.evidence


async def test_without_a_score_of_the_best_nothing_is_held_against_a_candidate():
    """A run says at its start that a variant does not work; older ones began without."""
    found, _, _ = await verdict("hold", 1.0, best=None)
    assert found.ending == "passed"


async def test_noise_is_allowed_for():
    found, _, _ = await verdict("hold", 3.1, best=3.0, noise=Noise(1.0, 1))
    assert found.ending == "passed"


async def test_what_the_best_did_is_measured_once():
    _, seen, asked = await verdict("hold", 1.0, best=3.0)
    assert (seen.runs, len(asked), seen.best_shown.varied) == (2, 2, {"other order": 3.0})

    async def vary(files, variant):
        return 0.5

    variant = Perturbation(name="other order", command=["python", "train.py"])
    again = promotion("old", "new", best_shown=seen.best_shown)
    await Perturbations([variant], vary).check(again)
    assert again.runs == 1
