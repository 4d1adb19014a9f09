"""`metaloop check`: real programs in the real sandbox, from bundled tasks to hopeless ones."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pages import Tags, check_page
from toy import TOML, TRAIN, commit, write_toy
from typer.testing import CliRunner

from metaloop.cli import app
from metaloop.execution import find_sandbox
from metaloop.guard.repeat import TOLD
from metaloop.suitability import check as checking
from metaloop.suitability.check import check
from metaloop.suitability.quick import quick_warnings
from metaloop.task.spec import load_task

UNFIT, TASKS = Path(__file__).parent / "unfit", Path(__file__).parents[2] / "tasks"


def metaloop(*args):
    """Run the command; its exit code and what it printed."""
    return CliRunner().invoke(app, [str(arg) for arg in args])


def copied(source, tmp_path):
    """A task alone in a repository."""
    return commit(Path(shutil.copytree(source, tmp_path / source.name)))


def finding(result, name):
    return next(f for p in result.properties for f in p.findings if f.name == name)


def scores(result):
    return {p.name: p.score for p in result.properties}


class Lucky:
    """A sandbox in which the n-th program finds LUCK=n: noise that a test can repeat."""

    def __init__(self):
        self.sandbox, self.name, self.count = find_sandbox(), "lucky", 0

    async def run(self, job):
        self.count += 1
        return await self.sandbox.run(replace(job, env=(("LUCK", str(self.count)),)))


# Tasks that are unfit on purpose


def test_noise_larger_than_any_gain_is_unfit_by_its_metric(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "find_sandbox", lambda unsafe: Lucky())
    result = check(copied(UNFIT / "noisy", tmp_path), gain=0.01)
    assert (result.verdict, result.exit_code, result.weakest.name) == ("unfit", 2, "metric")
    assert result.weakest.weakest.name == "noise" and "average more" in result.weakest.change
    assert min(v for name, v in scores(result).items() if name != "metric") >= 0.7
    # Uniform noise has sigma 0.289; a gain of 0.01 is then hopeless, and the check says so.
    assert result.detection.sigma == pytest.approx(0.289, rel=0.2)
    assert result.detection.minimal_gain == pytest.approx(TOLD * result.detection.sigma, rel=0.01)
    assert result.detection.gains["given"][1] > 5000


def test_a_metric_blind_to_the_code_is_unfit_though_it_is_quiet(tmp_path):
    result = check(copied(UNFIT / "blind", tmp_path))
    assert (result.verdict, result.weakest.name) == ("unfit", "metric")
    assert result.weakest.weakest.name == "answers to changes"
    assert "SLOPE, OFFSET" in result.weakest.change and result.weakest.score_after == 1
    assert "the same as whole" in finding(result, "needs the code").evidence
    assert finding(result, "noise").score == 1


def test_ten_files_in_one_tangle_are_unfit_by_their_modularity(tmp_path):
    done = metaloop("check", copied(UNFIT / "tangle", tmp_path))
    assert done.exit_code == 2, done.output
    assert "tangle is UNFIT" in done.output and "weakest property is modularity" in done.output
    assert "10 import each other in a circle" in done.output
    assert "break the circle of imports" in done.output


# Bundled tasks


@pytest.mark.parametrize("name", ["ngram-lm", "circle-packing", "memory-qa"])
def test_bundled_tasks_are_fit_and_deterministic(name, tmp_path):
    result = check(copied(TASKS / name, tmp_path), runs=3)
    assert (result.verdict, result.exit_code) == ("fit", 0), result.to_dict()
    assert scores(result)["metric"] == scores(result)["version control"] == 1
    assert (result.detection.sigma, result.detection.minimal_gain) == (0, 0)
    assert {runs for _, runs in result.detection.gains.values()} == {1}
    assert finding(result, "holdout").score == (0.75 if name == "circle-packing" else 1)


# One fault at a time


def test_the_toy_is_fit_and_its_checkout_is_left_alone(toy):
    """N is read by nobody, and the check says so."""
    (toy / ".gitignore").write_text("out/\n")
    commit(toy)
    before = sorted(toy.rglob("*"))
    result = check(toy)
    assert (
        result.verdict == "fit" and "no effect: N" in finding(result, "answers to changes").change
    )
    assert "X (3)" in finding(result, "answers to changes").evidence  # 0.15 of 20
    git = ["git", "for-each-ref", "--format=%(refname)"]
    refs = subprocess.run(git, cwd=toy, capture_output=True, text=True, check=True).stdout
    trees = subprocess.run(
        ["git", "worktree", "list"], cwd=toy, capture_output=True, text=True, check=True
    ).stdout
    assert refs.splitlines() in (["refs/heads/master"], ["refs/heads/main"])
    assert len(trees.splitlines()) == 1
    same = [p for p in sorted(toy.rglob("*")) if ".git/" not in str(p)]
    assert same == [p for p in before if ".git/" not in str(p)]


def test_no_repository_needs_repair(tmp_path, toy):
    shutil.rmtree(toy / ".git")
    result = check(toy)
    assert (result.verdict, result.exit_code) == ("fit with repairs", 1)
    assert result.weakest.name == "version control" and "git init" in result.weakest.change


def test_a_commit_that_scores_otherwise_than_the_directory(toy):
    (toy / "train.py").write_text(TRAIN.replace("9.0", "5.0"))
    result = check(toy)
    assert "train.py" in finding(result, "clean").evidence
    assert finding(result, "reproducible").evidence == "the commit scores 6, the directory 2"
    assert (result.verdict, result.base) == ("fit with repairs", 2)


def test_data_that_git_ignores_is_missing_in_a_fresh_worktree(toy):
    (toy / ".gitignore").write_text("data.txt\nout/\n")
    (toy / "data.txt").write_text("3")
    (toy / "train.py").write_text(TRAIN + "open('data.txt')\n")
    commit(toy)
    result = check(toy)
    assert finding(result, "clean").score == 1
    assert "data.txt" in finding(result, "fresh worktree").evidence
    assert "git ignores data.txt" in finding(result, "fresh worktree").change
    assert (result.verdict, result.weakest.name) == ("unfit", "metric")  # a run would not begin


def test_what_tools_leave_and_git_ignores_is_not_what_a_trial_lacks(toy):
    """Directories that ignore what is in them, as metaloop's own does."""
    for name in (".metaloop", ".venv", "sub/.pytest_cache", ".ruff_cache"):
        (toy / name / "runs").mkdir(parents=True)
        (toy / name / "runs" / "some").write_text("")
        (toy / name / ".gitignore").write_text("*\n")
    (toy / "sub" / "tracked").write_text("")
    (toy / ".gitignore").write_text("/data/\n")
    (toy / "data").mkdir()
    (toy / "data" / "x.txt").write_text("3")
    (toy / "train.py").write_text(TRAIN + "open('data/x.txt')\n")
    result = check(commit(toy))
    assert "git ignores data/, which" in finding(result, "fresh worktree").change


