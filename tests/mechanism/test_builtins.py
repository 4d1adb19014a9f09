"""The built-in mechanisms, which are read as source and run like any other."""

import math
from itertools import pairwise
from random import Random
from statistics import fmean

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metaloop.mechanism.api import Mechanism, Trial
from metaloop.mechanism.builtin import BASELINES, BUILTINS, PLACEBO, STEERERS, builtins_for
from metaloop.mechanism.example import EXAMPLE, example_for, ideas_for
from metaloop.mechanism.worker import Session
from metaloop.task.space import Space

ASSIGNING = {**BASELINES, "example": EXAMPLE}
CUBE = Space.from_dict({n: {"type": "float", "low": -3.0, "high": 5.0} for n in "ABCD"})

bounds = st.tuples(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6)).map(lambda b: (b[0], b[0] + b[1]))
tables = st.one_of(
    bounds.map(lambda b: {"type": "float", "low": b[0], "high": b[1]}),
    st.tuples(st.floats(1e-9, 1.0), st.floats(2.0, 1e6)).map(
        lambda b: {"type": "float", "low": b[0], "high": b[1], "log": True}
    ),
    st.tuples(st.integers(-50, 50), st.integers(1, 99)).map(
        lambda b: {"type": "int", "low": b[0], "high": b[0] + b[1]}
    ),
    st.tuples(st.integers(1, 9), st.integers(1, 999)).map(
        lambda b: {"type": "int", "low": b[0], "high": b[0] + b[1], "log": True}
    ),
    st.lists(st.text("xyz", min_size=1, max_size=3), min_size=2, max_size=4, unique=True).map(
        lambda c: {"choices": c}
    ),
    st.just({"choices": [True, False]}),
    st.just({"choices": [8, 16, 32]}),
)
spaces = st.lists(tables, min_size=1, max_size=5).map(
    lambda listed: Space.from_dict({f"P{i}": table for i, table in enumerate(listed)})
)


def search(source, space, seed, loss, trials=12, warm=4):
    """A run without a sandbox: built-in mechanisms are our own code."""
    session, rng, history = Session(source, space.to_dict(), seed), Random(seed), []
    told = 0
    for number in range(trials):
        if number < warm:
            params = space.sample(rng)
        else:
            request = {"do": "suggest", "new": [vars(t).values() for t in history[told:]]}
            params = session.answer(request | {"seen": number})["assign"]
            told = number
        lost = loss(space.clip(params))
        status = "crashed" if lost is None else "discarded"
        history.append(Trial(number, params, lost, status, "x", 0, "P0 1 -> 2"))
    return history


def inside(space, params):
    """A full assignment, each value of its own kind and in its range, before any clipping."""
    for name, param in space.items():
        value = params[name]
        if param.kind == "choice":
            assert value in param.choices
        else:
            assert isinstance(value, int if param.kind == "int" else float)
            assert param.low <= value <= param.high
    assert set(params) == set(space)


@pytest.mark.parametrize("name", ASSIGNING)
@given(space=spaces, seed=st.integers(0, 99), data=st.data())
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_suggestion_is_in_the_space_crashed_trials_or_not(name, space, seed, data):
    rng = Random(data.draw(st.integers(0, 99)))
    crashing = data.draw(st.sampled_from([0.0, 0.5, 1.0]))

    def loss(params):
        return None if rng.random() < crashing else sum(space.to_unit(params))

    for trial in search(ASSIGNING[name], space, seed, loss, warm=data.draw(st.integers(0, 4))):
        inside(space, trial.params)


def bowl(params):
    return sum((u - 0.31) ** 2 for u in CUBE.to_unit(params))


@pytest.mark.parametrize("name", ASSIGNING)
def test_the_same_seed_the_same_search_and_another_another(name):
    def tried(seed):
        return [t.params for t in search(ASSIGNING[name], CUBE, seed, bowl, trials=20)]

    assert tried(1) == tried(1)
    assert tried(1)[4:] != tried(2)[4:]


@pytest.mark.parametrize("name", ["tpe", "cma_es", "hill_climbing", "example"])
def test_it_beats_random_search_on_a_bowl(name):
    def left(source):
        runs = (search(source, CUBE, seed, bowl, trials=50) for seed in range(6))
        return fmean(math.log(min(t.loss for t in run)) for run in runs)

    assert left(ASSIGNING[name]) < left(BUILTINS["random_search"]) - 0.5


def test_tpe_learns_from_the_trials_of_others():
    """Told where the bottom lies, it tries there."""
    good = [Trial(n, dict.fromkeys("ABCD", -0.5 + n / 99), n / 99, "kept", "x") for n in range(8)]
    bad = [Trial(8 + n, dict.fromkeys("ABCD", 4.0 + n / 99), 9.0, "x", "x") for n in range(12)]
    session = Session(BUILTINS["tpe"], CUBE.to_dict(), 3)
    request = {"do": "suggest", "new": [vars(t).values() for t in good + bad], "seen": 20}
    tried = [session.answer(request)["assign"]]
    request["new"] = []
    tried += [session.answer(request)["assign"] for _ in range(9)]
    assert fmean(bowl(params) for params in tried) < 0.15


def test_hill_climbing_starts_elsewhere_when_it_is_stuck():
    history = search(BUILTINS["hill_climbing"], CUBE, 1, lambda params: 1.0, trials=60)
    steps = [
        math.dist(CUBE.to_unit(a.params), CUBE.to_unit(b.params)) for a, b in pairwise(history)
    ]
    assert max(steps[30:]) > 0.2  # it would stand still without


def test_a_task_gets_the_mechanisms_that_suit_it():
    assert builtins_for(CUBE) == BUILTINS
    assert builtins_for(Space({})) == STEERERS
    assert set(ideas_for(CUBE)).isdisjoint(set(ideas_for(Space({}))) - {"restart from elite"})
    assert "PointMechanism" in example_for(CUBE)
    assert "Steer(" in example_for(Space({}))


names = st.sampled_from(["fit()", "load()", "module", "predict()"])
trial = st.tuples(names, st.sampled_from(["kept", "discarded", "crashed"]))


@given(st.lists(trial, max_size=30))
def test_spread_steers_to_known_names_and_never_away_from_its_own_focus(made):
    history = [Trial(0, {}, 1.0, "kept", "baseline", None, "nothing")]
    for number, (name, status) in enumerate(made, 1):
        loss = None if status == "crashed" else 1.0
        history.append(Trial(number, {}, loss, status, "model", 0, f"train.py: {name}"))
    session = Session(STEERERS["spread"], {}, 0)
    request = {"do": "suggest", "new": [vars(t).values() for t in history], "seen": len(history)}
    steer = session.answer(request)["steer"]
    assert steer["hint"]
    assert set(steer["focus"]) | set(steer["avoid"]) <= {name for name, _ in made}
    assert set(steer["focus"]).isdisjoint(steer["avoid"])


def test_the_placebo_says_nothing():
    session = Session(PLACEBO, CUBE.to_dict(), 0)
    said = session.answer({"do": "suggest", "new": [], "seen": 0})["steer"]
    assert said == {"parent": None, "focus": [], "avoid": [], "hint": ""}
    assert not session.judges


def test_the_seam_of_the_api():
    trial = Trial(3, {}, 1.0, "kept", "model", 0, "ORDER 3 -> 5; train.py: predict(), module")
    assert trial.touched == ["ORDER", "predict()", "module"]
    assert Trial(0, {}, 1.0, "kept", "baseline", None, "nothing").touched == []
    assert Mechanism.accept(Session(PLACEBO, {}, 0)._mechanism, trial, []) is None
