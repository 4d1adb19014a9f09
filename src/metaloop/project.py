"""Where a project keeps its runs: `.metaloop/` with the journal and a folder for each run."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from metaloop.journal.journal import Journal
from metaloop.task.git import git
from metaloop.task.spec import Task, TaskError

FOLDER = ".metaloop"
LOCK = "lock"
"""In a run's folder: held by the process that drives the run."""
PATIENCE = 3
"""Looks at a lock before it counts as taken."""


@dataclass(frozen=True)
class Project:
    """A directory that holds (or will hold) `.metaloop/`."""

    root: Path
    url: str | None = None
    """The journal's database, if it is not the project's own SQLite file."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", self.root.resolve())  # git is run in other directories

    @classmethod
    def around(cls, directory: Path) -> Project:
        """The project of `directory`: the nearest parent with `.metaloop/`, up to the top of its
        git repository, which it is otherwise; without git the directory itself. `METALOOP_JOURNAL`
        may name a database URL."""
        directory, url, top = directory.resolve(), os.environ.get("METALOOP_JOURNAL"), None
        with suppress(TaskError, OSError):  # no repository, or no git
            top = Path(git(directory, "rev-parse", "--show-toplevel"))
        for parent in (directory, *directory.parents):
            if parent == top or (parent / FOLDER / "journal.db").exists():
                return cls(parent, url)
        return cls(directory, url)

    @contextmanager
    def journal(self, listener: Callable[[str, object], None] | None = None) -> Iterator[Journal]:
        """The open journal; raises JournalError."""
        home = self.root / FOLDER
        home.mkdir(exist_ok=True)
        (home / ".gitignore").write_text("*\n")
        journal = Journal(self.url or home / "journal.db")
        if listener is not None:
            journal.listeners.append(listener)
        try:
            yield journal
        finally:
            journal.close()

    def folder(self, run: str) -> Path:
        """Where a run keeps its worktrees and its report."""
        return self.root / FOLDER / "runs" / run

    @contextmanager
    def hold(self, run: str) -> Iterator[None]:
        """Keep other processes from driving a run at the same time.

        Raises ValueError where one does already, or where the run's folder is not here.
        """
        folder = self.folder(run)
        if not folder.is_dir():
            raise ValueError(
                f"{run}: its folder {folder} is not there; resume it in the project that it was "
                "started in, or start a new run"
            )
        with (folder / LOCK).open("w") as lock:
            for _ in range(PATIENCE):
                with suppress(OSError):
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(0.05)  # somebody may but look (`is_abandoned`)
            else:
                raise ValueError(
                    f"{run} is running, in another process: wait for it, or stop it first"
                )
            yield

    def is_abandoned(self, run: str) -> bool:
        """Whether no process drives a run; False where its lock is not here to be asked."""
        try:
            with (self.folder(run) / LOCK).open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def new_run(self, journal: Journal, task: Task) -> str:
        """The next free name, e.g. `ngram-lm-3`: free in the journal, among branches and among
        folders, one of which is made for it, so that runs that start together get two names."""
        taken = {record.id for record in journal.runs()}
        try:
            listed = git(
                task.directory, "branch", "--list", "--format=%(refname:short)", "metaloop/*"
            )
            taken |= {name.removeprefix("metaloop/") for name in listed.splitlines()}
        except TaskError:
            pass  # under no version control: the run's own repository is new
        names = (f"{task.spec.name}-{number}" for number in count(1))
        return next(name for name in names if name not in taken and self._claim(name))

    def _claim(self, run: str) -> bool:
        """Make the folder of a run, unless it is there already."""
        try:
            self.folder(run).mkdir(parents=True)
        except FileExistsError:
            return False
        return True