def test_what_a_trial_does_not_see_is_told_where_the_program_lacks_it(tmp_path, monkeypatch):
    monkeypatch.setenv("NEEDED", "3")
    toy, other = write_toy(tmp_path / "mono" / "toy"), write_toy(tmp_path / "mono" / "other")
    (tmp_path / "data.txt").write_text("")
    (toy / "far.txt").symlink_to("../../data.txt")
    (toy / "near.txt").symlink_to("../other/train.py")
    (toy / "system").symlink_to("/usr")
    (toy / "src" / "mypkg").mkdir(parents=True)
    (toy / "src" / "mypkg" / "__init__.py").write_text("")
    (toy / "train.py").write_text(f"{TRAIN}import os\nos.environ['NEEDED']\n")
    commit(other.parent)
    result = check(toy)
    change = finding(result, "fresh worktree").change
    assert "links lead out of the repository, to what a trial does not see: toy/far.txt;" in change
    assert "other tasks are hidden in a trial: other;" in change
    assert "none of your environment variables" in finding(result, "read").change
    (toy / "train.py").write_text(f"{TRAIN}import mypkg\n")
    change = finding(check(commit(toy.parent) / "toy"), "read").change
    assert change.startswith("mypkg is in src/, where python does not look by itself; ")
    assert 'begin the command with "env", "PYTHONPATH=src"' in change
    spec = TOML.replace('["python", "train.py"]', '["env", "PYTHONPATH=src", "python", "train.py"]')
    (toy / "metaloop.toml").write_text(spec)
    commit(other.parent)
    assert check(toy).base == 6


