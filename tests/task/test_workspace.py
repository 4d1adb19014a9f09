"""Git around a run: the user's checkout is never touched, whatever a trial leaves is undone."""

import mmap
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from toy import commit, write_toy

from metaloop.execution import view
from metaloop.suitability.quick import quick_warnings
from metaloop.suitability.repository import Repository
from metaloop.task import git as git_module
from metaloop.task.patch import Edit, build
from metaloop.task.spec import TaskError, load_task
from metaloop.task.winner import winning_patch
from metaloop.task.workspace import Workspace


def git(cwd, *args):
    return subprocess.run(
        ["git", *args], cwd=cwd, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_a_kept_candidate_is_a_commit_and_the_checkout_stays(toy, tmp_path):
    task = load_task(toy)
    before = (
        git(toy, "status", "--porcelain"),
        git(toy, "rev-parse", "HEAD"),
        git(toy, "branch", "--show-current"),
    )
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    files = build(task, task.sources(), {"X": 3.0}, [])
    first = workspace.commit(files, "trial 1", workspace.base)
    assert git(toy, "rev-parse", "metaloop/toy-1") == first
    assert git(toy, "show", "metaloop/toy-1:train.py") == files["train.py"].strip()
    assert git(toy, "diff", "--name-only", workspace.base, first) == "train.py"
    workspace.close()
    after = (
        git(toy, "status", "--porcelain"),
        git(toy, "rev-parse", "HEAD"),
        git(toy, "branch", "--show-current"),
    )
    assert before == after


def test_reset_undoes_whatever_a_trial_left(toy, tmp_path):
    task = load_task(toy)
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    slot = workspace.slot("slot0")
    secret = tmp_path / "secret"
    secret.write_text("safe")
    (slot.root / "train.py").unlink()
    (slot.root / "train.py").symlink_to(secret)
    (slot.root / "judge.py").write_text("print('loss: 0')")
    (slot.root / "prepare.py").unlink()
    (slot.root / "cache").mkdir()
    (slot.root / "cache" / "x").write_text("x")
    (slot.root / "cache").chmod(0)
    (slot.root / ".git").unlink()
    (slot.root / ".git").mkdir()
    (slot.root / ".git" / "config").write_text("[core]\nfsmonitor = touch /tmp/owned\n")
    workspace.reset(slot, build(task, task.sources(), {"X": 3.0}, []))
    assert secret.read_text() == "safe"
    assert "X = 3.0" in (slot.root / "train.py").read_text()
    assert (slot.root / "judge.py").read_text() == (toy / "judge.py").read_text()
    assert (slot.root / "prepare.py").exists()
    assert not (slot.root / "cache").exists()


def test_reset_undoes_what_looks_unchanged_or_resists(toy, tmp_path):
    task = load_task(toy)
    slot = (workspace := Workspace.create(task, tmp_path / "run", "toy-1", False)).slot("slot0")
    before = (slot.root / "prepare.py").stat(), (slot.root / "judge.py").stat()
    judge = (slot.root / "judge.py").read_bytes()
    (slot.root / "judge.py").write_bytes(judge[::-1])  # same size, and the times put back
    os.utime(slot.root / "judge.py", ns=(before[1].st_atime_ns, before[1].st_mtime_ns))
    (slot.root / "prepare.py").chmod(0o777)
    os.mkfifo(slot.root / "fifo")
    (slot.root / "out").symlink_to(tmp_path)
    (slot.root / "deep").mkdir()
    at = os.open(slot.root / "deep", os.O_RDONLY)
    for _ in range(3000):
        os.mkdir("d" * 50, dir_fd=at)
        at, above = os.open("d" * 50, os.O_RDONLY, dir_fd=at), at
        os.close(above)
    os.close(at)
    slot.root.chmod(0o700)
    workspace.reset(slot, task.sources())
    assert (slot.root / "judge.py").read_bytes() == judge
    assert (slot.root / "prepare.py").stat().st_mode == before[0].st_mode
    assert {p.name for p in slot.root.iterdir()} == {p.name for p in toy.iterdir()}
    assert slot.root.stat().st_mode == workspace.pristine.root.stat().st_mode
    assert tmp_path.exists()
    (slot.root / "train.py").unlink()
    (slot.root / "train.py").mkdir()
    untouched = (slot.root / "judge.py").stat().st_ino
    workspace.reset(slot, task.sources())
    assert (slot.root / "train.py").read_text() == task.sources()["train.py"]
    assert (slot.root / "judge.py").stat().st_ino == untouched


@pytest.mark.parametrize("memory", [False, True])
def test_reset_undoes_what_was_written_through_a_mapping(toy, tmp_path, memory):
    """In memory (tmpfs) no time of the file tells of it."""
    shm = Path("/dev/shm")
    if memory and not shm.is_dir():
        pytest.skip("no file system in memory")
    task = load_task(toy)
    with tempfile.TemporaryDirectory(dir=shm if memory else tmp_path) as folder:
        workspace = Workspace.create(task, Path(folder), "toy-1", False)
        slot = workspace.slot("slot0")
        workspace.reset(slot, task.sources())
        with (
            (slot.root / "judge.py").open("r+b") as file,
            mmap.mmap(file.fileno(), 0) as mapped,
        ):
            assert mapped[0]
            mapped[0:1] = b"\0"
        workspace.reset(slot, task.sources())
        assert (slot.root / "judge.py").read_bytes() == (toy / "judge.py").read_bytes()


def test_a_directorys_times_carry_nothing_to_the_next_trial(tmp_path):
    repo = tmp_path / "repo"
    task = load_task(write_toy(repo / "bench"))
    commit(repo)
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    slot = workspace.slot("slot0")
    for place in (slot.root, slot.task_dir):
        os.utime(place, ns=(42, 42))
    workspace.reset(slot, task.sources())
    for place in (slot.root, slot.task_dir):
        assert 42 not in (place.stat().st_atime_ns, place.stat().st_mtime_ns)


def test_the_project_and_the_run_are_kept_from_all_jobs(tmp_path, monkeypatch):
    """The repository, and the journal that the run's folder lies beside."""
    monkeypatch.setattr(view, "_projects", set())
    repo, project = tmp_path / "repo", tmp_path / "project"
    task = load_task(write_toy(repo / "bench"))
    commit(repo)
    Workspace.create(task, project / ".metaloop" / "runs" / "toy-1", "toy-1", False)
    assert {str(repo), str(project)} <= view._projects


def test_an_editable_program_can_still_be_executed(toy, tmp_path):
    spec = toy / "metaloop.toml"
    spec.write_text(spec.read_text().replace('["train.py"]', '["train.py", "run.sh"]', 1))
    (toy / "run.sh").write_text("#!/bin/sh\npython train.py\n")
    (toy / "run.sh").chmod(0o755)
    task = load_task(commit(toy))
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    slot = workspace.slot("slot0")
    workspace.reset(slot, task.sources())
    assert os.access(slot.root / "run.sh", os.X_OK)
    assert not (slot.root / "train.py").stat().st_mode & 0o111


@pytest.mark.parametrize("versioned", [True, False])
def test_what_is_hidden_of_the_repository_is_hidden_where_that_is(tmp_path, versioned):
    """The same name in the task is another file; without git the task is all there is."""
    repo = tmp_path / "repo"
    spec = write_toy(repo / "bench") / "metaloop.toml"
    own = "bench/key" if versioned else "key"
    hide = f'hide = ["{{repository}}/data", "{{repository}}/{own}", "/etc"]'
    spec.write_text(spec.read_text().replace("[judge]", f"{hide}\n[judge]"))
    for name in ("data", "bench/data", "bench/key"):
        (repo / name).write_text("")
    if versioned:
        commit(repo)
    hidden = Workspace.detached(load_task(repo / "bench"), tmp_path / "run").hidden
    below = "bench/" if versioned else ""
    assert hidden == (f"{below}judge.py", f"{below}secret.txt", "data", f"{below}key", "/etc")


def test_of_a_task_that_git_ignores_nothing_beside_it_is_hidden(toy, tmp_path):
    """Its copy has no such files."""
    spec = write_toy(toy / "mine") / "metaloop.toml"
    hide = 'hide = ["{repository}/judge.py", "{repository}/mine/secret.txt"]'
    spec.write_text(spec.read_text().replace("[judge]", f"{hide}\n[judge]"))
    (toy / ".gitignore").write_text("mine/\n")
    hidden = Workspace.detached(load_task(spec.parent), tmp_path / "run").hidden
    assert hidden == ("judge.py", "secret.txt", "secret.txt")


@pytest.mark.parametrize("entry", ["test", "tests/", "toy/x", "/tests", "."])
def test_what_is_hidden_of_the_repository_has_to_be_there(tmp_path, entry):
    repo = tmp_path / "repo"
    spec = write_toy(repo / "toy") / "metaloop.toml"
    hide = f'hide = ["{{repository}}/{entry}"]'
    spec.write_text(spec.read_text().replace("[judge]", f"{hide}\n[judge]"))
    (repo / "tests").mkdir()
    (repo / "tests" / "answer.txt").write_text("3")
    task = load_task(commit(repo) / "toy")
    if entry == "tests/":
        assert Workspace.create(task, tmp_path / "run", "toy-1", False).hidden[-1] == "tests"
        return
    with pytest.raises(TaskError, match=r"metaloop\.toml: \[run\] hide: .* is not in the commit"):
        Workspace.create(task, tmp_path / "run", "toy-1", False)
    assert not git(repo, "branch", "--list", "metaloop/*")


def test_a_filter_of_the_users_may_be_a_file_of_the_repository(toy, tmp_path):
    (toy / "tools").mkdir()
    (toy / "tools" / "clean.sh").write_text("#!/bin/sh\nsed '/^# mine/d'\n")
    (toy / "tools" / "clean.sh").chmod(0o755)
    (toy / ".gitattributes").write_text("*.py filter=strip\n")
    for key, value in {"clean": "./tools/clean.sh", "smudge": "cat", "required": "true"}.items():
        git(toy, "config", f"filter.strip.{key}", value)
    task = load_task(commit(toy))
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    first = build(task, task.sources(), {"X": 3.0}, [Edit("train.py", "N = 1", "# mine\nN = 1")])
    second = build(task, first, {"X": 2.0}, [])
    done = workspace.commit(first, "trial 1", workspace.base)
    assert git(toy, "diff", "--numstat", workspace.base, done) == "1\t1\ttrain.py"
    again = workspace.commit(second, "trial 2", done)
    assert git(toy, "diff", "--numstat", done, again) == "1\t1\ttrain.py"
    assert git(toy, "show", f"{again}:train.py") == task.sources()["train.py"].strip().replace(
        "X = 9.0", "X = 2.0"
    )


@pytest.mark.parametrize(
    ("attributes", "stored"), [("", "\r\n"), ("* text=auto\n", "\r\n"), ("*.py eol=crlf\n", "\n")]
)
def test_a_commit_changes_what_the_patch_does_and_nothing_else(toy, tmp_path, attributes, stored):
    """No line ends, whatever is the user's way with them, and no mode."""
    text = (toy / "train.py").read_text()
    (toy / "train.py").write_bytes(text.replace("\n", stored).encode())
    (toy / "train.py").chmod(0o755)
    commit(toy)
    (toy / ".gitattributes").write_text(attributes)
    task = load_task(commit(toy))
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    tried = (workspace.pristine.task_dir / "train.py").read_bytes().decode()
    assert "X = 9.0\r\n" in tried
    files = build(task, {"train.py": tried}, {"X": 3.0}, [])
    done = workspace.commit(files, "trial 1", workspace.base)
    assert git(toy, "diff", "--numstat", workspace.base, done) == "1\t1\ttrain.py"
    assert git(toy, "ls-tree", done, "train.py").startswith("100755 ")
    kept = subprocess.check_output(["git", "show", f"{done}:train.py"], cwd=toy)
    assert kept == files["train.py"].replace("\r\n", stored).encode()


def test_the_branch_moves_over_commits_of_the_run_alone(toy, tmp_path):
    git(toy, "config", "committer.email", "t@t")
    task = load_task(toy)
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    branch, base = workspace.branch, workspace.base
    unrecorded = workspace.commit(build(task, task.sources(), {"X": 3.0}, []), "trial 1", base)
    workspace.check_branch()  # as after a kill before it was on record
    workspace.point_branch(base)
    git(toy, "branch", "-D", branch)
    workspace.check_branch()
    workspace.point_branch(unrecorded)
    git(toy, "checkout", "-q", branch)
    with pytest.raises(TaskError, match=rf"{branch}, which .* is checked out .*`git switch -`"):
        workspace.check_branch()
    git(toy, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--amend", "-m", "mine")
    mine = git(toy, "rev-parse", "HEAD")
    for moves in (workspace.check_branch, lambda: workspace.point_branch(base)):
        with pytest.raises(TaskError, match=f"branch -m {branch} mine"):
            moves()
    assert git(toy, "rev-parse", branch) == mine
    git(toy, "branch", "-m", branch, "mine")
    workspace.check_branch()
    workspace.point_branch(unrecorded)
    assert (git(toy, "rev-parse", branch), git(toy, "rev-parse", "mine")) == (unrecorded, mine)
    assert git(toy, "status", "--porcelain") == ""


def test_a_branch_that_is_checked_out_is_moved_later(toy, tmp_path):
    """What the user looks at never turns into changes, and the last gain is not lost."""
    task, folder = load_task(toy), tmp_path / "run"
    workspace = Workspace.create(task, folder, "toy-1", False)
    config = {"base": workspace.base, "branch": workspace.branch, "repo": str(toy)}

    def gain(x, parent):
        return workspace.commit(build(task, task.sources(), {"X": x}, []), "trial", parent)

    first = gain(5.0, workspace.base)
    git(toy, "checkout", "-q", workspace.branch)
    second = gain(4.0, first)
    assert (git(toy, "rev-parse", "HEAD"), git(toy, "status", "--porcelain")) == (first, "")
    assert b"+X = 4.0" in winning_patch(folder, config)
    git(toy, "checkout", "-q", "--detach")
    third = gain(3.0, second)
    assert git(toy, "rev-parse", workspace.branch) == third
    git(toy, "checkout", "-q", workspace.branch)
    last = gain(2.0, third)
    git(toy, "checkout", "-q", "--detach")
    workspace.close()
    assert git(toy, "rev-parse", workspace.branch, f"{last}~3") == f"{last}\n{first}"
    assert b"+X = 2.0" in winning_patch(folder, config)


def test_a_lock_that_a_kill_left_ends_no_run(toy, tmp_path):
    task, folder = load_task(toy), tmp_path / "run"
    workspace = Workspace.create(task, folder, "toy-1", False)
    (folder / "index.lock").write_text("")
    done = workspace.commit(build(task, task.sources(), {"X": 3.0}, []), "trial", workspace.base)
    assert git(toy, "rev-parse", workspace.branch) == done


def test_a_branch_that_does_not_begin_with_the_run_is_not_moved(toy, tmp_path):
    author = ("-c", "user.name=t", "-c", "user.email=t@t")
    git(toy, *author, "commit", "-q", "--allow-empty", "-m", "more")
    workspace = Workspace.create(load_task(toy), tmp_path / "run", "toy-1", False)
    git(toy, "branch", "-f", workspace.branch, "HEAD~1")
    with pytest.raises(TaskError, match="did not make"):
        workspace.check_branch()


def test_dirty_files_are_refused_or_taken_along(toy, tmp_path):
    (toy / "train.py").write_text((toy / "train.py").read_text().replace("9.0", "8.0"))
    task = load_task(toy)
    with pytest.raises(TaskError, match="--include-uncommitted"):
        Workspace.create(task, tmp_path / "run", "toy-1", False)
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", True)
    assert "X = 8.0" in (workspace.slot("slot0").root / "train.py").read_text()
    assert git(toy, "status", "--porcelain") == "M train.py"


def test_files_that_git_does_not_know_are_in_nobodys_way(toy, tmp_path):
    """Say the log that the shell has just made for this very run."""
    (toy / "log").write_text("")
    task = load_task(toy)
    assert quick_warnings(task)[-1].endswith("with --include-uncommitted alone: log")
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    assert not (workspace.slot("slot0").root / "log").exists()


def test_what_judges_has_to_be_committed(toy, tmp_path):
    """Of these files none may be missing when the night is over."""
    spec = toy / "metaloop.toml"
    spec.write_text(spec.read_text().replace('"secret.txt"]', '"secret.txt", "final.txt"]'))
    commit(toy)
    (toy / "final.txt").write_text("4")
    with pytest.raises(TaskError, match=r"uncommitted changes:\n\?\? final.txt"):
        Workspace.create(load_task(toy), tmp_path / "run", "toy-1", False)


def test_editable_files_are_not_called_missing_from_trials(toy):
    (toy / "train.py").rename(toy / "träin 1.py")
    spec = (toy / "metaloop.toml").read_text().replace("train.py", "träin 1.py")
    (toy / "metaloop.toml").write_text(spec)
    (toy / "log").write_text("")
    task = load_task(toy)
    told = [line for line in quick_warnings(task) if "not in the commit" in line]
    assert told[0].endswith("alone: log")
    assert not any("not in the commit" in line for line in quick_warnings(task, True))


@pytest.mark.parametrize("ignored", [True, False])
@pytest.mark.parametrize("start", [lambda *a: Workspace.create(*a, False), Workspace.unlisted])
def test_gains_of_an_editable_file_that_is_in_no_commit_can_be_applied(
    toy, tmp_path, ignored, start
):
    git(toy, "rm", "-q", "--cached", "train.py")
    (toy / ".gitignore").write_text("train.py\n" if ignored else "")
    git(toy, "add", ".gitignore")
    git(toy, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "less")
    task, folder = load_task(toy), tmp_path / "run"
    assert not any("not in the commit" in line for line in quick_warnings(task))
    workspace = start(task, folder, "toy-1")
    workspace.commit(build(task, task.sources(), {"X": 3.0}, []), "trial", workspace.base)
    config = {"base": workspace.base, "branch": workspace.branch, "repo": str(toy)}
    git_module.git(toy, "apply", stdin=winning_patch(folder, config))
    assert "X = 3.0" in (toy / "train.py").read_text()


@pytest.mark.parametrize(
    ("way", "attributes"), [("input", ""), ("false", "* text=auto\n"), ("true", "")]
)
def test_a_copy_has_the_line_ends_of_the_files(tmp_path, monkeypatch, way, attributes):
    """Whatever the user has told git: a patch of others does not apply."""
    (tmp_path / ".gitconfig").write_text(f"[core]\nautocrlf = {way}\n")
    monkeypatch.setitem(git_module._ENV, "HOME", str(tmp_path))
    toy, folder = write_toy(tmp_path / "plain"), tmp_path / "run"
    if attributes:
        (toy / ".gitattributes").write_text(attributes)
    text = (toy / "train.py").read_text().replace("\n", "\r\n")
    (toy / "train.py").write_bytes(text.encode())
    task = load_task(toy)
    workspace = Workspace.create(task, folder, "toy-1", False)
    assert (workspace.slot("slot0").root / "train.py").read_bytes() == text.encode()
    workspace.commit(build(task, task.sources(), {"X": 3.0}, []), "trial", workspace.base)
    config = {"base": workspace.base, "branch": workspace.branch, "repo": str(workspace.repo)}
    git_module.git(toy, "apply", stdin=winning_patch(folder, config))
    assert (toy / "train.py").read_bytes() == text.replace("X = 9.0", "X = 3.0").encode()


def test_what_a_run_would_see_can_be_had_without_a_branch(tmp_path):
    task = load_task(write_toy(tmp_path / "mono" / "svc"))
    top = task.directory.parent
    (top / "lib.py").write_text("")
    (top / ".gitignore").write_text("data.bin\n")
    commit(top)
    (task.directory / "data.bin").write_text("large")
    (task.directory / "new.py").write_text("")
    for uncommitted in (True, False):
        workspace = Workspace.detached(task, tmp_path / f"run{uncommitted}", uncommitted)
        found = workspace.slot("slot0").task_dir
        assert (found.parent / "lib.py").exists() and not (found / "data.bin").exists()
        assert (found / "new.py").exists() == uncommitted
        workspace.close()
    assert len(git(top, "for-each-ref").splitlines()) == 1
    assert len(git(top, "worktree", "list").splitlines()) == 1
    assert git(top, "status", "--porcelain") == "?? svc/new.py"


def test_a_task_under_no_version_control_gets_a_repository_of_its_own(tmp_path):
    directory = write_toy(tmp_path / "plain")
    workspace = Workspace.create(load_task(directory), tmp_path / "run", "toy-1", False)
    assert (workspace.slot("slot0").task_dir / "train.py").exists()
    assert not (directory / ".git").exists()


def test_without_git_a_trial_lacks_what_a_gitignore_names_too(tmp_path):
    """Unless the task names it."""
    directory = write_toy(tmp_path / "plain")
    (directory / ".gitignore").write_text(".env\nsecret.txt\n")
    (directory / ".env").write_text("KEY=1")
    workspace = Workspace.create(load_task(directory), tmp_path / "run", "toy-1", False)
    found = workspace.slot("slot0").task_dir
    assert (found / "secret.txt").exists() and not (found / ".env").exists()


def test_what_git_cannot_hold_is_in_no_copy(tmp_path):
    directory = write_toy(tmp_path / "plain")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(directory / "socket"))
    os.mkfifo(directory / "pipe")
    (directory / "link").symlink_to("nowhere")
    workspace = Workspace.create(load_task(directory), tmp_path / "run", "toy-1", False)
    found = {path.name for path in workspace.slot("slot0").task_dir.iterdir()}
    assert found - {".git"} == {path.name for path in directory.iterdir()} - {"socket", "pipe"}


@pytest.mark.parametrize("place", ["deep/toy", ".bench/toy"])
def test_a_task_below_the_top_of_a_repository(tmp_path, place):
    mono = tmp_path / "mono"
    write_toy(mono / place)
    commit(mono)
    task = load_task(mono / place)
    workspace = Workspace.create(task, tmp_path / "run", "toy-1", False)
    slot = workspace.slot("slot0")
    assert slot.task_dir == slot.root / place
    assert (slot.task_dir / "train.py").exists()
    done = workspace.commit(build(task, task.sources(), {"X": 1.0}, []), "trial 1", workspace.base)
    assert git(mono, "diff", "--name-only", workspace.base, done) == f"{place}/train.py"


def test_worktrees_of_the_users_that_are_not_there_right_now_are_kept(toy, tmp_path):
    """Say on a disk that is not mounted: what is staged in them is nowhere else."""
    there, away = tmp_path / "theirs", tmp_path / "unmounted"
    git(toy, "worktree", "add", "-q", str(there))
    (there / "new.py").write_text("x = 1\n")
    git(there, "add", "new.py")
    there.rename(away)
    task, folder = load_task(toy), tmp_path / "run"
    killed = Workspace.create(task, folder, "toy-1", False)
    killed.slot("slot0")
    shutil.rmtree(folder / "work")
    again = Workspace(task, folder, toy, "", killed.branch, killed.base)
    assert (again.slot("slot0").root / "train.py").exists()
    again.close()
    again.close()
    away.rename(there)
    assert git(there, "status", "--porcelain") == "A  new.py"
    assert len(git(toy, "worktree", "list").splitlines()) == 2


def test_a_user_who_signs_commits_is_not_asked_to_sign_ours(tmp_path, monkeypatch):
    (tmp_path / ".gitconfig").write_text("[commit]\ngpgSign = true\n[gpg]\nprogram = false\n")
    monkeypatch.setitem(git_module._ENV, "HOME", str(tmp_path))
    task = load_task(write_toy(tmp_path / "plain"))
    assert Workspace.detached(task, tmp_path / "run").base


@pytest.mark.parametrize(
    ("place", "words"), [("bare", "must be run in a work tree"), ("other", "safe.directory")]
)
def test_what_git_refuses_is_told_in_its_own_words(tmp_path, monkeypatch, place, words):
    task = load_task(write_toy(tmp_path / place))
    git(tmp_path, "init", "-q", *(["--bare"] if place == "bare" else []), place)
    if place == "other":
        monkeypatch.setitem(git_module._ENV, "GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(TaskError, match=words):
        Workspace.create(task, tmp_path / "run", "toy-1", False)
    with pytest.raises(TaskError, match=words):
        Repository.around(task.directory)
