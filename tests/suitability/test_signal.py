"""Noise and signal: luck must not pass for an effect, nor a deaf metric for a quiet one."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaloop.inner.evaluate import Measurement
from metaloop.suitability import check as checking
from metaloop.suitability import trials
from metaloop.suitability.changes import small_changes
from metaloop.suitability.check import check
from metaloop.suitability.finding import Finding, Property, grade, verdict_of
from metaloop.suitability.metric import metric, signal_of
from metaloop.suitability.signal import signal
from metaloop.suitability.trials import Observations, Sample
from metaloop.task.spec import load_task


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


def finding(result, name):
    return next(f for p in result.properties for f in p.findings if f.name == name)


@pytest.mark.parametrize(
    ("odd", "trials_of_base", "noisy"),
    [
        ((), 3, False),
        ((0,), 8, True),  # the first
        ((1,), 8, True),  # one of the two side by side
        ((1, 2, 8), 8, True),  # both, and a later run
        ((1, 2), 8, False),  # both, and only these: they are in each other's way
    ],
)
def test_noise_is_seen_in_whichever_run_of_the_same_program_differs(
    toy, monkeypatch, odd, trials_of_base, noisy
):
    unchanged, asked = load_task(toy).sources(), []

    class Scripted:
        """Runs of the unchanged program score 2, the `odd` ones 3; all others score 4."""

        def __init__(self, *_):
            pass

        async def measure(self, files):
            if files != unchanged:
                return Measurement("measured", 4.0, 1.0)
            asked.append(files)
            return Measurement("measured", 3.0 if len(asked) - 1 in odd else 2.0, 1.0)

    monkeypatch.setattr(trials, "Evaluator", Scripted)
    monkeypatch.setattr(checking, "find_sandbox", lambda unsafe: SimpleNamespace(name="none"))
    result = check(toy)
    assert len(asked) == trials_of_base + 2  # two side by side
    assert (result.detection.sigma > 0) == noisy
    assert finding(result, "noise").evidence.startswith("sigma" if noisy else "none in")
    assert finding(result, "reproducible").score is None  # nothing is uncommitted
    assert ("use --workers 1" in finding(result, "in parallel").evidence) == (odd == (1, 2))


def judged(toy, base, changes, name="loss", direction="minimize"):
    """The findings on a metric of which these scores were seen."""
    path = toy / "metaloop.toml"
    text = path.read_text().replace('name = "loss"', f'name = "{name}"')
    path.write_text(text.replace('"minimize"', f'"{direction}"'))
    task = load_task(toy)
    samples = [Sample(Measurement("measured", score, 1.0), 1.0) for score in (*base, *changes)]
    seen = Observations(base=samples[: len(base)])
    seen.changes = {str(i): [s] for i, s in enumerate(samples[len(base) :])}
    seen.parts = dict.fromkeys(seen.changes, "X")
    return {f.name: f for f in metric(task, seen, signal_of(task, seen)).findings}


@pytest.mark.parametrize(
    ("name", "direction", "score"),
    [
        ("negative_log_likelihood", "minimize", 1.0),
        ("val/neg_mean_squared_error", "maximize", 1.0),
        ("neg_mean_squared_error", "minimize", 0.5),
        ("recall_negative", "maximize", 1.0),
        ("log_likelihood", "minimize", 0.5),
        ("val_loss", "maximize", 0.5),
        ("iou_loss", "minimize", 1.0),
        ("time_to_accuracy", "minimize", 1.0),
        ("accuracy", "minimize", 0.5),
    ],
)
def test_a_direction_is_that_of_the_name_and_its_sign(toy, name, direction, score):
    assert judged(toy, [2.0] * 3, [1.0, 3.0], name, direction)["direction"].score == score


@pytest.mark.parametrize(
    ("changes", "score"),
    [
        ([2.1417, 2.1903, 2.1702, 2.1702], None),
        ([2.1417, 2.1903, 2.1702, 2.1702, 2.15, 2.16], 1.0),
        ([2.1, 2.2, 2.1, 2.2, 2.1], 0.47),
    ],
)
def test_what_has_no_effect_does_not_make_a_metric_coarse(toy, changes, score):
    found = judged(toy, [2.1702] * 3, changes)["resolution"]
    assert found.score == (score if score is None else pytest.approx(score, abs=0.01))


def test_a_coarse_metric_that_is_noisy_is_coarse(toy):
    base = [0.5, 0.6, 0.6, 0.7, 0.7, 0.7, 0.8, 0.8]
    changes = [*base * 5, 0.4, 0.4, 0.9, 0.9, 0.9]
    found = judged(toy, base, changes, "accuracy", "maximize")["resolution"]
    assert found.score == pytest.approx(0.57, abs=0.01)
    assert found.evidence.startswith("6 values in 53 runs") and "more cases" in found.change


def test_a_number_too_large_for_a_float_is_moved(toy):
    text = (toy / "metaloop.toml").read_text()
    start, end = text.index("[space]"), text.index("[holdout]")
    (toy / "metaloop.toml").write_text(text[:start] + text[end:])
    (toy / "train.py").write_text(f"BIG = 1{'0' * 400}\nSMALL = 4\n")
    big, small = (p.files["train.py"] for p in small_changes(load_task(toy), 8, 0))
    assert f"BIG = 12{'0' * 399}\n" in big and "SMALL = 5\n" in small