def test_a_submodule_is_named_where_the_program_lacks_it(toy, tmp_path):
    lib = tmp_path / "lib"
    lib.mkdir()
    (lib / "far.py").write_text("FAR = 1\n")
    allow = ["-c", "protocol.file.allow=always"]
    add = ["git", *allow, "submodule", "--quiet", "add", str(commit(lib)), "lib"]
    subprocess.run(add, cwd=toy, check=True)
    (toy / "train.py").write_text("from lib.far import FAR\n" + TRAIN)
    result = check(commit(toy))
    assert "submodules are empty in a trial: lib;" in finding(result, "submodules").evidence
    change = finding(result, "fresh worktree").change
    assert "submodules are empty in a trial: lib;" in change and "run a copy of it" in change


def test_a_program_out_of_a_trials_sight_is_named(toy, tmp_path, monkeypatch):
    """As rustup's cargo is, in the user's home."""
    tool = tmp_path / "home" / "bin" / "compile-it"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    text = TOML.replace('["python", "train.py"]', '["sh", "-c", "compile-it && python train.py"]')
    (toy / "metaloop.toml").write_text(text)
    result = check(commit(toy))
    assert f"{tool} is not found in a trial" in finding(result, "read").change


def test_without_a_number_to_move_the_check_says_that_nothing_was_tried(toy):
    (toy / "metaloop.toml").write_text(TOML.split("[space]")[0])
    (toy / "train.py").write_text("open('out/x.json', 'w').write('{\"x\": 9}')\n")
    done = metaloop("check", commit(toy))
    assert "No small change was tried, for there is no [space], and no number" in done.output
    assert "No small change moved" not in done.output


def test_uncommitted_changes_outside_of_the_task_are_warned_of(tmp_path):
    write_toy(tmp_path / "svc")
    for name in "abcd":
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    commit(tmp_path)
    for name in ("a.py", "b.py", "c.py", "d.py", "svc/train.py"):
        (tmp_path / name).write_text(TRAIN)
    (tmp_path / "new.txt").write_text("")
    (warning,) = quick_warnings(load_task(tmp_path / "svc"))
    assert "trials do not see: a.py, b.py, c.py and 1 more;" in warning


def test_files_that_a_run_leaves_for_git_to_see(toy):
    (toy / "train.py").write_text(TRAIN + "open('model.bin', 'w').close()\n")
    (toy / ".gitignore").write_text("out/\n")
    commit(toy)
    assert "model.bin, which git would see" in finding(check(toy), "artefacts ignored").evidence


def test_a_program_that_does_not_run_is_unfit_and_says_why(toy):
    (toy / "train.py").write_text(TRAIN + "raise SystemExit('no data here')\n")
    result = check(commit(toy))
    assert result.verdict == "unfit" and result.detection is None
    assert "no data here" in result.weakest.findings[0].evidence
    assert scores(result)["iteration"] == 0


def test_a_self_scored_metric_at_its_ceiling_that_is_minimised_by_mistake(tmp_path):
    (tmp_path / "metaloop.toml").write_text(
        'name = "a"\ndescription = "a"\n[edit]\nfiles = ["a.py"]\n'
        '[run]\ncommand = ["python", "a.py"]\n'
        '[metric]\nname = "accuracy"\ndirection = "minimize"\n'
    )
    (tmp_path / "a.py").write_text("x = [1, 2, 3]\nprint('accuracy:', 0.0 if sum(x) else 1)\n")
    result = check(commit(tmp_path))
    assert "unlike its name" in finding(result, "direction").evidence
    assert finding(result, "room").score < 1 / 3 and finding(result, "judge").score == 0.5


def test_modularity_names_the_file_nobody_imports_the_long_function_and_the_judge_that_shares(toy):
    text = TOML.replace('["train.py"]', '["train.py", "lost.py", "used.py"]', 1)
    (toy / "metaloop.toml").write_text(text)
    (toy / "lost.py").write_text("def long():\n" + "    x = 1\n" * 300)
    (toy / "used.py").write_text("import train\nprint('hello')\nopen('log', 'w')\n")
    (toy / "train.py").write_text("import used\n" + TRAIN)
    (toy / "judge.py").write_text("from used import *\n" + (toy / "judge.py").read_text())
    weak = "\n".join(quick_warnings(load_task(toy)))
    assert "train.py does not import lost.py" in weak
    assert "split lost.py long()" in weak
    assert "used.py, train.py" in weak or "train.py, used.py" in weak  # the judge's, and the circle
    assert "coupling: " in weak and "judge: it imports" in weak


