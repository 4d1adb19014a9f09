"""A cell of a study sees what a run sees, and leaves next to nothing."""

import subprocess

import pytest
from toy import commit, write_toy

import metaloop
from metaloop import bilevel
from metaloop.project import Project
from metaloop.study.cells import CellStopped, run_cell
from metaloop.study.design import load_design
from metaloop.study.store import Store
from metaloop.task.winner import winning_patch

DESIGN = """
name = "small"
arms = ["random", "tpe", "cma-es"]
seeds = [1]
trials = 3
[[task]]
path = "{path}"
matters = 0.5
"""
SEES = """import os, sys
sys.path.append("../lib")
import shared
assert not os.path.exists(".env")
"""


def git(cwd, *args):
    return subprocess.check_output(["git", *args], cwd=cwd, text=True).strip()


@pytest.fixture
def mono(tmp_path):
    """A repository, whose task takes a file from beside it, and the design of a study of that."""
    top = tmp_path / "mono"
    task = write_toy(top / "bench")
    (task / "train.py").write_text(SEES + (task / "train.py").read_text())
    (top / "lib").mkdir()
    (top / "lib" / "shared.py").write_text("")
    (top / ".gitignore").write_text(".env\n")
    (top / "small.toml").write_text(DESIGN.format(path="bench"))
    commit(top)
    (task / ".env").write_text("KEY=1")
    return top


def files_of(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


def runs(project):
    with project.journal() as journal:
        return journal.runs()


def test_a_cell_sees_what_a_run_sees_and_leaves_its_patch_alone(mono):
    project, design = Project(mono), load_design(mono / "small.toml")
    before = git(mono, "for-each-ref"), git(mono, "worktree", "list")
    result, _ = run_cell(design, design.cells()[0], project)
    assert result.baseline == metaloop.run(mono / "bench", project=project, trials=1).baseline == 6
    git(mono, "branch", "-D", "metaloop/toy-2")
    assert (git(mono, "for-each-ref"), git(mono, "worktree", "list")) == before
    folder, config = project.folder("toy-1"), runs(project)[0].config
    assert files_of(folder) == {"lock", "winner.patch"}
    assert result.gain > 0 and b"b/bench/train.py" in winning_patch(folder, config)


def test_a_cell_without_git_leaves_no_copy(tmp_path):
    write_toy(tmp_path / "toy")
    (tmp_path / "small.toml").write_text(DESIGN.format(path="toy"))
    project, design = Project(tmp_path), load_design(tmp_path / "small.toml")
    run_cell(design, design.cells()[0], project)
    assert files_of(project.folder("toy-1")) == {"lock", "winner.patch"}


def test_a_cell_takes_the_task_as_it_lies_there(mono):
    train = mono / "bench" / "train.py"
    train.write_text(train.read_text().replace("9.0", "8.0"))
    design = load_design(mono / "small.toml")
    assert run_cell(design, design.cells()[0], Project(mono))[0].baseline == 5
    assert git(mono, "status", "--porcelain") == "M bench/train.py"


def test_cells_share_measurements_until_a_file_beside_the_task_is_another(mono):
    lib = mono / "lib" / "shared.py"
    lib.write_text("import random\nLUCK = random.random()\n")
    train = mono / "bench" / "train.py"
    train.write_text(train.read_text().replace("value()}", "value() + shared.LUCK}"))
    commit(mono)
    design, project = load_design(mono / "small.toml"), Project(mono)
    first, second, third = design.cells()
    run_cell(design, first, project)
    run_cell(design, second, project)
    lib.write_text(lib.read_text() + "LUCK += 1\n")
    commit(mono)
    run_cell(design, third, project)
    with project.journal() as journal:
        scores = [journal.details(run.id, 0).scores for run in journal.runs()]
    # The first measurement is each run's own.
    assert scores[0][1:] == scores[1][1:] and len(scores[0]) > 1
    assert min(scores[2]) > max(scores[0])


@pytest.mark.parametrize("versioned", [True, False])
def test_what_a_cell_measures_does_not_depend_on_those_done(tmp_path, versioned):
    """Where they are stored within the task, as beside a design at the top of a repository."""
    top = write_toy(tmp_path / "toy")
    train = top / "train.py"
    train.write_text(
        "import os, random\nassert not os.path.exists('cells')\n"
        + train.read_text().replace("return X", "return X + random.random()")
    )
    (top / "small.toml").write_text(DESIGN.format(path="."))
    if versioned:
        commit(top)
    design, project = load_design(top / "small.toml"), Project(top)
    first, second, third = design.cells()
    Store(design).write(*run_cell(design, first, project))
    run_cell(design, second, project)
    if versioned:
        commit(top)  # that cell as well
    run_cell(design, third, project)
    with project.journal() as journal:
        scores = [journal.details(run.id, 0).scores for run in journal.runs()]
    assert scores[0][1:] == scores[1][1:] == scores[2][1:] and len(scores[0]) > 1


def test_a_cell_that_was_interrupted_goes_on_after_the_user_swept(mono, monkeypatch):
    """Its base is on no branch of the user's."""
    train = mono / "bench" / "train.py"
    train.write_text(train.read_text().replace("9.0", "8.0"))
    design, project = load_design(mono / "small.toml"), Project(mono)
    cell = design.cells()[0]

    async def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(CellStopped):
        patched.setattr(bilevel, "inner_loop", interrupt)
        run_cell(design, cell, project)
    assert git(mono, "branch", "--list", "metaloop/*") == ""
    git(mono, "gc", "--quiet", "--prune=now")
    result, _ = run_cell(design, cell, project)
    assert (result.baseline, len(result.curve)) == (5, 4)
    assert "refs/metaloop" not in git(mono, "for-each-ref")
    assert len(runs(project)) == 1


def test_a_cell_that_was_killed_before_it_was_stored_is_read_again(mono):
    design, project = load_design(mono / "small.toml"), Project(mono)
    cell = design.cells()[0]
    first, _ = run_cell(design, cell, project)
    assert run_cell(design, cell, project)[0] == first
    assert len(runs(project)) == 1
