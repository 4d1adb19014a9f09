"""What `metaloop init` writes is read, whatever the directory is called and the user gives."""

import subprocess
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from metaloop.suitability.scaffold import _param, task_name
from metaloop.task.spec import Spec, TaskError


@settings(max_examples=60, deadline=None)
@given(st.text(min_size=1, max_size=12) | st.text("a.-", min_size=1, max_size=6))
def test_a_directorys_name_gives_a_task_a_name_that_git_takes(directory):
    name = task_name(directory)
    field = Spec.model_fields["name"]
    assert TypeAdapter(field.rebuild_annotation()).validate_python(name) == name
    ref = f"refs/heads/metaloop/{name}-1"
    subprocess.run(["git", "check-ref-format", ref], check=True)


@pytest.mark.parametrize(
    ("directory", "name"), [(".hid", "hid"), ("v1..2", "v1.2"), ("..", "task")]
)
def test_dots_that_git_does_not_take_are_left_out(directory, name):
    assert task_name(directory) == name


@given(st.floats(allow_nan=False), st.integers(), st.sampled_from(["", ":log"]))
def test_the_bounds_of_a_parameter_are_read_as_they_were_given(low, high, log):
    table = tomllib.loads(_param(f"LR=float:{low}:{high}{log}"))["LR"]
    assert (table["low"], table["high"], table.get("log", False)) == (low, high, bool(log))


def test_a_bound_is_a_number_as_python_writes_it():
    assert tomllib.loads(_param("LR=float:.1:1"))["LR"]["low"] == 0.1
    for wrong in ("LR=float:a:1", "LR=int:1", "LR=int:1:2:3:4"):
        with pytest.raises(TaskError, match=f"--param {wrong}: write NAME="):
            _param(wrong)
