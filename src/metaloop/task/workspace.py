"""Git around a run: a branch for what is kept, copies of a worktree for what is tried.

The user's checkout and index are never touched: commits are made with plumbing commands and an
index of our own, trials run in copies below the run's folder. Git never reads the `.git` file
or any configuration of a directory in which a candidate ran, and runs no hooks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from metaloop.execution.view import keep_private
from metaloop.task.mirror import Mirror, remove
from metaloop.task.patch import Files
from metaloop.task.spec import FILE, REPOSITORY, Task, TaskError

# A caller's own git variables (as set within a hook) must not redirect ours, nor may a caller's
# language change the words that are looked for.
_ENV = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {"LC_ALL": "C"}
_EMAIL = "metaloop@localhost"
_IDENTITY = (
    *("-c", "user.name=metaloop", "-c", f"user.email={_EMAIL}"),
    *("-c", f"committer.email={_EMAIL}"),  # else a user's own goes before
)
_SAFE = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0"),
    *("-c", "commit.gpgSign=false"),  # there may be no key, or nobody to unlock it
)


def git(cwd: Path, *args: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> str:
    """Run git and return its output, stripped; raises TaskError with git's own words."""
    return git_bytes(cwd, *args, env=env, stdin=stdin).decode(errors="surrogateescape").strip("\n")


