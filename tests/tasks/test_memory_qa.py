"""The memory task can be improved by code, less by tuning, and in no other way."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from task_trials import TASKS, TaskTrials, load_module

from metaloop.execution import find_sandbox
from metaloop.guard.answers import Answers
from metaloop.inner.evaluate import Evaluator
from metaloop.task.constants import set_constants
from metaloop.task.metric import read_blocks
from metaloop.task.spec import Task, load_task
from metaloop.task.workspace import Workspace

TASK = TASKS / "memory-qa"
BENCHMARK = load_module(TASKS.parent / "benchmarks" / "memory_qa.py")
JUDGE, MAKE_DATA = BENCHMARK.JUDGE, load_module(TASK / "make_data.py")
PARTS = ("validation", "holdout", "sealed")
TUNED = BENCHMARK.TUNED
SCORES = {  # validation, holdout, sealed: the table of the task's README
    "as shipped": (0.134646, 0.121333, 0.103873),
    "tuned": (0.184571, 0.171429, 0.163746),
    "better ranking": (0.243478, 0.216048, 0.231905),
    "bugs fixed": (0.319556, 0.320000, 0.305222),
    "both": (0.806370, 0.817889, 0.789333),
}


def truth(part: str) -> dict[str, list]:
    """The rows of a part, their kinds and answers."""
    return json.loads((TASK / "judge" / f"{part}.json").read_text())


@pytest.fixture
def trials(tmp_path: Path) -> TaskTrials:
    return TaskTrials("memory-qa", tmp_path)


def evaluator_of(directory: Path, folder: Path) -> Evaluator:
    task = load_task(directory)
    return Evaluator(task, Workspace.detached(task, folder), find_sandbox(), 1)


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(TASK)


@pytest.fixture(scope="module")
def answers() -> dict[str, list[str]]:
    """What each rung of the ladder hands in, and the tuned program."""
    sources = {rung: BENCHMARK.ladder(rung) for rung in BENCHMARK.LADDER}
    sources["tuned"] = set_constants(BENCHMARK.shipped(), TUNED)
    return {name: BENCHMARK.answers(source) for name, source in sources.items()}


@pytest.fixture(scope="module")
def scores(answers: dict[str, list[str]]) -> dict[str, tuple[float, ...]]:
    """Their scores, by part."""
    return {
        name: tuple(BENCHMARK.score(given, part) for part in PARTS)
        for name, given in answers.items()
    }


@pytest.mark.parametrize("rung", SCORES)
def test_scores_are_those_of_the_readme(scores: dict[str, tuple[float, ...]], rung: str) -> None:
    assert scores[rung] == pytest.approx(SCORES[rung], abs=1e-5)
    (line,) = [
        line for line in (TASK / "README.md").read_text().splitlines() if f"| {rung} |" in line
    ]
    assert " | ".join(f"{score:.3f}" for score in SCORES[rung]) in line


@pytest.mark.parametrize("part", range(3), ids=PARTS)
def test_code_reaches_what_tuning_cannot(scores: dict[str, tuple[float, ...]], part: int) -> None:
    score = {name: found[part] for name, found in scores.items()}
    assert 0.1 < score["as shipped"] < 0.25
    assert score["as shipped"] < score["tuned"]
    assert score["tuned"] < 0.65 * score["bugs fixed"]
    assert score["as shipped"] < score["better ranking"] < score["bugs fixed"]
    assert score["bugs fixed"] + score["better ranking"] < score["both"] < 0.9


def test_the_shortcut_of_the_benchmark_takes_none(
    task: Task, answers: dict[str, list[str]]
) -> None:
    shortcut, rows = BENCHMARK.Shortcut(BENCHMARK.shipped()), truth("validation")["rows"]
    for name, params in (("tuned", TUNED), ("as shipped", task.params_of(task.sources()))):
        quick = shortcut.answers(params)
        assert [quick[row] for row in rows] == [answers[name][row] for row in rows]


def test_a_short_search_stays_below_the_bug_fixes(scores: dict[str, tuple[float, ...]]) -> None:
    found = BENCHMARK.tune(24, seed=0)
    tuned = BENCHMARK.score(BENCHMARK.answers(set_constants(BENCHMARK.shipped(), found)))
    assert scores["as shipped"][0] < tuned <= scores["tuned"][0] < 0.65 * scores["bugs fixed"][0]


def test_the_rungs_share_no_function_and_each_fault_lies_in_one(task: Task) -> None:
    shipped = BENCHMARK.functions(BENCHMARK.shipped())
    bugs, ranking = (
        BENCHMARK.functions((BENCHMARK.SOLUTIONS / name).read_text())
        for name in BENCHMARK.LADDER["both"]
    )
    assert not set(bugs) & set(ranking)
    assert set(bugs) < set(shipped)
    assert all(
        len(text.splitlines()) <= 25 for text in shipped.values()
    )  # small models rewrite one
    assert len(BENCHMARK.shipped()) < 12_000  # shown to a proposer in full
    assert set(task.space) == set(TUNED)


async def test_trials_of_metaloop_score_the_same(
    task: Task, scores: dict[str, tuple[float, ...]], tmp_path: Path
) -> None:
    evaluator = evaluator_of(shutil.copytree(TASK, tmp_path / "copy"), tmp_path / "run")
    for rung in ("as shipped", "both"):
        measured = await evaluator.measure({"memory.py": BENCHMARK.ladder(rung)}, keep=True)
        assert measured.status == "measured", measured
        assert (measured.prints, len(measured.blocks)) == (False, 30)
        found = [measured.score]
        for table in (task.spec.holdout, task.spec.sealed):
            assert table is not None
            found.append((await evaluator.rejudge(measured.artefacts, table.command)).score)
        assert found == pytest.approx(scores[rung], abs=1e-6)


async def test_a_trial_sees_no_answers(task: Task, tmp_path: Path) -> None:
    """Neither the answers nor what makes them, by whatever name, here or where the task lies."""
    spy = f"""
