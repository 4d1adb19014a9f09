"""Git around a run: a branch for what is kept, copies of a worktree for what is tried.

The user's checkout and index are never touched: commits are made with plumbing commands and an
index of our own, trials run in copies below the run's folder. Git never reads the `.git` file
or any configuration of a directory in which a candidate ran, and runs no hooks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from metaloop.execution.view import keep_private
from metaloop.task.git import (
    EMAIL,
    answers,
    below,
    git,
    prefix_of,
    ref_of,
    repository_of,
    tasks_apart,
    top_of,
)
from metaloop.task.mirror import Mirror, left_out, remove
from metaloop.task.patch import Files
from metaloop.task.spec import FILE, REPOSITORY, Task, TaskError

LATER = "later"
"""In a run's folder: the commit to which its branch is to be moved when it is not checked out."""


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
        top, why_not = repository_of(task.directory)
        if top is not None and not why_not and not include_uncommitted:
            status = ("status", "--porcelain", "--")
            # What else git does not know may be anything, such as the log of this very run.
            dirty = git(task.directory, *status[:2], "--untracked-files=no", "--", ".")
            dirty = dirty or git(task.directory, *status, *sorted(task.spec.judging))
            if dirty:
                raise TaskError(
                    f"{task.directory} has uncommitted changes:\n{dirty}\n"
                    "commit them, or take them along with --include-uncommitted"
                )
        workspace = cls.detached(task, folder, include_uncommitted)
        workspace._take_along_edited()
        workspace.branch = f"metaloop/{run}"
        git(workspace.repo, "branch", workspace.branch, workspace.base)
        return workspace

    @classmethod
    def unlisted(cls, task: Task, folder: Path, run: str, apart: Sequence[Path] = ()) -> Workspace:
        """Start a branch that `git branch` does not list, over the task as it lies there, less what
        is at `apart`; git keeps its commits all the same."""
        workspace = cls.detached(task, folder)
        workspace._take_along_edited()
        workspace._leave_out(apart)
        workspace.branch = f"refs/metaloop/{run}"
        git(workspace.repo, "update-ref", workspace.branch, workspace.base)
        return workspace

    @classmethod
    def detached(cls, task: Task, folder: Path, include_uncommitted: bool = True) -> Workspace:
        """A workspace over what a run would see, that makes no branch; to be closed."""
        folder.mkdir(parents=True, exist_ok=True)
        repo, why_not = repository_of(task.directory)
        if repo is None or why_not:
            repo, prefix, include_uncommitted = _own_repository(task, folder), "", False
        else:
            prefix = prefix_of(task.directory, repo)
        base = git(repo, "rev-parse", "HEAD")
        if include_uncommitted:
            base = _changed(repo, folder, base, "add", "-A", "--", prefix or ".")
        return cls(task, folder, repo, prefix, "", base)

    def _take_along_edited(self) -> None:
        """Begin with all editable files, also those that git ignores: a patch that would make one
        anew does not apply over it."""
        paths = [below(self.prefix, name) for name in self.task.spec.edit.files]
        lost = [p for p in paths if not answers(self.repo, "cat-file", "-e", f"{self.base}:{p}")]
        if lost:
            self.base = _changed(self.repo, self.folder, self.base, "add", "-f", "--", *lost)

    def _leave_out(self, paths: Sequence[Path]) -> None:
        top = self.task.directory if self._is_copy else self.repo
        own = [path.relative_to(top) for path in paths if path.is_relative_to(top)]
        if own:
            out = ("rm", "-q", "-f", "--cached", "--ignore-unmatch", "--", *map(str, own))
            self.base = _changed(self.repo, self.folder, self.base, *out)

    @cached_property
    def tree(self) -> str:
        """Git's hash of all files that a trial begins with, beside the task's own too: what it
        measures may rest on any of them."""
        return git(self.repo, "rev-parse", f"{self.base}^{{tree}}")

    @cached_property
    def other_tasks(self) -> tuple[str, ...]:
        """See `tasks_apart`."""
        return tasks_apart(self.repo, self.prefix, self.base)

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

    @property
    def _is_copy(self) -> bool:
        """Whether the repository is none of the user's, but a copy of the task's directory."""
        return self.repo.resolve() == self.folder.resolve() / "repo"

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
        if not self._is_copy:
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
        (self.folder / "index.lock").unlink(missing_ok=True)  # of a kill: no other process is here
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
        """Let the run's branch point at `commit`, or later, if it is checked out: what is would
        turn into changes. Raises TaskError where the user has committed to it."""
        tip, later = self._tip(), self.folder / LATER
        if self._branch_is("%(worktreepath)"):
            later.write_text(commit)
            return
        git(self.repo, "update-ref", ref_of(self.branch), commit, tip)
        later.unlink(missing_ok=True)

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
            if not on_base or set(made_by.split()) - {EMAIL}:
                raise TaskError(
                    f"{self.repo}: the branch {self.branch} has commits that the run did not make, "
                    f"and would lose them; keep them under another name: {self._keep}"
                )
        return tip

    def _branch_is(self, what: str) -> str:
        return git(self.repo, "for-each-ref", f"--format={what}", ref_of(self.branch))

    @property
    def _keep(self) -> str:
        return f"`git -C {self.repo} branch -m {self.branch} mine` (the run makes its own anew)"

    def close(self) -> None:
        """Remove the worktrees; branch and commits stay. A branch that is no longer checked out is
        moved to where it belongs.

        Never by `git worktree prune`: it forgets all worktrees of the user's that are not there
        right now, say on a disk that is not mounted, and what was staged in them.
        """
        remove(self._root)  # first: git is not to look at what is in there
        known = git(self.repo, "worktree", "list", "--porcelain").split("\n")
        if f"worktree {self._root}" in known:
            self._root.parent.mkdir(parents=True, exist_ok=True)  # git asks for that much
            git(self.repo, "worktree", "remove", "--force", str(self._root))
        remove(self._root.parent)
        if (later := self.folder / LATER).exists():
            with suppress(TaskError):  # commits of the user's are on it
                self.point_branch(later.read_text())


