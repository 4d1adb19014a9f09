"""What a program that runs by hand may lack in a trial, in words with the mend."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from metaloop.execution import view
from metaloop.execution.job import Job
from metaloop.task.git import git, prefix_of, repository_of, tasks_apart

_SHOWN = 3
_OWN = {
    ".metaloop", ".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache",
    "node_modules",
}  # fmt: skip
"""Directories that git ignores and that no trial wants. Some ignore what is in them, and are listed
file by file."""


def programs(said: str) -> list[str]:
    """Programs that are on the user's PATH and that a trial, which failed and `said` so, did not
    find."""
    path = view.environment(Job((), Path()), "", "")["PATH"]
    shown = (*view.SYSTEM, *map(str, view.interpreter_roots(view.python())))
    roots = tuple(os.path.realpath(place) for place in shown)
    lines = [s for s in said.splitlines() if "not found" in s or "No such file or directory" in s]
    told = []
    for name in dict.fromkeys(re.findall(r"[\w.+-]+", "\n".join(lines))):
        place, found = shutil.which(name), shutil.which(name, path=path)
        if place and not (found and view.within(os.path.realpath(found), roots)):
            told.append(
                f"{place} is not found in a trial, which looks for programs in {path} and sees "
                "those of the system (/usr) and of the Python environment alone; install it there, "
                "or name it in full if it is"
            )
    return told


def modules(directory: Path, said: str) -> list[str]:
    """Packages of a task that a trial, which failed and `said` so, did not find."""
    told = []
    for name in dict.fromkeys(re.findall(r"No module named '?(\w+)", said)):
        found = sorted([*directory.glob(f"[!.]*/{name}"), *directory.glob(f"[!.]*/{name}.py")])
        if found:
            place = found[0].parent.name
            told.append(
                f"{name} is in {place}/, where python does not look by itself; begin the command "
                f'with "env", "PYTHONPATH={place}"'
            )
    return told


def surroundings() -> str:
    """What no file tells of a trial."""
    return f"in a trial python is {view.python()}, with none of your environment variables"


def files(directory: Path) -> list[str]:
    """What there is in a task's repository that trials have not; nothing where they run in a copy
    of the task."""
    top, why_not = repository_of(directory)
    if top is None or why_not:
        return []
    listed = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")
    found = _names(git(directory, *listed))
    ignored = [name for name in found if _OWN.isdisjoint(PurePosixPath(name).parts)]
    told = [*submodules(directory), *uncommitted_outside(directory)]
    if links := _links_outside(top):
        told.append(
            f"links lead out of the repository, to what a trial does not see: {_some(links)}; "
            "commit what they lead to in their place"
        )
    if others := tasks_apart(top, prefix_of(directory, top), "HEAD"):
        told.append(
            f"other tasks are hidden in a trial: {_some(others)}; move what the program needs of "
            "them elsewhere"
        )
    if ignored:
        told.append(
            f"git ignores {_some(ignored)}, which a trial does not have; commit it, or let the "
            "program make it"
        )
    return told


def submodules(directory: Path) -> list[str]:
    """The submodules of a task's repository, if it has any: git leaves them empty in a worktree."""
    top, why_not = repository_of(directory)
    if top is None or why_not:
        return []
    found = _tracked(top, "160000")
    if not found:
        return []
    return [
        f"submodules are empty in a trial: {_some(found)}; commit their files as the repository's "
        "own, or, for those in the task's directory, run a copy of it outside of any repository"
    ]


def uncommitted_outside(directory: Path) -> list[str]:
    """The uncommitted changes of a task's repository outside of the task, if there are any."""
    top, why_not = repository_of(directory)
    if top is None or why_not or not (prefix := prefix_of(directory, top)):
        return []
    outside = (":(top)", f":(top,exclude,literal){prefix}")
    changed = _names(git(top, "diff", "--name-only", "-z", "HEAD", "--", *outside))
    if not changed:
        return []
    return [
        "uncommitted changes outside of the task's directory, which trials do not see: "
        f"{_some(changed)}; commit them if the program needs them"
    ]


def _links_outside(top: Path) -> list[str]:
    """The links of a repository that lead neither to a place in it nor to the system's files."""
    seen = (os.path.realpath(top), *view.SYSTEM)
    links = [name for name in _tracked(top, "120000") if (top / name).is_symlink()]
    return [name for name in links if not view.within(os.path.realpath(top / name), seen)]


def _tracked(top: Path, mode: str) -> list[str]:
    """The paths in the last commit that have this mode."""
    entries = _names(git(top, "ls-tree", "-r", "-z", "--full-tree", "HEAD"))
    return [entry.partition("\t")[2] for entry in entries if entry.startswith(f"{mode} ")]


def _names(listed: str) -> list[str]:
    return [name for name in listed.split("\0") if name]


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
