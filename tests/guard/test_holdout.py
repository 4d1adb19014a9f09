"""A gain on the search data alone is rejected; what the holdout said stays with people."""

from random import Random

import pytest
from promotions import promotion

from metaloop.guard.base import Scored, Shown
from metaloop.guard.holdout import Holdout, compare
from metaloop.guard.noise import Noise

BLOCKS = 64


def shown(search, holdout, rng=None, error=0.0):
    """A program with these losses; with `error`, blocks that scatter around them by so much."""

    def scored(loss):
        if not error:
            return Scored(loss)
        blocks = [loss + rng.gauss(0, error * BLOCKS**0.5) for _ in range(BLOCKS)]
        return Scored(sum(blocks) / BLOCKS, blocks)

    return Shown(scored(search), 1.0, holdout=scored(holdout))


async def verdict(best, after, baseline=None, budget=100, **changes):
    """The verdict on a candidate with the losses of `after` on search data and holdout."""

    async def query(_):
        return after.holdout

    seen = promotion(
        shown=Shown(after.search, 1.0), best_shown=best, baseline_shown=baseline or best, **changes
    )
    return await Holdout(query, budget).check(seen), seen


@pytest.mark.parametrize(
    ("holdout", "ending"), [(1.0, "passed"), (1.9, "passed"), (2.1, "rejected")]
)
async def test_without_errors_the_holdout_must_not_get_worse(holdout, ending):
    found, seen = await verdict(shown(2.0, 2.0), shown(1.0, holdout))
    assert found.ending == ending
    assert (seen.queries, seen.shown.holdout.loss) == (1, holdout)


async def test_models_are_told_nothing_of_it():
    found, _ = await verdict(shown(2.0, 2.0), shown(1.0, 2.125))
    assert found.told == "not confirmed"
    assert "-0.125" in found.evidence


async def test_the_gap_is_measured_in_its_standard_errors():
    rng = Random(1)
    best = shown(2.0, 2.0, rng, 0.01)
    real = shown(1.9, 1.9, rng, 0.01)
    found, _ = await verdict(best, real)
    assert found.ending == "passed"
    found, _ = await verdict(best, shown(1.9, 2.0, rng, 0.01))
    assert found.ending == "rejected"
    found, _ = await verdict(best, shown(1.9, 2.0, rng, 0.01), noise=Noise(1.0, 1))
    assert found.ending == "passed"  # so noisy that the gap tells nothing


async def test_small_steps_do_not_add_up_unseen():
    """Against the best the gap is small, against the baseline it is not."""
    rng = Random(2)
    baseline, best = shown(2.0, 2.0, rng, 0.01), shown(1.9, 2.0, rng, 0.01)
    found, _ = await verdict(best, shown(1.89, 2.0, rng, 0.01), baseline)
    assert found.ending == "rejected"
    assert "the baseline" in found.evidence


async def test_overfitting_by_200_tries_ends_in_rejections():
    """Random changes that only fit the search data: what is kept of them stays within the error."""
    rng = Random(3)
    baseline = best = shown(2.0, 2.0, rng, 0.01)
    rejected = 0
    for _ in range(200):
        luck = [x + rng.gauss(0, 0.02) for x in best.search.blocks]
        held = [x + rng.gauss(0, 0.02) for x in best.holdout.blocks]
        after = Shown(
            Scored(sum(luck) / BLOCKS, luck), 1.0, holdout=Scored(sum(held) / BLOCKS, held)
        )
        if after.search.loss < best.search.loss:
            found, _ = await verdict(best, after, baseline, budget=1000)
            rejected += found.ending == "rejected"
            best = after if found.ending == "passed" else best
    gain, error = compare(baseline.search, best.search)
    held, held_error = compare(baseline.holdout, best.holdout)
    assert rejected > 20
    assert gain - held <= 2 * (error**2 + held_error**2) ** 0.5


async def test_the_budget_of_queries_is_kept():
    found, seen = await verdict(shown(2.0, 2.0), shown(1.0, 1.0), budget=3, queries=3)
    assert (found.ending, seen.shown.holdout) == ("quarantined", None)


async def test_what_the_holdout_refuses_is_rejected():
    async def query(_):
        return None

    found = await Holdout(query, 9).check(promotion())
    assert (found.ending, found.hidden) == ("rejected", True)
