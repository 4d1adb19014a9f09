"""The GPT task is scored fairly, and its weights answer for what was scored."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from task_trials import GPT_SMALL, GPT_TUNED, TASKS, TaskTrials, load_module

from metaloop.execution.job import Job
from metaloop.execution.sandbox import find_sandbox
from metaloop.guard.structure import DRAWS, SCALES, read
from metaloop.inner.probing import NOISE
from metaloop.task.spec import load_task

TASK = TASKS / "gpt"
NGRAM = TASKS / "ngram-lm"
ROWS, CONTEXT = 4096, 64
PARTS = ("validation", "holdout", "sealed")

MAKE_DATA, PREPARE = load_module(TASK / "make_data.py"), load_module(TASK / "prepare.py")


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(TASK / name, allow_pickle=False) as data:
        return dict(data)


@pytest.fixture
def trials(tmp_path: Path) -> TaskTrials:
    return TaskTrials("gpt", tmp_path)


def test_the_task_is_valid() -> None:
    task = load_task(TASK)
    assert set(GPT_TUNED) | set(GPT_SMALL) <= set(task.params_of(task.sources()))
    assert {"train.py", *task.spec.protect.files} >= {path.name for path in TASK.glob("*.py")}


def test_nothing_that_is_scored_is_in_the_training_text_or_told_by_the_order_of_rows() -> None:
    data = arrays("data/data.npz")
    train, rows = data["train"].tobytes(), []
    for part in PARTS:
        answers = arrays(f"judge/{part}.npz")
        rows.append(answers["rows"])
        assert abs((answers["rows"] < ROWS / 2).mean() - 0.5) < 0.05
        for row, target in zip(answers["rows"], answers["targets"], strict=True):
            assert data["contexts"][row].tobytes() + bytes([target]) not in train
    assert sorted(np.concatenate(rows)) == list(range(ROWS))


def test_the_split_is_that_of_ngram_lm() -> None:
    other, needed = load_module(NGRAM / "make_data.py"), {"profile", "pstats"}
    for part in ("VALIDATION", "HOLDOUT"):
        ours, theirs = (set(getattr(module, part).split()) for module in (MAKE_DATA, other))
        assert ours == theirs - needed
    assert set(MAKE_DATA.TRAIN.split()) < set(other.TRAIN.split())
    hidden, theirs = (load_task(task).spec.run.hide for task in (TASK, NGRAM))
    assert hidden[1:] == [h for h in theirs if not any(f"/{n}." in h for n in needed)]


@pytest.mark.skipif(sys.version_info[:3] != (3, 11, 7), reason="the data is CPython 3.11.7's")
def test_the_data_can_be_made_again() -> None:
    for name, made in MAKE_DATA.make(Path(sysconfig.get_paths()["stdlib"])).items():
        shipped = arrays(name)
        assert set(shipped) == set(made)
        assert all((shipped[key] == made[key]).all() for key in made)


@pytest.mark.parametrize("size", [8, 48, 128])
def test_the_budget_does_not_depend_on_the_size_of_a_batch(size: int) -> None:
    train, _ = PREPARE.load()
    batches = list(PREPARE.batches(train, size, 1))
    predicted = sum(batch[:, 1:].size for batch in batches)
    assert PREPARE.BUDGET - size * CONTEXT < predicted <= PREPARE.BUDGET
    assert (next(PREPARE.batches(train, size, 1)) == batches[0]).all()


def test_only_a_variable_is_renamed() -> None:
    _, contexts = PREPARE.load()
    rows, images = PREPARE.renamed(contexts)
    assert images.shape == (PREPARE.PAIRS, CONTEXT) == (len(set(rows)), CONTEXT)
    for row, image in zip(contexts[rows], images, strict=True):
        places = np.flatnonzero(row != image)
        assert len(places) and places[-1] < CONTEXT - 1
        changed = [bytes([byte]) for byte in (*row[places], *image[places])]
        assert all(byte.isalnum() or byte == b"_" for byte in changed)


def leave(out: Path, value: float = 1 / 256) -> Path:
    """Uniform predictions but for one probability."""
    out.mkdir()
    probs = np.full((ROWS, 256), 1 / 256, np.float32)
    probs[17, 3] = value
    np.save(out / "probs.npy", probs)
    return out


def test_uniform_predictions_cost_eight_bits(trials: TaskTrials, tmp_path: Path) -> None:
    out = leave(tmp_path / "out")
    assert all(trials.score(out, table) == 8.0 for table in ("judge", "holdout", "sealed"))


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "NaN"), (-0.1, "negative"), (0.5, "sum to 1")]
)
def test_what_is_no_distribution_is_refused(
    trials: TaskTrials, tmp_path: Path, value: float, words: str
) -> None:
    done = trials.judge(leave(tmp_path / "out", value))
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of a small GPT in the sandbox left, with its network off, and its probe."""
    pytest.importorskip("torch")
    place = tmp_path_factory.mktemp("small") / "gpt"
    shutil.copytree(TASK, place, ignore=shutil.ignore_patterns("out", "judge", "__pycache__"))
    source = TaskTrials("gpt", place).with_constants(**GPT_SMALL)
    (place / "train.py").write_text(source)
    (place / "out").mkdir()
    sandboxed(place, "python", "train.py")
    return place


