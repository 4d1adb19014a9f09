"""The n-gram task can be improved honestly, and in no other way."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_trials import NGRAM_TUNED, TASKS, TaskTrials, load_module

from metaloop.task.spec import load_task

TASK = TASKS / "ngram-lm"
ROWS, CONTEXT = 8192, 64
Array = np.ndarray
PARTS = ("validation", "holdout", "sealed")

JUDGE, MAKE_DATA = load_module(TASK / "judge.py"), load_module(TASK / "make_data.py")


def arrays(name: str) -> dict[str, Array]:
    with np.load(TASK / name, allow_pickle=False) as data:
        return dict(data)


@pytest.fixture
def trials(tmp_path: Path) -> TaskTrials:
    return TaskTrials("ngram-lm", tmp_path)


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    """Validation and holdout scores of the program as shipped, tuned, and rewritten."""
    trials = TaskTrials("ngram-lm", tmp_path_factory.mktemp("scores"))
    sources = {
        "shipped": trials.source,
        "order only": trials.with_constants(ORDER=8),
        "order and backoff": trials.with_constants(ORDER=8, BACKOFF="interpolate"),
        "tuned": trials.with_constants(**NGRAM_TUNED),
        "code": trials.solution("train_kneser_ney.py"),
    }
    found = {}
    for name, source in sources.items():
        out = trials.run(source)
        found[name] = (trials.score(out), trials.score(out, "holdout"))
    return found


def test_the_task_is_valid() -> None:
    task = load_task(TASK)
    assert set(task.params_of(task.sources())) == set(NGRAM_TUNED)


@pytest.mark.parametrize("part", [0, 1], ids=["validation", "holdout"])
def test_parameters_gain_and_code_gains_more(
    scores: dict[str, tuple[float, float]], part: int
) -> None:
    shipped, tuned, code = (scores[name][part] for name in ("shipped", "tuned", "code"))
    assert 2.5 < shipped < 2.8
    assert 0.80 * shipped < tuned < 0.90 * shipped
    assert code < 0.93 * tuned


def test_no_single_obvious_change_finds_most_of_the_gain(
    scores: dict[str, tuple[float, float]],
) -> None:
    gain = {name: scores["shipped"][0] - score[0] for name, score in scores.items()}
    assert gain["order only"] < 0.4 * gain["tuned"]
    assert gain["order and backoff"] < 0.6 * gain["tuned"]


def test_every_run_leaves_the_same_bytes(trials: TaskTrials) -> None:
    first = (trials.run() / "probs.npy").read_bytes()
    assert (trials.run() / "probs.npy").read_bytes() == first


def test_the_scored_parts_are_apart_and_mixed() -> None:
    rows = [arrays(f"judge/{part}.npz")["rows"] for part in PARTS]
    assert sorted(np.concatenate(rows)) == list(range(ROWS))
    for part in rows:  # neither part sits at one end of the file
        assert abs((part < ROWS / 2).mean() - 0.5) < 0.05


def test_scored_text_is_not_in_the_training_text() -> None:
    data = arrays("data/data.npz")
    train = data["train"].tobytes()
    for part in PARTS:
        answers = arrays(f"judge/{part}.npz")
        for row, target in zip(answers["rows"], answers["targets"], strict=True):
            assert data["contexts"][row].tobytes() + bytes([target]) not in train


@given(st.integers(0, 20_000), st.integers(0, 2**32))
def test_no_context_covers_or_touches_another_target(length: int, seed: int) -> None:
    places = MAKE_DATA.positions(length, np.random.default_rng(seed))
    assert ((places >= CONTEXT) & (places < length)).all()
    unseen = (places[1:] - CONTEXT) - (places[:-1] + 1)
    assert (unseen >= 63).all()  # bytes between a target and the next context


def test_the_modules_of_the_three_parts_differ() -> None:
    parts = [MAKE_DATA.TRAIN.split(), MAKE_DATA.VALIDATION.split(), MAKE_DATA.HOLDOUT.split()]
    modules = [name for part in parts for name in part]
    assert len(set(modules)) == len(modules)


@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="the data is CPython 3.11.7's")
def test_the_data_can_be_made_again() -> None:
    for name, made in MAKE_DATA.make(Path(sysconfig.get_paths()["stdlib"])).items():
        shipped = arrays(name)
        assert set(shipped) == set(made)
        assert all((shipped[key] == made[key]).all() for key in made)


def test_scored_modules_are_hidden_and_never_needed() -> None:
    hidden = load_task(TASK).spec.run.hide
    scored = [*MAKE_DATA.VALIDATION.split(), *MAKE_DATA.HOLDOUT.split()]
    for name in scored:
        if "/" in name:
            assert f"{{stdlib}}/{name.split('/')[0]}" in hidden
        else:
            assert {f"{{stdlib}}/{name}.py", f"{{stdlib}}/__pycache__/{name}.*"} <= set(hidden)
    code = "import numpy, numpy.testing, scipy.optimize, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], text=True, capture_output=True, check=True, timeout=60
    )
    assert not {name.split("/")[0] for name in scored} & set(done.stdout.split())


def uniform() -> Array:
    return np.full((ROWS, 256), 1 / 256, dtype=np.float32)


def with_value(value: float) -> Array:
    probs = uniform()
    probs[17, 3] = value
    return probs


INVALID: dict[str, tuple[Callable[[], Array], str]] = {
    "a row short": (lambda: uniform()[:-1], "shape"),
    "transposed": (lambda: uniform().T, "shape"),
    "flat": (lambda: uniform().ravel(), "shape"),
    "too many bytes": (lambda: uniform().astype(np.float64), "bytes, at most"),
    "integers": (lambda: np.ones((ROWS, 256), np.uint8), "dtype"),
    "other byte order": (lambda: uniform().astype(">f4"), "dtype"),
    "nan": (lambda: with_value(np.nan), "NaN"),
    "infinite": (lambda: with_value(np.inf), "infinite"),
    "negative": (lambda: with_value(-1 / 256), "negative"),
    "sums above 1": (lambda: uniform() * 1.05, "sum to 1"),
    "all ones": (lambda: np.ones((ROWS, 256), np.float16), "sum to 1"),
    "zeros": (lambda: np.zeros((ROWS, 256), np.float16), "sum to 1"),
}


def refusal(trials: TaskTrials, out: Path) -> str:
    """What the judge says on stderr when it refuses; it must print no score."""
    done = trials.judge(out)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("case", INVALID)
def test_what_is_no_distribution_is_refused(trials: TaskTrials, tmp_path: Path, case: str) -> None:
    make, message = INVALID[case]
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "out" / "probs.npy", make())
    assert message in refusal(trials, tmp_path / "out")


def test_uniform_predictions_cost_eight_bits(trials: TaskTrials, tmp_path: Path) -> None:
    probs = uniform()
    for name, form in (("f2", probs.astype(np.float16)), ("columns", np.asfortranarray(probs))):
        out = tmp_path / name
        out.mkdir()
        np.save(out / "probs.npy", form)
        assert all(trials.score(out, table) == 8.0 for table in ("judge", "holdout", "sealed"))


def test_certainty_about_the_wrong_byte_costs_24_bits(trials: TaskTrials, tmp_path: Path) -> None:
    probs = np.zeros((ROWS, 256), np.float32)
    probs[:, 255] = 1  # no byte of Python source
    (tmp_path / "out").mkdir()
    np.save(tmp_path / "out" / "probs.npy", probs)
    assert trials.score(tmp_path / "out") == pytest.approx(24, abs=1e-3)


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.path), 0o700)


def test_pickles_are_never_loaded(trials: TaskTrials, tmp_path: Path) -> None:
    out, touched = tmp_path / "out", tmp_path / "touched"
    out.mkdir()
    np.save(out / "probs.npy", np.array([Touch(touched)], dtype=object), allow_pickle=True)
    refusal(trials, out)
    (out / "probs.npy").write_bytes(pickle.dumps(Touch(touched)))
    refusal(trials, out)
    assert not touched.exists()


def test_truncated_values_are_refused(trials: TaskTrials, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    np.save(out / "probs.npy", uniform())
    os.truncate(out / "probs.npy", 1_000_000)
    assert "bytes of values, expected" in refusal(trials, out)


def test_links_and_missing_or_huge_files_are_refused(trials: TaskTrials, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert "missing" in refusal(trials, out)
    (out / "probs.npy").symlink_to(TASK / "judge" / "validation.npz")
    assert "not a regular file" in refusal(trials, out)
    (out / "probs.npy").unlink()
    with (out / "probs.npy").open("wb") as file:
        file.truncate(2**33)
    with pytest.raises(ValueError, match="at most"):
        JUDGE.read_probs(out / "probs.npy")


HEADERS = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda shape, descr: repr(
            {"descr": descr, "fortran_order": False, "shape": shape}
        ).encode(),
        st.one_of(st.just((ROWS, 256)), st.lists(st.integers()).map(tuple)),
        st.sampled_from(["<f4", "|O", "<f8", "|V0", [("a", "<f4")], "<U9", "nonsense"]),
    ),
)


@settings(deadline=None)
@given(header=HEADERS, version=st.sampled_from([1, 2, 3, 9]), body=st.binary(max_size=50))
def test_a_hostile_header_is_refused(
    tmp_path_factory: pytest.TempPathFactory, header: bytes, version: int, body: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "probs.npy"
    size = len(header).to_bytes(2 if version == 1 else 4, "little")
    path.write_bytes(b"\x93NUMPY" + bytes([version, 0]) + size + header + body)
    with pytest.raises(ValueError):
        JUDGE.read_probs(path)
