"""What git knows of a task; the user's checkout and index are only read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from metaloop.task.git import below, git, git_bytes, prefix_of, repository_of
from metaloop.task.patch import Files
from metaloop.task.spec import Task, TaskError


@dataclass(frozen=True)
class Repository:
    """The repository around a task. `head` is empty, and `why` says so, when it is of no use."""

    directory: Path
    top: Path
    """The task's directory itself where there is no repository."""
    head: str
    why: str = ""

    @classmethod
    def around(cls, directory: Path) -> Repository:
        """Look for the repository of a task's directory, as a run does; raises TaskError, as a run
        does, when git refuses it."""
        top, why = repository_of(directory)
        head = "" if why else git(directory, "rev-parse", "HEAD")
        return cls(directory, top or directory, head, why)

    @property
    def prefix(self) -> str:
        """The task's directory relative to the top; empty when it is the top."""
        return prefix_of(self.directory, self.top)

    @cached_property
    def dirty(self) -> list[str]:
        """The task's files that differ from HEAD or that git does not know, as git prints them."""
        return git(self.directory, "status", "--porcelain", "--", ".").splitlines()

    @cached_property
    def loose(self) -> list[str]:
        """The task's files that git neither knows nor ignores."""
        listed = git(self.directory, "ls-files", "-z", "--others", "--exclude-standard")
        return [name for name in listed.split("\0") if name]

    def untracked(self, names: Iterable[str]) -> list[str]:
        """Those of `names`, files of the task, that are not in HEAD."""
        return [
            name
            for name in names
            if not git(self.directory, "ls-tree", "--name-only", "HEAD", "--", name)
        ]

    def unignored(self, paths: list[str]) -> list[str]:
        """Those of `paths`, relative to the top, that git would see."""
        asked = "\0".join(paths).encode(errors="surrogateescape")
        try:
            told = git_bytes(self.top, "check-ignore", "--no-index", "-z", "--stdin", stdin=asked)
        except TaskError:  # git's exit code when it ignores none of them
            told = b""
        ignored = set(told.decode(errors="surrogateescape").split("\0"))
        return [path for path in paths if path not in ignored]

    def files(self, task: Task) -> Files:
        """The editable files as they are in HEAD; as they lie there where HEAD has none."""
        files = task.sources()
        for name in set(files) - set(self.untracked(files)):
            path = below(self.prefix, name)
            files[name] = git_bytes(self.top, "show", f"HEAD:{path}").decode()
        return files