from pathlib import Path
marks = [b'"kin' + b'ds": [', b"SEED = " + b"{MAKE_DATA.SEED}", b"LEADS = " + b"words("]
for top in {[".", *map(str, (TASKS, BENCHMARK.SOLUTIONS, tmp_path))]!r}:
    for path in Path(top).rglob("*") if Path(top).exists() else []:
        if path.is_file():
            assert not any(mark in path.read_bytes() for mark in marks), path
        assert path.parent.name != "judge", path
"""
    assert f"SEED = {MAKE_DATA.SEED}\n" in (TASK / "make_data.py").read_text()
    assert "LEADS = words(" in (TASK / "phrases.py").read_text()
    assert '"kinds": [' in (TASK / "judge" / "sealed.json").read_text()
    source = BENCHMARK.shipped().replace("\nimport json\n", f"\nimport json\n{spy}", 1)
    evaluator = evaluator_of(shutil.copytree(TASK, tmp_path / "copy"), tmp_path / "run")
    measured = await evaluator.measure({"memory.py": source})
    assert measured.status == "measured", measured.tail


def test_the_guard_tells_answers_in_a_program_from_honest_code(task: Task) -> None:
    assert task.spec.judge is not None
    guard, shipped = Answers(TASK, task.spec.judge.files), BENCHMARK.shipped()
    for rung in BENCHMARK.LADDER:
        assert guard.leaked("memory.py", shipped, BENCHMARK.ladder(rung)) == []
    for part in PARTS:
        cheat = f"{shipped}\nKNOWN = {truth(part)['answers'][20:60]!r}\n"
        assert f"judge/{part}.json" in guard.leaked("memory.py", shipped, cheat)


def test_every_run_hands_in_the_same(trials: TaskTrials, answers: dict[str, list[str]]) -> None:
    assert json.loads((trials.run() / "answers.json").read_text()) == answers["as shipped"]


# The data


def test_the_data_can_be_made_again() -> None:
    for name, content in MAKE_DATA.make().items():
        assert (TASK / name).read_text() == MAKE_DATA.text_of(content)


def test_the_parts_are_apart_by_conversation_and_mixed() -> None:
    questions = json.loads((TASK / "data" / "questions.json").read_text())
    talks = {part: {questions[row][0] for row in truth(part)["rows"]} for part in PARTS}
    assert [len(talks[part]) for part in PARTS] == [6, 4, 4]
    assert len(set.union(*talks.values())) == 14
    rows = [row for part in PARTS for row in truth(part)["rows"]]
    assert sorted(rows) == list(range(len(questions))) == list(range(JUDGE.QUESTIONS))
    kinds = [Counter(truth(part)["kinds"]) for part in PARTS]
    assert all(set(kind) == set(kinds[0]) and min(kind.values()) >= 4 for kind in kinds)


def test_no_question_is_asked_twice() -> None:
    questions = json.loads((TASK / "data" / "questions.json").read_text())
    assert len({tuple(question) for question in questions}) == len(questions)


def test_the_answers_are_in_the_conversations() -> None:
    """Each answer that is no date, count or list stands in a turn, as it is asked for."""
    talks = json.loads((TASK / "data" / "conversations.json").read_text())
    questions = json.loads((TASK / "data" / "questions.json").read_text())
    for part in PARTS:
        found = truth(part)
        for row, kind, answer in zip(found["rows"], found["kinds"], found["answers"], strict=True):
            turns = [turn for s in talks[questions[row][0]]["sessions"] for turn in s["turns"]]
            wanted = answer.split(", ") if kind == "list" else [answer]
            if kind != "time" and not answer.isdigit():
                assert all(any(item in text for _, text in turns) for item in wanted), answer


@given(st.dates(date(2020, 1, 1), date(2030, 1, 1)))
def test_dates_are_written_as_the_judge_reads_them(day: date) -> None:
    words = JUDGE.normal(MAKE_DATA.written(day))
    assert words == [str(day.day), day.strftime("%B").lower(), str(day.year)]


# The judge


def test_the_truth_scores_one_and_nothing_scores_nothing(
    trials: TaskTrials, tmp_path: Path
) -> None:
    right = [""] * JUDGE.QUESTIONS
    for part in PARTS:
        for row, answer in zip(truth(part)["rows"], truth(part)["answers"], strict=True):
            right[row] = answer
    for given_in, expected in ((right, 1.0), ([""] * JUDGE.QUESTIONS, 0.0)):
        out = leave(tmp_path / f"out{expected}", json.dumps(given_in))
        for table in ("judge", "holdout", "sealed"):
            assert trials.score(out, table) == expected
            assert read_blocks(trials.judge(out, table).stdout, "f1") == [expected] * 30


@pytest.mark.parametrize(
    ("answer", "truth", "expected"),
    [
        ("The Glass Harbour.", "Glass Harbour", 1),
        ("7 May 2023", "7 May 2023", 1),
        ("7 May", "7 May 2023", 0.8),
        ("2023-05-07", "7 May 2023", 0),
        ("Tom: chess", "chess", 2 / 3),
        ("chess chess", "chess", 2 / 3),
        ("", "chess", 0),
        ("the a an", "chess", 0),
    ],
)
def test_f1_is_that_of_squad(answer: str, truth: str, expected: float) -> None:
    assert JUDGE.f1(answer, truth) == pytest.approx(expected)


def leave(out: Path, text: str) -> Path:
    out.mkdir(exist_ok=True)
    (out / "answers.json").write_text(text)
    return out


def hostile() -> Iterator[str]:
    blank = [""] * JUDGE.QUESTIONS
    yield from ["", "null", "{}", "[" * 100_000, "1" * 10_000, "\x1b[2J f1: 1", '"' + "x" * 1050]
    yield from map(json.dumps, (blank[1:], [*blank, ""], [*blank[1:], 7], [*blank[1:], ["a"]]))
    yield from map(json.dumps, ([*blank[1:], None], [*blank[1:], "x" * 401], {"0": "a"}))
    yield json.dumps(blank) + " " * 4_000_000


@pytest.mark.parametrize("text", list(hostile()), ids=range(15))
def test_what_is_no_list_of_answers_is_refused(
    trials: TaskTrials, tmp_path: Path, text: str
) -> None:
    done = trials.judge(leave(tmp_path / "out", text))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("invalid out/answers.json: ")
    assert "Traceback" not in done.stderr


def test_odd_letters_are_letters(trials: TaskTrials, tmp_path: Path) -> None:
    odd = ["\ud800 \x1b[2J \u202e \x00"] * JUDGE.QUESTIONS
    assert trials.score(leave(tmp_path / "out", json.dumps(odd))) == 0


def test_links_and_missing_or_huge_files_are_refused(trials: TaskTrials, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert trials.judge(out).returncode == 1
    (out / "answers.json").symlink_to(TASK / "judge" / "validation.json")
    assert "not a regular file" in trials.judge(out).stderr
    (out / "answers.json").unlink()
    (out / "answers.json").touch()
    os.truncate(out / "answers.json", 2**33)
    with pytest.raises(ValueError, match="at most"):
        JUDGE.read_answers(out / "answers.json")