def test_a_judge_that_hides_nothing_is_weak_unless_it_is_meant_to_be_seen(toy):
    shown = TOML.replace('files = ["judge.py", "secret.txt"]\n', "")
    (toy / "metaloop.toml").write_text(shown)
    (warning,) = quick_warnings(load_task(toy))
    assert "can read all of the task, answers too" in warning
    assert "under files of [judge]" in warning
    (toy / "metaloop.toml").write_text(shown.replace('"prepare.py"', '"prepare.py", "judge.py"'))
    assert quick_warnings(load_task(toy)) == []


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 500,
        "\x00",
        "def f(:\n",
        "x = " + "-" * 5000 + "1",
        "if f\"{'\N{NO-BREAK SPACE}'}\":\n    x = 1\n",  # which Python 3.11 cannot write
    ],
)
def test_a_source_that_nobody_would_write_is_no_crash(toy, hostile):
    (toy / "metaloop.toml").write_text(TOML.split("[space]")[0])
    (toy / "train.py").write_text(hostile)
    assert quick_warnings(load_task(toy)) is not None


# The command


def test_json_is_all_that_is_printed_and_has_these_keys(toy):
    done = metaloop("check", toy, "--json", "--runs", "2", "--gain", "0.5", "--budget-minutes", "5")
    told = json.loads(done.stdout)
    assert set(told) == {
        "task", "metric", "direction", "score", "verdict", "weakest", "exit_code", "properties",
        "detection", "trials", "seconds",
    }  # fmt: skip
    assert list(told["properties"]) == ["metric", "modularity", "iteration", "version control"]
    for found in told["properties"].values():
        assert set(found) == {"score", "verdict", "change", "score_after", "findings"}
        assert 0 <= found["score"] <= found["score_after"] <= 1
        for measure in found["findings"].values():
            assert measure["evidence"] and (measure["score"] in (None, 1) or measure["change"])
    assert told["detection"]["gains"]["given"] == {"gain": 0.5, "runs": 1}
    assert (done.exit_code, told["score"], told["task"]) == (told["exit_code"], 6, "toy")
    trials = told["properties"]["iteration"]["findings"]["trials"]
    assert "an evening" in trials["evidence"] and "in 5 min" in trials["evidence"]


def test_the_page_needs_nothing_else_and_obeys_no_foreign_text(toy, tmp_path):
    evil = "train\x1b[31m<script>alert(1)</script>"
    (toy / "train.py").write_text(TRAIN + f"raise SystemExit({evil!r})\n")
    page = tmp_path / "check.html"
    assert metaloop("check", toy, "--page", page).exit_code == 2
    text = check_page(page.read_text())
    assert not {"src", "href"} & Tags(text).attributes
    assert "alert(1)" in text and "unfit</span>" in text


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["nowhere"], "no such file"),
        ([".", "--runs", "1"], "--runs: must be at least 2"),
        ([".", "--gain", "-1"], "--gain: must be above 0"),
        ([".", "--page", "train.py/place.html"], "train.py: "),
        ([".", "--page", "."], "is a directory; name a file"),
    ],
)
def test_bad_input_is_an_error_and_prints_no_result(toy, monkeypatch, args, said):
    monkeypatch.chdir(toy)
    done = metaloop("check", *args, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in " ".join(done.stderr.split())


def test_run_warns_of_what_it_sees_at_once(toy, monkeypatch):
    monkeypatch.chdir(toy)
    (toy / "metaloop.toml").write_text(
        TOML.split("[judge]")[0] + '[metric]\nname = "loss"\ndirection = "minimize"\n'
        '[space]\nX = { type = "int", low = 0, high = 9 }\n'
    )
    (toy / "train.py").write_text("X = 1\nprint('loss:', X)\n")
    commit(toy)
    done = metaloop("run", ".", "--levels", "1", "--trials", "1", "--json")
    assert "warning: judge: none: the program prints its own score" in done.stderr
    assert "warning" not in done.stdout and json.loads(done.stdout)