def sandboxed(place: Path, *command: str, out: Path | None = None) -> str:
    import asyncio

    run = load_task(TASK).spec.run
    job = Job(
        command,
        place,
        hidden=tuple(run.hide),
        out=out,
        timeout_s=run.timeout_s,
        memory_mb=run.memory_mb,
        disk_mb=run.disk_mb,
        network=run.network,
    )
    outcome = asyncio.run(find_sandbox().run(job))
    assert outcome.ok, outcome
    return outcome.stdout


def test_it_runs_in_the_sandbox_and_is_deterministic(
    small: Path, trials: TaskTrials, tmp_path: Path
) -> None:
    assert 3 < trials.score(small / "out") < 5
    again = shutil.copytree(small, tmp_path / "again", ignore=shutil.ignore_patterns("*.np[yz]"))
    shutil.copytree(TASK / "data", again / "data", dirs_exist_ok=True)
    sandboxed(again, "python", "train.py")
    before, after = (np.load(place / "out" / "weights.npz") for place in (small, again))
    assert all((before[name] == after[name]).all() for name in before.files)
    before, after = (np.load(place / "out" / "probs.npy") for place in (small, again))
    assert (before == after).all()


def test_its_weights_are_probed_and_answer_for_what_was_scored(small: Path, tmp_path: Path) -> None:
    place = shutil.copytree(small, tmp_path / "gpt")
    shutil.copytree(TASK / "judge", place / "judge")
    noise, scales = tmp_path / "noise", [str(scale) for scale in SCALES]
    noise.mkdir()
    sandboxed(noise, "python", "-I", str(NOISE), str(DRAWS), "1024", *scales, out=small / "out")
    shutil.copytree(noise / "probe", place / "out" / "probe")
    sandboxed(place, "python", "train.py", "probe")
    printed = sandboxed(place, "python", "probe.py")
    assert json.loads(printed)["damage"][0] < 1e-6
    probed = read(printed, 0.1)
    assert 0 < probed.violation < 0.05
    assert abs(probed.breaking) < 0.2

    probs = np.load(place / "out" / "probs.npy")
    np.save(place / "out" / "probs.npy", probs[::-1])  # of other weights than those it left
    assert json.loads(sandboxed(place, "python", "probe.py"))["damage"][0] > 0.05
    np.save(place / "out" / "probe" / "007.npy", probs)
    done = subprocess.run(
        [sys.executable, "probe.py"], cwd=place, text=True, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "shape" in done.stderr or "bytes, at most" in done.stderr