def git_bytes(
    cwd: Path, *args: str, env: dict[str, str] | None = None, stdin: bytes = b""
) -> bytes:
    """Run git and return its output to the byte; raises TaskError with git's own words."""
    done = subprocess.run(
        ["git", *_SAFE, *_IDENTITY, *args],
        cwd=cwd, env={**_ENV, **(env or {})}, input=stdin, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise TaskError(f"git {' '.join(args[:3])}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def answers(cwd: Path, *args: str) -> bool:
    """Whether git says yes, by exit code."""
    try:
        git(cwd, *args)
    except TaskError:
        return False
    return True


def repository_of(directory: Path) -> tuple[Path | None, str]:
    """The top of the git repository around `directory`, if there is one, and why a run cannot use
    it: "" where that tracks `directory`. Raises TaskError as `top_of` does."""
    top = top_of(directory)
    if top is None:
        return None, "no git repository"
    if not answers(directory, "rev-parse", "--verify", "HEAD"):
        return top, "a git repository without a commit"
    if answers(directory, "check-ignore", "--quiet", "--no-index", "."):
        return top, "git ignores the task's directory"
    return top, ""


def top_of(directory: Path) -> Path | None:
    """The top of the git repository around `directory`, if there is one; raises TaskError with
    git's own words when git refuses it."""
    try:
        return Path(git(directory, "rev-parse", "--show-toplevel"))
    except TaskError as error:
        if "not a git repository" in str(error):
            return None
        raise


def below(prefix: str, name: str) -> str:
    """A path of a task, `name`, as one of its repository, in which the task is at `prefix`."""
    return f"{prefix}/{name}" if prefix else name


def prefix_of(directory: Path, top: Path) -> str:
    """A task's directory relative to the top of its repository; empty when it is the top."""
    prefix = directory.relative_to(top).as_posix()
    return "" if prefix == "." else prefix


@dataclass(frozen=True)
class Slot:
    """A directory for trials: `root` as checked out, the task at `root/prefix`."""

    root: Path
    prefix: str

    @property
    def task_dir(self) -> Path:
        return self.root / self.prefix


class Workspace:
    """The repository of one run: its base commit, its branch, its worktrees.

    Raises TaskError where the task hides what is not there.
    """

    def __init__(self, task: Task, folder: Path, repo: Path, prefix: str, branch: str, base: str):
        self.task, self.folder, self.repo, self.prefix = task, folder, repo, prefix
        self.branch, self.base = branch, base
        self._mirrors: dict[Path, Mirror] = {}
        self._root = folder.resolve() / "work" / "pristine"
        keep_private(task.directory, _around(task.directory, ".git"))
        keep_private(folder, _around(folder.resolve(), ".metaloop"))
        self._check_hidden()

    @classmethod
    def create(cls, task: Task, folder: Path, run: str, include_uncommitted: bool) -> Workspace:
        """Start the branch `metaloop/<run>`; refuses a dirty task unless it is to be included."""
        folder.mkdir(parents=True, exist_ok=True)
        repo, why_not = repository_of(task.directory)
        if repo is None or why_not:
            repo, include_uncommitted = _own_repository(task, folder), False
            prefix = ""
        else:
            prefix = prefix_of(task.directory, repo)
            dirty = git(repo, "status", "--porcelain", "--", prefix or ".")
            if dirty and not include_uncommitted:
                raise TaskError(
                    f"{task.directory} has uncommitted changes:\n{dirty}\n"
                    "commit them, or take them along with --include-uncommitted"
                )
        base = git(repo, "rev-parse", "HEAD")
        if include_uncommitted:
            base = _commit_worktree(repo, folder, prefix, base)
        workspace = cls(task, folder, repo, prefix, f"metaloop/{run}", base)
        git(repo, "branch", workspace.branch, base)
        return workspace

    @classmethod
    def scratch(cls, task: Task, folder: Path) -> Workspace:
        """A workspace over a copy of the task as it lies there, for a run that leaves no branch
        with the user."""
        folder.mkdir(parents=True, exist_ok=True)
        repo = _own_repository(task, folder)
        base = git(repo, "rev-parse", "HEAD")
        git(repo, "branch", "--force", "metaloop/scratch", base)  # one may be left by a kill
        return cls(task, folder, repo, "", "metaloop/scratch", base)

    @classmethod
    def detached(cls, task: Task, folder: Path, include_uncommitted: bool = True) -> Workspace:
        """A workspace over what a run would see, that makes no branch; to be closed."""
        repo, why_not = repository_of(task.directory)
        if repo is None or why_not:
            return cls.scratch(task, folder)
        folder.mkdir(parents=True, exist_ok=True)
        prefix, base = prefix_of(task.directory, repo), git(repo, "rev-parse", "HEAD")
        if include_uncommitted:
            base = _commit_worktree(repo, folder, prefix, base)
        return cls(task, folder, repo, prefix, "", base)

    @cached_property
    def tree(self) -> str:
        """Git's hash of all files of the unchanged task: the same in every copy of it."""
        return git(self.repo, "rev-parse", f"{self.base}:{self.prefix}")

    @cached_property
    def other_tasks(self) -> tuple[str, ...]:
        """Directories of the repository, but none around or in this task's, that are tasks."""
        listed = git(self.repo, "ls-tree", "-r", "-z", "--full-tree", "--name-only", self.base)
        paths, own = map(PurePosixPath, listed.split("\0")), PurePosixPath(self.prefix)
        found = [path.parent for path in paths if path.name == FILE]
        apart = (d for d in found if not d.is_relative_to(own) and not own.is_relative_to(d))
        return tuple(map(str, apart))

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """What no program of the task may see, in the terms of a `Job`."""
        spec = self.task.spec
        # What judges other tasks of the repository may be what this one's program should find.
        found = [*self.other_tasks, *(below(self.prefix, name) for name in spec.judge_files)]
        for path in spec.run.hide:
            if path.startswith(("/", "{stdlib}")):
                found.append(path)
            elif path.startswith(REPOSITORY):
                found += self._in_worktrees(path)
            else:
                found.append(below(self.prefix, path))
        return tuple(found)

    def _check_hidden(self) -> None:
        """Refuse to hide what is not in the repository: it may be a slip of the pen."""
        for entry in self.task.spec.run.hide:
            if not entry.startswith(REPOSITORY):
                continue
            for place in self._in_worktrees(entry):
                if not answers(self.repo, "rev-parse", "--verify", f"{self.base}:{place}"):
                    raise TaskError(
                        f"{self.task.directory / FILE}: [run] hide: {entry!r} is not in the "
                        "commit that the run begins with, so that nothing is hidden; correct it, "
                        "or remove it"
                    )

    def _in_worktrees(self, entry: str) -> list[str]:
        """Where a path of the user's repository is in worktrees; nowhere if they are of a copy of
        the task alone and the path lies outside of that."""
        path = PurePosixPath(entry.removeprefix(REPOSITORY))
        if self.repo.resolve() != self.folder.resolve() / "repo":
            return [str(path)]
        directory = self.task.directory
        own = prefix_of(directory, top_of(directory) or directory)
        return [str(path.relative_to(own))] if path.is_relative_to(own) else []

    @cached_property
    def pristine(self) -> Slot:
        """A worktree at the base commit, in which nothing is ever changed."""
        remove(self._root)
        # By force, since git may still know the one that was removed, after a kill.
        git(self.repo, "worktree", "add", "--detach", "--force", str(self._root), self.base)
        return Slot(self._root, self.prefix)

    def slot(self, name: str) -> Slot:
        """A copy of the pristine worktree for trials to run in, made afresh."""
        root = self.folder / "work" / name
        remove(root)
        self._mirrors[root] = Mirror(self.pristine.root, root)
        self._mirrors[root].restore()
        return Slot(root, self.prefix)

    def reset(self, slot: Slot, files: Files) -> None:
        """Undo whatever a trial left in `slot` and put `files` in place."""
        self._mirrors[slot.root].restore(own={Path(slot.prefix, name) for name in files})
        self._put(slot, files)

    def _put(self, slot: Slot, files: Files) -> None:
        for name, text in files.items():
            place, pristine = slot.task_dir / name, self.pristine.task_dir / name
            place.unlink(missing_ok=True)
            place.write_bytes(text.encode())
            if pristine.exists():  # not if git ignores it
                shutil.copymode(pristine, place)

    @cached_property
    def _committed(self) -> Slot:
        """Where commits are made from, and no candidate ever runs: the whole worktree, by links,
        since a filter of the user's (`filter.NAME.clean`) may be one of its files."""
        root = self.folder.resolve() / "work" / "committed"
        remove(root)
        shutil.copytree(self.pristine.root, root, symlinks=True, copy_function=os.link)
        return Slot(root, self.prefix)

    def commit(self, files: Files, message: str, parent: str) -> str:
        """Commit `files` on top of `parent`, advance the run's branch, return the commit."""
        self._put(self._committed, files)
        worktree = str(self._committed.root)
        index = {"GIT_INDEX_FILE": str(self.folder / "index"), "GIT_WORK_TREE": worktree}
        paths = [below(self.prefix, name) for name in files]
        git(self.repo, "read-tree", parent, env=index)
        # Line ends go in as the user's attributes have it, whatever they are; modes stay.
        options = ("-c", "core.safecrlf=false", "-c", "core.fileMode=false")
        git(self.repo, *options, "update-index", "--add", "--", *paths, env=index)
        tree = git(self.repo, "write-tree", env=index)
        commit = git(
            self.repo, "commit-tree", tree, "-p", parent, "-F", "-", stdin=message.encode()
        )
        self.point_branch(commit)
        return commit

    def point_branch(self, commit: str) -> None:
        """Let the run's branch point at `commit`; raises TaskError where the user has committed to
        it."""
        git(self.repo, "update-ref", f"refs/heads/{self.branch}", commit, self._tip())

    def check_branch(self) -> None:
        """Raise TaskError where moving the run's branch would lose commits of the user's, or would
        turn what is checked out into changes."""
        self._tip()
        if place := self._branch_is("%(worktreepath)"):
            raise TaskError(
                f"{place}: the branch {self.branch}, which the run is to move, is checked out "
                f"there; leave it with `git switch -`, or keep it as yours: {self._keep}"
            )

    def _tip(self) -> str:
        """Where the run's branch is, "" if it is gone; raises TaskError where that is not the
        run's doing. Any commit that the run made will do: a kill may have left one that is on no
        record."""
        if tip := self._branch_is("%(objectname)"):
            span = f"{self.base}..{tip}"
            made_by = git(self.repo, "log", "--no-show-signature", "--format=%ce", span)
            on_base = answers(self.repo, "merge-base", "--is-ancestor", self.base, tip)
            if not on_base or set(made_by.split()) - {_EMAIL}:
                raise TaskError(
                    f"{self.repo}: the branch {self.branch} has commits that the run did not make, "
                    f"and would lose them; keep them under another name: {self._keep}"
                )
        return tip

    def _branch_is(self, what: str) -> str:
        return git(self.repo, "for-each-ref", f"--format={what}", f"refs/heads/{self.branch}")

    @property
    def _keep(self) -> str:
        return f"`git -C {self.repo} branch -m {self.branch} mine` (the run makes its own anew)"

    def close(self) -> None:
        """Remove the worktrees; branch and commits stay.

        Never by `git worktree prune`: it forgets all worktrees of the user's that are not there
        right now, say on a disk that is not mounted, and what was staged in them.
        """
        remove(self._root)  # first: git is not to look at what is in there
        known = git(self.repo, "worktree", "list", "--porcelain").split("\n")
        if f"worktree {self._root}" in known:
            self._root.parent.mkdir(parents=True, exist_ok=True)  # git asks for that much
            git(self.repo, "worktree", "remove", "--force", str(self._root))
        remove(self._root.parent)


def _around(directory: Path, name: str) -> Path:
    """The nearest directory around one, or itself, with an entry of this name; else itself."""
    places = (directory, *directory.parents)
    return next((place for place in places if (place / name).exists()), directory)


def _own_repository(task: Task, folder: Path) -> Path:
    """A copy of a task that is under no version control, as a repository in the run's folder."""
    repo = folder / "repo"
    if not repo.exists():
        ignore = shutil.ignore_patterns(".git", ".metaloop", "__pycache__", ".venv")
        shutil.copytree(task.directory, repo, symlinks=True, ignore=ignore)
        git(repo, "init", "-q")
        git(repo, "add", "-A", "-f")
        git(repo, "commit", "-q", "-m", f"{task.spec.name}: as it was found")
    return repo


def _commit_worktree(repo: Path, folder: Path, prefix: str, head: str) -> str:
    """The uncommitted state below `prefix` as a commit of its own, the user's index untouched."""
    index = {"GIT_INDEX_FILE": str(folder / "index")}
    git(repo, "read-tree", head, env=index)
    git(repo, "add", "-A", "--", prefix or ".", env=index)
    tree = git(repo, "write-tree", env=index)
    if tree == git(repo, "rev-parse", f"{head}^{{tree}}"):
        return head
    return git(
        repo, "commit-tree", tree, "-p", head, "-m", "metaloop: uncommitted changes taken along"
    )
