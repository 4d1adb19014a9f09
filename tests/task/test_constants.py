"""Constants are rewritten through the syntax tree, and every other byte stays."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.task.constants import ConstantError, blank_constants, read_constants, set_constants

SOURCE = (
    '"""doc with é"""\nA = 1  # first\nB: float = 2.5; C = "x"\n'
    "if A:\n    A = 9\n\ndef f():\n    B = 3\n"
)

values = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
    st.booleans(),
)


@given(a=values, b=values, c=values, ends=st.sampled_from(["\n", "\r\n"]))
def test_what_is_set_is_read_back_and_nothing_else_moves(a, b, c, ends):
    source = SOURCE.replace("\n", ends)
    changed = set_constants(source, {"A": a, "B": b, "C": c})
    assert read_constants(changed) == {"A": a, "B": b, "C": c}
    back = set_constants(changed, {"A": 1, "B": 2.5, "C": "x"})
    assert back == source.replace('"x"', "'x'")


def test_a_literal_over_several_lines_is_replaced_whole():
    assert (
        set_constants("A = (\n    1\n)  # note\nB = 2\n", {"A": 7})
        == "A = (\n    7\n)  # note\nB = 2\n"
    )
    assert set_constants('A = """x\ny"""\nB = 2\n', {"A": "z"}) == "A = 'z'\nB = 2\n"


def test_only_module_level_literals_count():
    assert read_constants("A = f(1)\nB = [1]\nC = -3\nD = E = 1\nx.y = 2\n") == {"C": -3}


def test_missing_constants_are_named():
    with pytest.raises(ConstantError, match="Q"):
        set_constants(SOURCE, {"Q": 1})
    with pytest.raises(ConstantError, match="not valid Python"):
        read_constants("def (")


def test_blanked_constants_keep_the_source_the_same_for_all_values():
    one = blank_constants(set_constants(SOURCE, {"A": 5}), {"A": None})
    other = blank_constants(set_constants(SOURCE, {"A": 123}), {"A": None})
    assert one == other
    ast.parse(one)
