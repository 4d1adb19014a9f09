"""Answers of a proposer that are valid JSON and meant to break whoever reads them."""

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scripted import ScriptedModel
from toy import write_toy

from metaloop.bilevel import run
from metaloop.inner import ask
from metaloop.inner.settings import Settings, Strategy
from metaloop.project import Project
from metaloop.task.patch import PatchError, build, changed, code_size, content_hash, diff
from metaloop.task.spec import load_task

BOTH = ask.Form(params=True, edits=True)
REWRITE = ask.Form(params=False, edits=True, functions=("value",))


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return load_task(write_toy(tmp_path_factory.mktemp("toy")))


def take(task, text, form=BOTH):
    """All that the inner loop does with an answer before it runs; a PatchError is a good end."""
    files = task.sources()
    try:
        answer = ask.read_answer(task, text, form, Strategy(), files)
        after = build(task, files, answer.params, answer.edits)
    except PatchError as error:
        assert str(error).encode()  # it is told to the model, and written down
        return str(error)
    content_hash(after), code_size(after), diff(files, after), changed(task, files, after)
    json.dumps(after).encode()
    return "taken"


def edited(code):
    edit = {"file": "train.py", "search": "return X\n", "replace": f"return {code}\n"}
    return json.dumps({"hypothesis": "h", "edits": [edit]})


def rewritten(code):
    return json.dumps({"function": "value", "code": f"def value():\n    return {code}"})


NASTY = {
    "a number without a float": ("1" + "0" * 400).join(['{"params": {"X": ', "}}"]),
    "an int without a float": ("1" + "0" * 400).join(['{"params": {"N": ', "}}"]),
    "a long sum": edited("+".join(["X"] * 1200)),
    "a very long sum": edited("+".join(["X"] * 20_000)),
    "many signs": edited("-" * 1000 + "X"),
    "very many signs": edited("-" * 100_000 + "X"),
    "a chain of attributes": edited("X" + ".a" * 3000),
    "deep brackets": edited("(" * 1000 + "X" + ")" * 1000),
    "a lone surrogate": edited("'\ud800'"),
    "a NUL": edited("X\0"),
    "a name with a lone surrogate": json.dumps({"params": {"\ud800": 1}}),
    "deep JSON": '{"hypothesis": ' + "[" * 900 + "]" * 900 + ', "params": {"X": 5}}',
}
REWRITES = {
    "a lone surrogate": rewritten("'\ud800'"),
    "a NUL": rewritten("1\0"),
    "many signs": rewritten("-" * 100_000 + "1"),
    "a long sum": rewritten("+".join(["1"] * 20_000)),
    "lines that are none": json.dumps({"function": "value", "code": [[], None, {}]}),
}


@pytest.mark.parametrize("name", NASTY)
def test_what_parsers_choke_on_is_refused_or_taken(task, name):
    assert take(task, NASTY[name])


@pytest.mark.parametrize("name", REWRITES)
def test_rewritten_functions_that_parsers_choke_on(task, name):
    assert take(task, REWRITES[name], REWRITE)


@pytest.mark.parametrize(
    "text",
    ["{" * 90_000, '{"a":' * 20_000, "[{" * 60_000, '{"a":[' * 20_000, '"' * 200_000],
    ids=["braces", "objects", "lists", "both", "quotes"],
)
def test_a_long_answer_is_read_in_no_time(task, text):
    """Up to a megabyte passes as an answer: reading it must not take the square of that."""
    began = time.process_time()
    assert "not one complete JSON object" in take(task, text)
    assert time.process_time() - began < 0.5


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
edit = st.fixed_dictionaries(
    {},
    optional={
        "file": values | st.just("train.py"),
        "search": values | st.sampled_from(["return X\n", "X", "\n", "json"]),
        "replace": values | st.sampled_from(["", "\n", "return 2 * X\n", "Ω\r\n", "\f"]),
    },
)
answers = st.fixed_dictionaries(
    {},
    optional={
        "hypothesis": values,
        "params": values | st.dictionaries(st.sampled_from(["X", "N", "Q"]), values),
        "edits": values | st.lists(edit | values, max_size=3),
        "function": values | st.just("value"),
        "code": values | st.lists(values, max_size=3) | st.just("def value():\n    return 1"),
    },
)


@given(answers, st.booleans())
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_any_object_is_refused_or_taken(task, data, rewrites):
    assert take(task, json.dumps(data), REWRITE if rewrites else BOTH)


def test_a_run_goes_on_after_each_of_them(toy, tmp_path):
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    model = ScriptedModel([*NASTY.values()] + ['{"params": {"X": 4.0}}'] * 40, small=False)
    status = run(
        toy, Settings(levels="1", trials=12, workers=2), project=project, models={"inner": model}
    )
    assert (status.state, status.trials["total"]) == ("done", 12)
    assert status.best <= 1.0  # the sensible answers that came after them were taken
