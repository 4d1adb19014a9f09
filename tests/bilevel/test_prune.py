"""Hunks of the winning patch that earn nothing are gone from what a run leaves to its user."""

import json
import subprocess

from scripted import ScriptedModel
from toy import commit

from metaloop.bilevel import resume, run
from metaloop.inner.settings import Settings
from metaloop.models.ledger import BudgetReached
from metaloop.project import Project


def go(toy, folder, *edits, **settings):
    """The status and the winning patch of a run whose one trial makes these edits."""
    folder.mkdir()
    project = Project(folder)
    changes = [{"file": "train.py", "search": a, "replace": b} for a, b in edits]
    answer = json.dumps({"hypothesis": "h", "params": [], "edits": changes})
    model = ScriptedModel([answer], small=False)
    status = run(
        toy, Settings(levels="1", trials=1, **settings), project=project, models={"inner": model}
    )
    span = f"HEAD...{status.branch}"
    patch = subprocess.run(["git", "diff", span], cwd=toy, capture_output=True, text=True).stdout
    return status, patch


EARNS = ("return X\n", "return X - 6.0\n")
IDLE = ('json.dump({"x"', 'UNUSED = [1, 2]\njson.dump({"x"')


def test_what_earns_nothing_is_dropped(toy, tmp_path):
    status, patch = go(toy, tmp_path / "p", EARNS, IDLE)
    assert (status.best, status.guards["promoted"]) == (0.0, 1)
    assert "+    return X - 6.0" in patch
    assert "UNUSED" not in patch
    assert 0 < status.guards["runs"] <= 3
    assert status.guards["queries"] == 3  # baseline, best, and what was left of it
    assert status.holdout["best"] == 1.0


def test_what_was_pruned_stays_so_when_a_budget_ends_the_next_sitting(toy, tmp_path):
    status, _ = go(toy, tmp_path / "p", EARNS, IDLE)
    project, model = Project(tmp_path / "p"), ScriptedModel([], small=False)
    more = {"trials": 9, "budget_minutes": 0.0}
    resume(status.run, project=project, models={"inner": model}, changes=more)
    with project.journal() as journal:
        assert len(journal.events(status.run, "holdout")) == 1
    shown = subprocess.check_output(["git", "show", f"{status.branch}:train.py"], cwd=toy)
    assert b"UNUSED" not in shown


def test_what_was_pruned_stays_so_when_the_next_sitting_is_cut_short(toy, tmp_path):
    status, _ = go(toy, tmp_path / "p", EARNS, IDLE)
    gone = ScriptedModel([], small=False)
    project = Project(tmp_path / "p")
    after = resume(status.run, project=project, models={"inner": gone}, changes={"trials": 9})
    assert after.state == "paused"
    shown = subprocess.check_output(["git", "show", f"{status.branch}:train.py"], cwd=toy)
    assert b"return X - 6.0" in shown and b"UNUSED" not in shown


def test_hunks_that_earn_stay(toy, tmp_path):
    half = ("N = 1\n", "N = 1\nHALF = 3.0\n")
    _, patch = go(toy, tmp_path / "p", ("return X\n", "return X - 2 * HALF\n"), half)
    assert "+HALF = 3.0" in patch
    assert "+    return X - 2 * HALF" in patch


def test_what_is_pruned_after_the_budget_is_measured_on_the_holdout_again(
    toy, tmp_path, monkeypatch
):
    """The hunk that is dropped does harm on the holdout alone."""
    judge = toy / "judge.py"
    harm = "import os\nharm = len(sys.argv) > 1 and os.path.exists('out/y.json')\n"
    text = judge.read_text().replace("target =", f"{harm}target =")
    judge.write_text(text.replace("abs(x", "harm + abs(x"))
    author = ["-c", "user.name=t", "-c", "user.email=t@t"]
    subprocess.run(["git", *author, "commit", "-qam", "t"], cwd=toy, check=True)

    async def spent(search):
        raise BudgetReached("the budget is spent")

    harmful = ('json.dump({"x"', 'json.dump(1, open("out/y.json", "w"))\njson.dump({"x"')
    with monkeypatch.context() as patched:
        patched.setattr("metaloop.bilevel.prune", spent)
        status, patch = go(toy, tmp_path / "p", EARNS, harmful)
    assert "y.json" in patch
    assert status.holdout["best"] == 2.0
    project, model = Project(tmp_path / "p"), ScriptedModel([], small=False)
    status = resume(status.run, project=project, models={"inner": model})
    assert status.holdout["best"] == 1.0


def test_what_makes_the_gain_hold_on_the_holdout_stays(toy, tmp_path):
    """It earns nothing on the data of the search."""
    judge = toy / "judge.py"
    better = "import os\nworse = len(sys.argv) > 1 and not os.path.exists('out/y.json')\n"
    text = judge.read_text().replace("target =", f"{better}target =")
    judge.write_text(text.replace("abs(x", "worse + abs(x"))
    commit(toy)
    helps = ('json.dump({"x"', 'json.dump(1, open("out/y.json", "w"))\njson.dump({"x"')
    status, patch = go(toy, tmp_path / "p", EARNS, helps)
    assert "return X - 6.0" in patch and "y.json" in patch
    assert (status.holdout["best"], status.guards["runs"]) == (1.0, 2)
    project, model = Project(tmp_path / "p"), ScriptedModel([], small=False)
    again = resume(status.run, project=project, models={"inner": model})
    assert again.guards["runs"] == 2, "what was found stands in the journal"
    shown = subprocess.check_output(["git", "show", f"{status.branch}:train.py"], cwd=toy)
    assert b"y.json" in shown


def test_what_makes_the_gain_hold_under_a_perturbation_stays(toy, tmp_path):
    with (toy / "metaloop.toml").open("a") as spec:
        spec.write('[[perturbation]]\nname = "other"\ncommand = ["python", "train.py", "other"]\n')
    commit(toy)
    breaks = ("return X\n", "import sys\n    return X - 6.0 + 9 * len(sys.argv[1:])\n")
    mends = ('json.dump({"x"', 'import sys\ndel sys.argv[1:]\njson.dump({"x"')
    status, patch = go(toy, tmp_path / "p", breaks, mends)
    assert "return X - 6.0" in patch and "del sys.argv[1:]" in patch
    assert status.guards["runs"] <= 1 + 3


def test_what_an_older_version_measured_on_the_holdout_stands(toy, tmp_path):
    """It did not record of which program."""
    status, _ = go(toy, tmp_path / "p", EARNS)
    project, old = Project(tmp_path / "p"), {"trial": 1, "baseline": 70.0, "best": 10.0}
    with project.journal() as journal:
        journal.add_event(status.run, 1, "holdout", **old)
    model = ScriptedModel([], small=False)
    assert resume(status.run, project=project, models={"inner": model}).holdout == old
