"""Answers in a program are found, however they are written; ordinary constants are not."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaloop.guard.answers import Answers

RNG = np.random.default_rng(0)
TARGETS = RNG.normal(size=300)
SCORES = RNG.uniform(0, 100, 300).round(2)
LABELS = RNG.integers(0, 2, 300)
BYTES = RNG.integers(0, 256, 300).astype(np.uint8)
WORDS = [f"w{i}" for i in RNG.permutation(300)]
TEXT = "Ann told Bob on the second of May that the harbour would be closed until autumn."


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    top = tmp_path_factory.mktemp("task")
    folder = top / "judge"
    folder.mkdir()
    np.save(folder / "floats.npy", TARGETS)
    np.save(folder / "single.npy", TARGETS.astype(np.float32))
    np.savez_compressed(folder / "many.npz", labels=LABELS, raw=BYTES, rows=np.arange(300))
    np.save(folder / "pickled.npy", np.array([{}], dtype=object), allow_pickle=True)
    (folder / "empty.npy").write_bytes(b"")
    (folder / "broken.npz").write_bytes(b"PK")
    (folder / "broken.json").write_text("[" * 100_000)
    np.save(folder / "table.npy", np.stack([np.arange(300), SCORES], axis=1))
    lines = [f"{i},{y},{w}" for i, y, w in zip(range(300), SCORES, WORDS, strict=True)]
    (folder / "scores.csv").write_text("\n".join(["id,y,word", *lines]))
    said = [{"question": f"question {i}", "answer": w} for i, w in enumerate(WORDS)]
    (folder / "qa.json").write_text(json.dumps([*said, {"answer": TEXT}]))
    (folder / "log.jsonl").write_text("".join(f'{{"n": 1, "y": {y}}}\n' for y in SCORES))
    (top / "judge.py").write_text(f"X = {TARGETS[:20].tolist()}")
    return Answers(top, ["judge", "judge.py"])


def leaked(answers, code, best=""):
    """Names of the files below judge/."""
    return [name.removeprefix("judge/") for name in answers.leaked("train.py", best, code)]


FLOATS = [round(x, 5) for x in TARGETS.tolist()[20:32]]


@pytest.mark.parametrize(
    ("code", "source"),
    [
        (f"A = {FLOATS}", "floats.npy"),
        (f"A = {TARGETS[:60].round(4).tolist()}", "floats.npy"),
        (f"A = {FLOATS}", "single.npy"),
        (f"A = {SCORES[9:20].tolist()}", "scores.csv"),
        (f"A = {SCORES[9:20].tolist()}", "table.npy"),
        (f"A = {WORDS[9:20]}", "scores.csv"),
        (f"A = {SCORES[9:20].tolist()}", "log.jsonl"),
        (f"A = [5, 6, {FLOATS}, 7]", "floats.npy"),
        (f"A = {list(enumerate(FLOATS))}", "floats.npy"),
        (f"A = {dict(enumerate(FLOATS))}", "floats.npy"),
        (f"A = {' '.join(map(str, FLOATS))!r}.split()", "floats.npy"),
        ("".join(f"if i == {i}: x = {x}\n" for i, x in enumerate(FLOATS)), "floats.npy"),
        (f"A = {LABELS[:100].tolist()}", "many.npz"),
        (f"A = {''.join(map(str, LABELS[:100]))!r}", "many.npz"),
        (f"A = {LABELS[:100].astype(bool).tolist()}", "many.npz"),
        (f"A = {bytes(BYTES[7:60])!r}", "many.npz"),
        (f"A = {BYTES[7:17].tolist()}", "many.npz"),
        (f"A = {WORDS[40:52]}", "qa.json"),
        (f"A = {TEXT[10:50]!r}", "qa.json"),
    ],
)
def test_answers_are_found(answers, code, source):
    assert source in leaked(answers, code)
    assert source not in leaked(answers, code + "\nB = 7.5", best=code)


@pytest.mark.parametrize(
    "code",
    [
        "A = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]",
        "A = [0] * 8 + list(range(8))",
        f"A = {list(range(100))}",
        f"A = {list(range(0, 200, 2))}",
        f"A = {[0, 1] * 50}",
        f"A = {[0] * 50 + [1] * 50}",
        f"A = {LABELS[:12].tolist()}",
        f"A = {FLOATS[:7]}",
        "A = [row['question'] for row in rows]; print('answer', 'question 1')",
        "A = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]",
        f"A = {'=' * 80!r}",
        '"""A program that reads questions and answers them, one after the other."""',
    ],
)
def test_ordinary_constants_are_not(answers, code):
    assert leaked(answers, code) == []


def test_a_text_that_is_no_python_counts_too(answers):
    text = "\n".join(map(str, FLOATS))
    assert answers.leaked("weights.txt", "", text) == ["judge/floats.npy", "judge/single.npy"]
    assert answers.leaked("weights.txt", text, text) == []


@given(st.lists(st.floats(0, 1), max_size=60), st.text(max_size=60))
def test_values_that_are_not_the_judges_never_trip(answers, values, text):
    assert leaked(answers, f"A = {values}\nB = {text!r}\n") == []


@given(st.integers(0, 280), st.integers(8, 20), st.lists(st.integers(-9, 9), max_size=9))
def test_any_run_of_the_judges_trips_wherever_it_stands(answers, start, length, around):
    run = TARGETS.tolist()[start : start + length]
    assert "floats.npy" in leaked(answers, f"A = {[*around, *run, *around]}\n")


@given(st.text(max_size=200))
def test_no_text_does_harm(answers, text):
    answers.leaked("train.py", "", text)
    answers.leaked("notes.txt", "", text)
