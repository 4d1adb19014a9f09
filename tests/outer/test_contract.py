"""What a mechanism must keep to before it is screened, and what its author is told otherwise."""

from textwrap import indent

import pytest

from metaloop.execution import find_sandbox
from metaloop.mechanism.api import Space
from metaloop.mechanism.builtin import BUILTINS, PLACEBO, STEERERS
from metaloop.mechanism.example import EXAMPLE
from metaloop.outer import contract
from metaloop.outer.contract import MIXED, ONE, check_source, prove

SPACE = Space.from_dict(
    {
        "ORDER": {"type": "int", "low": 1, "high": 8},
        "ALPHA": {"type": "float", "low": 1e-5, "high": 1.0, "log": True},
    }
)
NONE = Space({})


@pytest.fixture(scope="module")
def sandbox():
    return find_sandbox()


def mechanism(body, head="", base="Mechanism", method="suggest(self, history)"):
    return f"{head}\nclass Mine({base}):\n    def {method}:\n{indent(body, ' ' * 8)}\n"


def moving(body):
    return mechanism(body, base="PointMechanism", method="move(self, points, losses, failures)")


def sampling(number, head=""):
    """Every parameter at `number`, a position in its range."""
    body = f"return self.space.from_unit([{number} for name in self.space])"
    return mechanism(body, head)


SAMPLE = "return self.space.sample(self.rng)"

SOUND = {
    **{name: (source, SPACE) for name, source in BUILTINS.items()},
    **{f"{name} of one": (source, ONE) for name, source in BUILTINS.items()},
    **{name: (source, NONE) for name, source in STEERERS.items()},
    "example": (EXAMPLE, SPACE),
    "placebo": (PLACEBO, NONE),
    "steers where it could assign": (PLACEBO, SPACE),
    "forgot its imports": (
        moving("return list(np.clip(points[0], 0, math.sqrt(self.rng.random())))"),
        SPACE,
    ),
    "numpy's own numbers": (mechanism("return self.space.sample(self.rng)"), SPACE),
    "the module's generator": (
        sampling("random.random()", "import random"),
        SPACE,
    ),
    "often out of bounds": (moving("return [u + self.rng.gauss(0, 1) for u in points[0]]"), ONE),
}  # fmt: skip


