"""Candidates either apply exactly, or say why they do not."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.task.patch import (
    Edit,
    PatchError,
    build,
    changed,
    code_size,
    content_hash,
    diff,
)
from metaloop.task.spec import load_task


def test_parameters_and_edits_together(toy):
    task = load_task(toy)
    before = task.sources()
    after = build(task, before, {"N": 3}, [Edit("train.py", "return X\n", "return X * N\n")])
    assert "return X * N" in after["train.py"] and "N = 3" in after["train.py"]
    assert changed(task, before, after) == "N 1 -> 3; train.py: value()"


@pytest.mark.parametrize(
    ("params", "edits", "words"),
    [
        ({"Y": 1}, [], "'Y' is no parameter"),
        ({"\ud800": 1}, [], r"'\ud800' is no parameter"),
        ({"N": "many"}, [], "not a number"),
        ({}, [Edit("judge.py", "a", "b")], "may not be edited"),
        ({}, [Edit("train.py", "return Z", "return 1")], "is not in train.py"),
        ({}, [Edit("train.py", "X", "Y")], "stands 2 times"),
        ({}, [Edit("train.py", "  ", "Y")], "must quote"),
        ({}, [Edit("train.py", "return X", "return '\ud800'")], "a lone surrogate"),
        ({}, [Edit("train.py", "return X", "return '\0'")], "a NUL"),
        ({}, [Edit("train.py", "return X", "return (")], "not valid Python"),
        ({}, [Edit("train.py", "return X", f"return 0x{'f' * 9999}")], "thousands of digits"),
        ({}, [Edit("train.py", "return X", "return " + "-" * 150 + "X")], "nested too deeply"),
        ({}, [Edit("train.py", "X = 9.0", "X = f()")], "must keep its constants X"),
        ({}, [Edit("train.py", "N = 1", "N = 12")], "N = 12 is out of its range (N: int 1..4)"),
        ({}, [Edit("train.py", "N = 1", "N = 'auto'")], "N = 'auto' is out of its range"),
        ({}, [Edit("train.py", "X = 9.0", "X = 1e999")], "X = inf is out of its range"),
    ],
)
def test_what_does_not_apply_says_why(toy, params, edits, words):
    task = load_task(toy)
    with pytest.raises(PatchError) as error:
        build(task, task.sources(), params, edits)
    assert words in str(error.value)


def test_a_constant_that_is_gone_says_so(toy):
    """As it may be once a hunk of a patch is dropped."""
    with pytest.raises(PatchError, match="no module-level constant X"):
        build(load_task(toy), {"train.py": "N = 1\n"}, {"X": 3.0}, [])


def test_values_out_of_range_are_clipped(toy):
    task = load_task(toy)
    assert task.params_of(build(task, task.sources(), {"X": 1e9, "N": 0}, [])) == {
        "X": 10.0,
        "N": 1,
    }


def test_the_same_content_has_the_same_hash(toy):
    task = load_task(toy)
    before = task.sources()
    there = build(task, before, {"X": 1.0}, [])
    back = build(task, there, {"X": 9.0}, [])
    assert content_hash(back) == content_hash(before) != content_hash(there)


texts = ["a\n", "b\n", "é\n", "\n", "x = 1\n", "a\r\n", "\fa\n", "a\vb\x85c\u2028d\n"]
lines = st.lists(st.sampled_from(texts), max_size=8).map("".join)


@given(lines, lines, st.booleans(), st.booleans())
def test_git_applies_our_diffs(tmp_path_factory, before, after, chop, chop_too):
    before, after = (t[:-1] if c else t for t, c in ((before, chop), (after, chop_too)))
    if not before or not after:
        return
    folder = tmp_path_factory.mktemp("diff")
    (folder / "sub").mkdir()
    (folder / "sub" / "f.txt").write_bytes(before.encode())
    patch = diff({"f.txt": before}, {"f.txt": after}, "sub/")
    if before == after:
        assert patch == ""
        return
    subprocess.run(["git", "apply", "-"], cwd=folder, input=patch.encode(), check=True)
    assert (folder / "sub" / "f.txt").read_bytes() == after.encode()


def test_a_diff_has_the_lines_that_git_has():
    patch = diff({"a.py": "\fx = 1\n"}, {"a.py": "\fx = '\u2028'\n"})
    assert patch.endswith("@@ -1 +1 @@\n-\fx = 1\n+\fx = '\u2028'\n")


def test_comments_and_layout_are_no_code():
    assert code_size({"a.py": "x = 1  # one\n\n\n"}) == code_size({"a.py": "x = 1\n"})
    assert code_size({"a.py": "x = 1 + 0\n"}) > code_size({"a.py": "x = 1\n"})
