"""What a rewritten function has to keep is told before a trial is spent on it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.inner.rewrite import functions, rewritten
from metaloop.task.patch import PatchError

SOURCE = """import json
from math import sqrt as root

RATE = 0.5


class Store:
    pass


def fit(data, rounds=3, *, seed):
    total = sum(data) * RATE
    return root(total) * rounds


def save(path):
    Store().path = path
"""


def taken(name, code):
    """The new text of the function, as it would be put into the file."""
    old, new = rewritten(SOURCE, name, code)
    assert SOURCE.count(old) == 1
    return new


@pytest.mark.parametrize(
    "code",
    [
        "def fit(data, rounds=3, *, seed):\n    return 0.0",
        "def fit(data, rounds=3, more=1, *, seed, loud=False):\n    return more",
        "import math\n\ndef fit(data, rounds=1, *, seed):\n    return json.dumps(RATE)",
        "def fit(data, rounds=3, *, seed):\n    def one():\n        return 1\n    return one()",
        "def fit(data, rounds=3, *, seed):\n    return [Store, save, fit, root, __name__]",
        "def fit(data, rounds=3, *, seed):\n    global COUNT\n    COUNT = 1\n    return COUNT",
        "def fit(data, rounds=3, *, seed):\n    yield from data",
        "def fit(data, rounds=3, *, seed):\n    return {k: [x for x in k] for k in data}",
    ],
)
def test_what_callers_can_use_is_taken(code):
    assert taken("fit", code).startswith("def fit(")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("def fit(data, rounds=3, *, seed):\n    data.sort()", "`return`"),
        ("def fit(data, rounds=3, *, seed):\n    return", "`return`"),
        (
            "def fit(data, rounds=3, *, seed):\n    def inner():\n        return 1\n    inner()",
            "`return`",
        ),
        ("def fit(data, rounds=3, *, seed):\n    f = lambda: (yield 1)", "`return`"),
        ("def fit(data):\n    return 1", "`def fit(data, rounds=3, *, seed):`"),
        ("def fit(data, steps, *, seed):\n    return 1", "`def fit(data, rounds=3, *, seed):`"),
        ("def fit(data, rounds=3, seed=0):\n    return 1", "`def fit(data, rounds=3, *, seed):`"),
        ("def fit(data, rounds, more, *, seed):\n    return 1", "whose parameters callers give"),
        ("def fit(data, rounds=3, *, seed, x):\n    return 1", "whose parameters callers give"),
        ("def fit(data, rounds, *, seed):\n    return 1", "whose parameters callers give"),
        ("def fit(data, rounds=3, *, seed):\n    return np.mean(data)", "uses np, which is"),
        ("def fit(data, rounds=3, *, seed):\n    return f(lambda: g)", "uses f, g, which is"),
        (
            "def fit(data, rounds=3, *, seed):\n    x = 1\n    global x\n    return x",
            "no valid Python",
        ),
        ("def other():\n    return 1", "starts with `def fit(`"),
        ("x = [", "starts with `def fit(`"),
    ],
)
def test_what_would_crash_is_told(code, told):
    with pytest.raises(PatchError) as refused:
        taken("fit", code)
    assert told in str(refused.value)


def test_a_function_without_a_value_needs_none():
    assert taken("save", "def save(path):\n    print(path)")
    source = "def save(path):\n    if not path:\n        return None\n    print(path)\n"
    assert rewritten(source, "save", "def save(path):\n    print(path)")


@pytest.mark.parametrize("name", ["nothing", None, 3, ["fit"]])
def test_only_what_is_there_can_be_rewritten(name):
    with pytest.raises(PatchError, match="must be one of fit, save"):
        taken(name, "def nothing():\n    pass")


def test_a_rewrite_that_breaks_what_stands_elsewhere_is_told():
    source = "class M:\n    def act(x): return x\n\n\ndef act(x): return x\n"
    with pytest.raises(PatchError, match="no valid Python"):
        rewritten(source, "act", "def act(x):\n    y = x\n    return y")


def test_names_of_a_star_import_are_left_alone():
    source = f"from numpy import *\n{SOURCE}"
    assert rewritten(source, "save", "def save(path):\n    print(zeros(3))")


def test_what_was_missing_before_is_no_fault_of_the_rewrite():
    source = "def fit():\n    return injected\n"
    assert rewritten(source, "fit", "def fit():\n    return injected + 1")


@given(st.text(alphabet="def fit(aset, *=1):\n returnyield lmbo.", max_size=120))
def test_any_text_is_taken_or_refused(text):
    try:
        old, new = rewritten(SOURCE, "fit", text)
    except PatchError:
        return
    assert functions(SOURCE.replace(old, new)).keys() == functions(SOURCE).keys()
