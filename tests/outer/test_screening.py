"""Which mechanisms get past screening."""

from types import SimpleNamespace

import pytest

from metaloop.execution import find_sandbox
from metaloop.mechanism.api import Space, Steer, Trial
from metaloop.mechanism.builtin import BUILTINS, PLACEBO, STEERERS
from metaloop.mechanism.host import MechanismError
from metaloop.outer import patchworld, screen
from metaloop.outer.landscapes import landscapes, replayed
from metaloop.outer.screen import Screen, judge

SPACE = Space.from_dict(
    {
        "ORDER": {"type": "int", "low": 1, "high": 8},
        "RATE": {"type": "float", "low": 0.0, "high": 1.0},
        "ALPHA": {"type": "float", "low": 1e-5, "high": 1.0, "log": True},
    }
)
BAD = {
    "stays in a far corner": """
class Corner(Mechanism):
    def suggest(self, history):
        return self.space.from_unit([0.98 + 0.02 * self.rng.random() for _ in self.space])
""",
    "repeats itself": """
class Again(PointMechanism):
    def move(self, points, losses, failures):
        return points[0]
""",
    "is random": BUILTINS["random_search"].replace("RandomSearch", "Quantum"),
    "goes the wrong way": """
class Wrong(PointMechanism):
    def move(self, points, losses, failures):
        return [u + self.rng.gauss(0, 0.05) for u in points[-1]]
""",
}


@pytest.fixture(scope="module")
def sandbox():
    return find_sandbox()


@pytest.fixture
def screening(sandbox, monkeypatch):
    monkeypatch.setattr(screen, "VERSIONS", 4)

    def made(space=SPACE, seed=1):
        return Screen(SimpleNamespace(space=space), seed, sandbox)

    return made


USED = {name: BUILTINS[name] for name in ("random_search", "hill_climbing")}


@pytest.mark.parametrize("name", BAD)
async def test_what_is_bad_is_rejected_with_the_figures(screening, name):
    result = await screening().run(BAD[name], USED, [])
    assert not result.passed
    assert "random_search" in result.reason
    assert result.scores["hill_climbing"] < result.scores["new"]


async def test_hill_climbing_gets_past_random_search(screening):
    used = {"random_search": BUILTINS["random_search"]}
    result = await screening().run(BUILTINS["hill_climbing"], used, [])
    assert result.passed, result.reason
    assert 0 <= result.scores["new"] < result.scores["random_search"] <= 1
    assert set(result.per_landscape) | set(result.left_out) == set(landscapes(SPACE, 0))


async def test_a_copy_of_one_in_use_is_no_news(screening):
    copy = BUILTINS["hill_climbing"].replace("class HillClimbing", "class Novel")
    result = await screening().run(copy, USED, [])
    assert not result.passed
    assert "exactly what hill_climbing does" in result.reason


async def test_the_verdict_is_the_same_every_time(screening):
    one = await screening().run(BAD["goes the wrong way"], USED, [])
    assert one == await screening().run(BAD["goes the wrong way"], USED, [])


@pytest.mark.parametrize("ending", ["raise ValueError('boom')", "__import__('os')._exit(0)"])
async def test_what_fails_late_is_rejected_and_not_the_end(screening, ending):
    source = f"""
class Late(Mechanism):
    def suggest(self, history):
        if len(history) > 20:
            {ending}
        return self.space.sample(self.rng)
"""
    result = await screening().run(source, USED, [])
    assert not result.passed
    assert result.reason.startswith("failed while it was screened")


@pytest.mark.parametrize("space", [SPACE, Space({})], ids=["parameters", "none"])
async def test_what_is_slow_where_it_is_screened_does_not_hold_a_run_up(
    screening, monkeypatch, space
):
    """A mechanism can tell by its history that it is not being proven."""
    monkeypatch.setattr(screen, "SLOW_S", 0.05)
    source = """
class Dawdling(Mechanism):
    def suggest(self, history):
        sum(1 for _ in range(10**9 if len(history) > 20 else 1))
        return self.space.sample(self.rng) if self.space else Steer()
"""
    result = await screening(space).run(source, USED, [])
    assert not result.passed
    assert "too slow: more than 0.05 s a call" in result.reason


async def test_one_in_use_that_fails_is_no_fault_of_the_new_one(screening):
    broken = """
class Broken(Mechanism):
    def suggest(self, history):
        return self.space.sample(self.rng) if len(history) < 20 else {"ORDER": 1 / 0}
"""
    reference = {"random_search": BUILTINS["random_search"]}
    alone = await screening().run(BUILTINS["hill_climbing"], reference, [])
    result = await screening().run(BUILTINS["hill_climbing"], {"m1": broken, **reference}, [])
    assert result == alone and result.passed


