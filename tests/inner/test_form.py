"""A small model is asked for one kind of change at a time: numbers, or the code in focus."""

import pytest
from toy import TRAIN, write_toy

from metaloop.inner.ask import choose_form
from metaloop.inner.settings import Strategy
from metaloop.mechanism.api import Steer
from metaloop.task.spec import load_task

FILES = {"train.py": TRAIN + "\n\ndef fit(x):\n    return x\n"}


@pytest.fixture
def asked(tmp_path):
    """What a small model may rewrite at a trial; () where it is asked for numbers."""
    task = load_task(write_toy(tmp_path / "toy"))

    def functions(number, focus=(), steer=None, small=True):
        form = choose_form(task, FILES, small, number, Strategy(focus=focus), steer)
        return form.functions

    return functions


def test_every_sixth_trial_asks_for_code(asked):
    assert [n for n in range(1, 19) if asked(n)] == [6, 12, 18]
    assert asked(6) == ("value", "fit")


def test_a_steer_to_a_function_asks_for_it(asked):
    assert asked(1, steer=Steer(focus=["fit()"])) == ("fit",)
    assert asked(1, steer=Steer(focus=["X", "nothing()"])) == ()


def test_what_the_strategy_focuses_on_takes_turns(asked):
    focus = ("X", "fit", "value")
    assert [asked(n, focus) for n in (7, 8, 9)] == [("fit",), ("value",), ()]
    assert asked(7, ("X",)) == ()


def test_a_strong_model_is_asked_for_all_at_once(asked):
    assert asked(6, ("fit",), small=False) == ()
