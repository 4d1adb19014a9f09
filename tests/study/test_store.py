"""Finished cells are files that another machine picks up, and nobody mistakes for others."""

import json
import re
from dataclasses import replace

import pytest
from small import DESIGN, write_small

from metaloop.study.design import load_design
from metaloop.study.progress import progress
from metaloop.study.result import Mechanism, Result
from metaloop.study.store import Store


@pytest.fixture
def design(tmp_path):
    return load_design(write_small(tmp_path))


def result(cell, gain=1.0, seconds=10.0):
    return Result(
        cell, 6.0, "minimize", [0.0, 0.5, gain], 0.25, 3, 100, 20, seconds, 1.5, 0.0,
        [Mechanism("m1", "Climb", "generated", "installed", True, 2, 1, 0.5)],
    )  # fmt: skip


def test_a_result_comes_back_as_it_was(design):
    store, cell = Store(design), design.cells()[0]
    assert store.read(cell) is None
    store.write(result(cell), {"python": "3"})
    assert store.read(cell) == result(cell)
    assert store.results() == [result(cell)]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [("trials = 6", "trials = 8", "trials = 6"), ("outer_every = 3", "outer_every = 2", "outer")],
)
def test_a_result_of_another_design_is_refused(design, old, new, word):
    Store(design).write(result(design.cells()[0]), {})
    design.file.write_text(DESIGN.replace(old, new))
    with pytest.raises(ValueError, match=word) as caught:
        Store(load_design(design.file)).results()
    assert "folder of its own" in str(caught.value)
    assert "remove" not in str(caught.value)  # that may be a night's work


def test_a_result_of_a_changed_task_is_refused(design):
    Store(design).write(result(design.cells()[0]), {})
    (design.tasks[0].task.directory / "secret.txt").write_text("4")
    with pytest.raises(ValueError, match="has changed since") as caught:
        Store(load_design(design.file)).results()
    assert str(design.tasks[0].task.directory) in str(caught.value)
    assert "put it back" in str(caught.value)
    assert not re.search("[0-9a-f]{64}|remove", str(caught.value))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"design": {}, "result": {"cell": {}}}'])
def test_a_broken_file_is_named(design, text):
    store, cell = Store(design), design.cells()[0]
    path = store.write(result(cell), {})
    path.write_text(text)
    with pytest.raises(ValueError, match="remove it"):
        store.read(cell)


def test_a_file_in_the_wrong_place_is_refused(design):
    store, (one, two, *_) = Store(design), design.cells()
    path = store.write(result(one), {})
    store.path(two).parent.mkdir()
    path.rename(store.path(two))
    with pytest.raises(ValueError, match="put it where it belongs"):
        store.read(two)


def test_what_is_known_of_some_cells_tells_nothing_of_the_price_of_others(tmp_path):
    """Others may ask dearer models, such as those of the outer loop."""
    file = write_small(tmp_path)
    file.write_text(DESIGN.replace("local:", "openai:"))
    design = load_design(file)
    bare = [cell for cell in design.cells() if cell.inner is None]
    state = progress(design, [replace(result(cell), usd=0.0) for cell in bare])
    assert (state.seconds_left, state.usd_left) == (None, None)
    assert "known after the first" in state.line()
    level_1 = [cell for cell in design.cells() if cell.outer is None]
    state = progress(design, [replace(result(cell), usd=0.5) for cell in level_1])
    assert state.usd_left is None
    assert "and a price not known yet" in state.line()
    rest = [cell for cell in design.cells() if cell.inner is not None]
    one_of_each = list({cell.key.rpartition("/")[0]: cell for cell in rest}.values())
    state = progress(design, [replace(result(cell), usd=0.5) for cell in one_of_each])
    assert state.usd_left == pytest.approx(0.5 * (len(rest) - len(one_of_each)))


def test_progress_counts_and_tells_what_is_left(design):
    cells = design.cells()
    state = progress(design, [])
    assert (state.done, state.planned, state.seconds_left) == (0, len(cells), None)
    state = progress(design, [result(cell, seconds=8.5) for cell in cells[:4]])
    assert state.done == 4
    assert state.seconds_left == pytest.approx((len(cells) - 4) * 10.0)
    assert state.usd_left == 0.0
    dear = replace(result(cells[0]), usd=None)
    assert progress(design, [dear]).usd_left is None
    everything = progress(design, [result(cell) for cell in cells])
    assert (everything.seconds_left, everything.usd_left) == (0.0, 0.0)
    assert json.loads(json.dumps(everything.to_dict()))["done"] == len(cells)
