"""The circle task can be improved honestly, and its judge forgives nothing."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_trials import CIRCLES_TUNED, TASKS, TaskTrials, load_module

from metaloop.task.spec import load_task

Circles = list[list[float]]
PACK = load_module(TASKS / "circle-packing" / "pack.py")
JUDGE = load_module(TASKS / "circle-packing" / "judge.py")


@pytest.fixture
def trials(tmp_path: Path) -> TaskTrials:
    return TaskTrials("circle-packing", tmp_path)


def grid() -> Circles:
    """26 circles of radius 1/16 on a grid of eighths: exact in floats, neighbours touch."""
    return [[(2 * (i % 8) + 1) / 16, (2 * (i // 8) + 1) / 16, 1 / 16] for i in range(26)]


def leave(out: Path, text: str) -> Path:
    out.mkdir(exist_ok=True)
    (out / "circles.json").write_text(text)
    return out


def test_the_task_is_valid() -> None:
    task = load_task(TASKS / "circle-packing")
    assert set(CIRCLES_TUNED) <= set(task.params_of(task.sources()))
    assert not task.minimize


def test_parameters_gain_and_code_gains_more(trials: TaskTrials) -> None:
    shipped = trials.score(trials.run())
    tuned = trials.score(trials.run(trials.with_constants(**CIRCLES_TUNED)))
    code = trials.score(trials.run(trials.solution("pack_slsqp.py")))
    assert 2.0 < shipped < 2.25
    assert 2.4 < tuned < 2.56
    assert 2.59 < code < 2.637


def test_every_run_leaves_the_same_bytes(trials: TaskTrials) -> None:
    first = (trials.run() / "circles.json").read_bytes()
    assert (trials.run() / "circles.json").read_bytes() == first


def test_circles_may_touch_each_other_and_the_border(trials: TaskTrials, tmp_path: Path) -> None:
    assert trials.score(leave(tmp_path / "out", json.dumps(grid()))) == 26 / 16


@pytest.mark.parametrize(
    ("number", "part", "message"),
    [(0, 0, "sticks out"), (9, 2, "overlap"), (25, 1, "overlap"), (7, 2, "sticks out")],
)
def test_the_least_overlap_is_refused(
    trials: TaskTrials, tmp_path: Path, number: int, part: int, message: str
) -> None:
    circles = grid()
    value = circles[number][part]
    circles[number][part] = math.nextafter(value, math.inf if part == 2 else 0.0)
    done = trials.judge(leave(tmp_path / "out", json.dumps(circles)))
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr


def changed(number: int, circle: object) -> str:
    circles: list[object] = list(grid())
    circles[number] = circle
    return json.dumps(circles)


POINT = st.tuples(st.floats(0.001, 0.999), st.floats(0.001, 0.999))


@settings(deadline=None)
@given(
    st.lists(POINT, min_size=26, max_size=26, unique=True),
    st.lists(st.floats(1e-3, 0.5), min_size=26, max_size=26),
)
def test_shrink_makes_any_circles_valid(
    centres: list[tuple[float, float]], radii: list[float]
) -> None:
    shrunk = PACK.shrink(np.array(centres), np.array(radii))
    circles = np.column_stack([centres, shrunk]).tolist()
    JUDGE.check([JUDGE.exact(circle, i) for i, circle in enumerate(circles)])


def test_shrink_costs_next_to_nothing() -> None:
    centres, radii = np.array(grid())[:, :2], np.array(grid())[:, 2]
    assert PACK.shrink(centres, radii).sum() == pytest.approx(26 / 16, abs=1e-11)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "{}",
        "[" * 15_000,
        "\x1b[2J sum_radii: 9",
        json.dumps(grid()[:-1]),
        json.dumps([*grid(), [0.9, 0.9, 0.01]]),
        json.dumps(grid()) + " " * 20_000,
        changed(3, [0.5, 0.9]),
        changed(3, [0.5, 0.9, float("nan")]),
        changed(3, [0.5, 0.9, float("inf")]),
        changed(3, [0.5, 0.9, -0.01]),
        changed(3, [0.5, 0.9, 0.0]),
        changed(3, [0.5, 0.9, True]),
        changed(3, [0.5, 0.9, "0.01"]),
        changed(3, [0.5, 0.9, None]),
        changed(3, [0.5, 0.9, 10**400]),
        changed(3, [0.5, 0.9, 0]).replace(", 0]", ", " + "9" * 6000 + "]"),
    ],
    ids=range(18),
)
def test_what_is_no_packing_is_refused(trials: TaskTrials, tmp_path: Path, text: str) -> None:
    done = trials.judge(leave(tmp_path / "out", text))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("invalid out/circles.json: ")
    assert "Traceback" not in done.stderr


def test_links_and_missing_files_are_refused(trials: TaskTrials, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert trials.judge(out).returncode == 1
    (tmp_path / "elsewhere").write_text(json.dumps(grid()))
    (out / "circles.json").symlink_to(tmp_path / "elsewhere")
    assert trials.judge(out).returncode == 1
