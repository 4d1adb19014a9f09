"""Where the runs of a directory are kept."""

import subprocess
from pathlib import Path

import pytest

from metaloop.project import FOLDER, Project


@pytest.fixture
def home(tmp_path):
    """A directory in which somebody once ran something, above a repository and a plain folder."""
    for name in ("repo/sub/deep", "plain/deep"):
        (tmp_path / name).mkdir(parents=True)
    subprocess.run(["git", "init", "-q", tmp_path / "repo"], check=True)
    runs(tmp_path)
    return tmp_path


def runs(directory):
    (directory / FOLDER).mkdir()
    (directory / FOLDER / "journal.db").touch()


def test_the_journal_may_be_elsewhere(home, monkeypatch):
    monkeypatch.setenv("METALOOP_JOURNAL", f"sqlite:///{home}/elsewhere.db")
    with Project.around(home / "repo").journal() as journal:
        assert journal.runs() == []
    assert (home / "elsewhere.db").exists()
    assert not (home / "repo" / FOLDER / "journal.db").exists()


def test_a_repository_is_a_project_whatever_lies_above_it(home):
    assert Project.around(home / "repo" / "sub" / "deep").root == home / "repo"


def test_a_directory_of_a_repository_may_have_its_own(home):
    runs(home / "repo" / "sub")
    assert Project.around(home / "repo" / "sub" / "deep").root == home / "repo" / "sub"
    assert Project.around(home / "repo").root == home / "repo"


def test_without_git_the_nearest_that_has_runs_counts(home):
    assert Project.around(home / "plain" / "deep").root == home
    runs(home / "plain")
    assert Project.around(home / "plain" / "deep").root == home / "plain"


def test_a_relative_directory_stays_where_it_was(home, monkeypatch):
    """Git is run in other directories, and a gain is committed there."""
    monkeypatch.chdir(home)
    project = Project(Path("plain"))
    monkeypatch.chdir("/")
    assert project.folder("toy-1") == home / "plain" / FOLDER / "runs" / "toy-1"