def _around(directory: Path, name: str) -> Path:
    """The nearest directory around one, or itself, with an entry of this name; else itself."""
    places = (directory, *directory.parents)
    return next((place for place in places if (place / name).exists()), directory)


def _own_repository(task: Task, folder: Path) -> Path:
    """A copy of a task that is under no version control, as a repository in the run's folder: less
    what a `.gitignore` names, unless the task does."""
    repo = folder / "repo"
    if not repo.exists():
        shutil.copytree(task.directory, repo, symlinks=True, ignore=left_out)
        git(repo, "init", "-q")
        info = repo / ".git" / "info"
        info.mkdir(exist_ok=True)
        (info / "attributes").write_text("* -text\n")  # line ends as they are, or no patch applies
        git(repo, "add", "-A")
        declared = {*task.spec.judging, *task.spec.edit.files}
        git(repo, "--literal-pathspecs", "add", "-f", "--", *sorted(declared))
        git(repo, "commit", "-q", "-m", f"{task.spec.name}: as it was found")
    return repo


def _changed(repo: Path, folder: Path, head: str, *change: str) -> str:
    """The commit `head` after the git command `change` to its index, such as `add` of what is not
    committed, as a commit of its own, the user's index untouched; `head` itself where that changes
    nothing."""
    index = {"GIT_INDEX_FILE": str(folder / "index")}
    git(repo, "read-tree", head, env=index)
    git(repo, "--literal-pathspecs", *change, env=index)
    tree = git(repo, "write-tree", env=index)
    if tree == git(repo, "rev-parse", f"{head}^{{tree}}"):
        return head
    return git(
        repo, "commit-tree", tree, "-p", head, "-m", "metaloop: uncommitted changes taken along"
    )