@pytest.mark.parametrize("name", SOUND)
async def test_what_keeps_the_contract_is_proven(sandbox, name):
    source, space = SOUND[name]
    assert await prove(source, space, sandbox) == ""


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("", ["no class that extends Mechanism", "write `class Name(Mechanism):`"]),
        ("I would suggest simulated annealing.", ["line 1", "SyntaxError"]),
        ("class Mine:\n    def suggest(self, history): return {}", ["no class that extends"]),
        ("x = 1\nclass Mine(Mechanism:\n", ["line 2: class Mine(Mechanism:", "SyntaxError"]),
        ("class A(Mechanism):\n" + "\tx = 1\n        y = 2", ["line 3", "TabError"]),
        ("x = '\0'", ["null bytes"]),
        ("x = '\ud800'", ["UnicodeEncodeError"]),
        ("x = " + "-" * 19_000 + "1", ["Error"]),
        ("#" * 20_001, ["20001 characters", "20000 is the limit"]),
        (
            mechanism("return {}", "import os"),
            ["line 1: it may not import os", "remove that line"],
        ),
        (mechanism("import subprocess as s\nreturn {}"), ["line 4: it may not import subprocess"]),
        (mechanism("return {}", "from os.path import join"), ["may not import os.path"]),
        (mechanism("return {}", "from . import api"), ["line 1: it may not import"]),
        (mechanism("return {}", "import math, socket"), ["may not import socket"]),
        (
            mechanism("return {}") + "\nclass Last(PointMechanism):\n    pass",  # the last counts
            ["line 6: class Last needs a method `def move("],
        ),
        (
            "class A(PointMechanism):\n    def suggest(self, history): return {}",
            ["line 1: class A needs a method `def move(self, points, losses, failures):`"],
        ),
        (
            "\nclass A(Mechanism):\n    x = 1",
            ["line 2: class A needs", "def suggest(self, history)"],
        ),
        (
            "class A(Mechanism):\n    async def suggest(self, history): return {}",
            ["needs a method `def suggest"],
        ),
    ],
)
async def test_what_is_seen_without_running_it(source, told):
    error = check_source(source)
    assert all(words in error for words in told), error
    # None of it needs a sandbox: the source is refused before one is started.
    assert await prove(source, SPACE, sandbox=None) == error


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (mechanism("return {'ORDER': 1}"), ["missing ['ALPHA']", "empty history"]),
        (mechanism("return None"), ["must return a dict", "or a Steer"]),
        (
            mechanism("best = history[0]\nreturn self.space.sample(self.rng)"),
            ["line 4, in suggest: best = history[0]", "IndexError", "with an empty history"],
        ),
        (
            mechanism("t = history and min(t.loss for t in history)\n" + SAMPLE),
            ["line 4, in suggest", "TypeError", "in which every trial crashed: loss is None"],
        ),
        (
            mechanism("p = self.space.sample(self.rng)\np['ORDER'] += 1\nreturn p"),
            ["line 5, in suggest: p['ORDER'] += 1", "KeyError: 'ORDER'", "of one parameter"],
        ),
        (
            mechanism("return self.space.from_unit([len(history) % 9 / 9] * 2)"),
            ["line 4, in suggest", "ValueError", "a space of one parameter"],
        ),
        (
            mechanism("return self.space.from_unit([0.5] * len(self.space))"),
            ["the same parameters in 5 calls in a row", "move at least one"],
        ),
        (moving("return points[0]"), ["the same parameters in 5 calls in a row"]),
        (moving("return [9.0 for u in points[0]]"), ["the same parameters in 5 calls in a row"]),
        (
            sampling("numpy.random.default_rng().random()"),
            ["different answers in two runs", "self.rng"],
        ),
        (
            sampling("hash(f'{name} {len(history)}') % 97 / 97"),
            ["different answers in two runs"],
        ),
        (
            mechanism("__import__('time').sleep(0.3)\nreturn self.space.sample(self.rng)"),
            ["a call takes", "make it cheaper", "with a"],
        ),
        (mechanism("while True: pass"), ["suggest() took longer than 1 s", "an empty history"]),
        (
            "class A(Mechanism):\n    def __init__(self): pass\n    def suggest(self, h): pass",
            ["line 2: remove __init__"],
        ),
        (mechanism("return bytearray(10**11)"), ["MemoryError"]),
        (moving("return points[0][:1]"), ["move() returned 1 floats, not 2", "empty history"]),
        (moving("return self.nothing"), ["line 4, in move: return self.nothing", "AttributeError"]),
        (mechanism("x = __import__('os').listdir('/home')[0]\nreturn {}"), ["line 4", "Error"]),
        (
            mechanism("return Steer(focus=7)"),
            ["TypeError", "empty history"],
        ),
        (mechanism("exit()"), ["line 4, in suggest: exit()", "SystemExit"]),
    ],
)  # fmt: skip
async def test_what_breaks_when_it_is_run(sandbox, monkeypatch, source, told):
    """The message names line and situation, so that whoever wrote it can mend it."""
    monkeypatch.setattr(contract, "SLOW_S", 0.25)
    monkeypatch.setattr(contract, "MechanismHost", impatient)
    error = await prove(source, SPACE, sandbox)
    assert all(words in error for words in told), error
    assert len(error) < 2000


def impatient(source, space, seed, sandbox):
    from metaloop.mechanism.host import MechanismHost

    return MechanismHost(source, space, seed, sandbox, call_s=1.0)


async def test_what_was_copied_before_ones_own_is_passed_over(sandbox):
    """Small models repeat the example first."""
    both = EXAMPLE + EXAMPLE.replace("StepFromBest", "Mine").replace("0.5", "0.9")
    assert await prove(both, SPACE, sandbox, shown=EXAMPLE) == ""


async def test_without_parameters_an_assignment_is_no_answer(sandbox):
    told = await prove(mechanism("return {}"), NONE, sandbox)
    assert "this task has no parameters: suggest() must return a Steer" in told


async def test_a_copy_of_what_was_shown_is_no_invention(sandbox):
    copy = EXAMPLE.replace("StepFromBest", "QuantumLeap").replace("shorter", "much shorter")
    assert "you were shown" in await prove(copy, SPACE, sandbox, shown=EXAMPLE)
    other = EXAMPLE.replace("0.5", "0.9")
    assert await prove(other, SPACE, sandbox, shown=EXAMPLE) == ""


def test_the_cases_are_those_that_break_mechanisms():
    made = {case.name: case for case in contract.cases(SPACE)}
    losses = [[t.loss for t in case.history] for case in made.values()]
    assert [] in losses
    assert any(all(x is None for x in case) and case for case in losses)
    assert any(None in case and len(case) >= 100 for case in losses)
    assert {len(case.space) for case in made.values()} >= {1, len(SPACE), len(MIXED)}
    assert all(not case.space for case in contract.cases(NONE))
