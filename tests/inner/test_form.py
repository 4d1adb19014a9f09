"""A small model is asked for one kind of change at a time: numbers, or the code in focus."""

import pytest
from toy import TRAIN, write_toy

from metaloop.inner.ask import Form, choose_form, system_prompt, user_prompt
from metaloop.inner.settings import Strategy
from metaloop.journal.records import TrialRecord
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


def test_of_a_long_file_a_large_model_sees_both_ends(tmp_path):
    task = load_task(write_toy(tmp_path / "toy"))
    long = f"{TRAIN}# {'y' * 9000}MIDDLE{'z' * 9000}"
    told = system_prompt(task, {"train.py": long}, False)
    assert "MIDDLE" not in told
    assert "z" * 6000 in told
    assert "z" * 6001 not in told


def test_a_steer_to_a_function_asks_for_it(asked):
    assert asked(1, steer=Steer(focus=["fit()"])) == ("fit",)
    assert asked(1, steer=Steer(focus=["X", "nothing()"])) == ()


def test_what_the_strategy_focuses_on_takes_turns(asked):
    focus = ("X", "fit", "value")
    assert [asked(n, focus) for n in (7, 8, 9)] == [("fit",), ("value",), ()]
    assert asked(7, ("X",)) == ()


def test_without_parameters_the_function_in_focus_is_asked_for(tmp_path):
    directory = write_toy(tmp_path / "toy")
    path = directory / "metaloop.toml"
    before, _, after = path.read_text().partition("[space]")
    path.write_text(before + after[after.index("[holdout]") :])
    task = load_task(directory)
    asked = [choose_form(task, FILES, True, 1, Strategy(), s) for s in (None, Steer(focus=["fit"]))]
    assert [form.functions for form in asked] == [("value", "fit"), ("fit",)]


def test_a_strong_model_is_asked_for_all_at_once(asked):
    assert asked(6, ("fit",), small=False) == ()


@pytest.mark.parametrize(
    ("form", "frozen", "told"),
    [
        (Form(params=True, edits=False), (), "Change: X."),
        (Form(params=True, edits=False), ("X",), ""),
        (Form(params=False, edits=True, functions=("fit", "value")), (), "Change: fit()."),
        (Form(params=False, edits=True, functions=("value",)), (), ""),
        (Form(params=True, edits=True), (), "Change: fit(), X."),
    ],
)
def test_of_the_focus_a_model_is_told_what_its_answer_can_change(form, frozen, told):
    start = TrialRecord(0, "kept", "model", "baseline", None, {"X": 9.0}, 6.0, None, "nothing", "a")
    strategy, steer = Strategy(frozen, focus=("X",)), Steer(focus=["fit()"])
    lines = user_prompt("", start, form, strategy, steer, "").splitlines()
    assert "".join(line for line in lines if line.startswith("Change")) == told
