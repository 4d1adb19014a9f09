"""Which part of a text counts as a proposer's answer."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy import write_toy

from metaloop.inner.ask import Form, read_answer
from metaloop.inner.settings import Strategy
from metaloop.task.patch import PatchError
from metaloop.task.spec import load_task

FORM = Form(params=True, edits=True)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return load_task(write_toy(tmp_path_factory.mktemp("toy")))


def read(task, text, **more):
    return read_answer(task, text, FORM, Strategy(), task.sources(), **more)


words = st.text(max_size=20) | st.sampled_from(['{"params": [{"X": 1}]}', "{}", "{", '"', "}\n"])
answers = st.fixed_dictionaries(
    {
        "hypothesis": words,
        "params": st.lists(st.dictionaries(st.sampled_from("XN"), st.integers()), min_size=1),
        "edits": st.lists(
            st.fixed_dictionaries(dict.fromkeys(("file", "search", "replace"), words))
        ),
    }
)


@given(answers, st.data())
def test_no_part_of_an_answer_that_was_cut_off_counts_as_one(task, data, cut):
    text = json.dumps(data)
    part = text[: cut.draw(st.integers(0, len(text) - 1))]
    with pytest.raises(PatchError, match="not one complete JSON object"):
        read(task, part)
    with pytest.raises(PatchError, match="cut off before its end"):
        read(task, part, cut_off=True)


def test_an_object_of_other_fields_is_called_that(task):
    with pytest.raises(PatchError, match="none of 'hypothesis', 'params'"):
        read(task, '{"changes": {"X": 5}}', cut_off=True)


@pytest.mark.parametrize("said", ["I set it as in {'X': 5}", 'as in {"X": 9}', "def f(): {}", "{{"])
def test_braces_in_prose_are_passed_over(task, said):
    fenced = json.dumps({"hypothesis": "h", "params": [{"X": 5}], "edits": []})
    text = f"{said}, so:\n```json\n{fenced}\n```"
    assert read(task, text, cut_off=True).params == {"X": 5}