async def test_the_runs_own_trace_is_one_more_landscape(screening):
    history = [
        Trial(n, SPACE.from_unit([n / 9, 0.5, 0.5]), abs(n / 9 - 0.3), "discarded", "model")
        for n in range(10)
    ]
    shape = replayed(SPACE, history)
    assert shape([0.3, 0.5, 0.5]) < shape([0.9, 0.5, 0.5]) < shape([0.9, 0.0, 1.0])
    assert replayed(SPACE, history[:5]) is None
    crashed = [Trial(n, {}, None, "crashed", "model") for n in range(99)]
    assert replayed(SPACE, crashed) is None
    equal = [Trial(n, SPACE.from_unit([n / 9] * 3), 7.0, "discarded", "model") for n in range(9)]
    assert replayed(SPACE, equal)([0.5, 0.5, 0.5]) < 1
    result = await screening().run(BAD["is random"], {}, history)
    assert "trace of 10 trials" in {*result.per_landscape, *result.left_out}


def test_what_all_solve_or_none_begins_is_left_out():
    solved = {"new": [0.0, 0.01], "random_search": [0.0, 0.02]}
    stuck = {"new": [1.0, 1.0], "random_search": [0.99, 0.99]}
    telling = {"new": [0.3, 0.31], "random_search": [0.6, 0.62]}
    result = judge({"easy": solved, "hopeless": stuck, "fair": telling})
    assert result.left_out == ["easy", "hopeless"]
    assert list(result.per_landscape) == ["fair"]
    assert result.passed
    assert result.scores == {"new": pytest.approx(0.305), "random_search": pytest.approx(0.61)}
    nothing = judge({"easy": solved, "hopeless": stuck})
    assert not nothing.passed
    assert "no landscape told the mechanisms apart" in nothing.reason


def test_luck_is_not_enough():
    """A gain over random search below the standard error of the difference does not count."""
    noise = {"new": [0.2, 0.9, 0.3, 0.7], "random_search": [0.8, 0.3, 0.6, 0.41]}
    assert not judge({"fair": noise}).passed
    clear = {"new": [0.2, 0.3, 0.3, 0.2], "random_search": [0.6, 0.7, 0.8, 0.6]}
    assert judge({"fair": clear}).passed
    assert "better than random search" in judge({"fair": clear | {"tpe": [0.1] * 4}}).reason
    assert "best of all on fair" in judge({"fair": clear | {"tpe": [0.5] * 4}}).reason


def test_landscapes_that_share_a_random_start_are_no_further_evidence():
    lucky = {"new": [0.2, 0.5, 0.3, 0.7], "random_search": [0.5, 0.5, 0.5, 0.5]}
    assert not judge({f"shape {i}": lucky for i in range(6)}).passed


def test_nothing_is_said_of_what_was_not_compared():
    second = judge({"fair": {"new": [0.4, 0.4], "tpe": [0.3, 0.2]}})
    assert second.passed
    assert "better than random search" not in second.reason
    alone = judge({"fair": {"new": [0.4, 0.4]}})
    assert alone.passed
    assert "best of all" not in alone.reason and "better than" not in alone.reason


async def test_steering_where_there_are_no_parameters(screening):
    none = screening(Space({}))
    good = await none.run(STEERERS["spread"], {}, [])
    assert good.passed, good.reason
    misleading = """
class Misleading(Mechanism):
    def suggest(self, history):
        tried = [n for t in history if t.status == "kept" for n in t.touched]
        dead = [n for t in history if t.status == "crashed" for n in t.touched]
        return Steer(focus=dead, avoid=tried)
"""
    assert not (await none.run(misleading, {}, [])).passed
    aimless = """
class Aimless(Mechanism):
    def suggest(self, history):
        names = [name for trial in history for name in trial.touched]
        return Steer(focus=[self.rng.choice(names)] if names else [])
"""
    assert not (await none.run(aimless, {}, [])).passed
    inert = await none.run(PLACEBO, {}, [])
    assert not inert.passed
    assert "+0.00 gains" in inert.reason


async def test_the_patch_world_rewards_focus_on_what_pays():
    class Oracle:
        """A host that follows the gains it has seen."""

        async def restart(self, space, seed):
            assert not space

        async def suggest(self, history):
            kept = [n for t in history[1:] if t.status == "kept" for n in t.touched]
            return Steer(focus=kept[-1:])

    class Broken(Oracle):
        async def suggest(self, history):
            raise MechanismError("no")

    history = [Trial(1, {}, 1.0, "kept", "model", 0, "train.py: fit(), predict()")]
    won = [await patchworld.gains(Oracle(), history, seed, 40) for seed in range(12)]
    assert sum(won) > 0
    assert won == [await patchworld.gains(Oracle(), history, seed, 40) for seed in range(12)]
    with pytest.raises(MechanismError):
        await patchworld.gains(Broken(), history, 0, 5)
