"""The winning patch of a run: what its branch says, or what was kept of it when that went."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from metaloop.task.git import git, git_bytes, ref_of
from metaloop.task.mirror import remove
from metaloop.task.spec import TaskError
from metaloop.task.workspace import LATER

_KEPT = "winner.patch"


def winning_patch(folder: Path, config: Mapping[str, Any]) -> bytes:
    """The whole gain of the run in `folder` as one patch, empty if there is none; raises TaskError
    with git's own words where its commits are gone."""
    if is_settled(folder):
        return (folder / _KEPT).read_bytes()
    # Spelled out, so that no git configuration of the user's changes what the patch looks like.
    plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--binary")
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
    span = (config["base"], waiting(folder) or ref_of(config["branch"]))
    return git_bytes(Path(config["repo"]), "diff", *plain, *prefixes, *span)


def waiting(folder: Path) -> str:
    """The commit to which the branch of the run in `folder` could not be moved, being checked out;
    "" if there is none."""
    later = folder / LATER
    return later.read_text() if later.exists() else ""


def settle(folder: Path, config: Mapping[str, Any]) -> None:
    """Keep the winning patch of a run that is done, and remove its branch, or its copy of the task:
    a study has many runs."""
    repo, fresh = Path(config["repo"]), folder / f"{_KEPT}.new"
    if not is_settled(folder):
        fresh.write_bytes(winning_patch(folder, config))
        fresh.replace(folder / _KEPT)  # from here on nothing else is needed
    if repo.resolve() == (folder / "repo").resolve():
        remove(repo)
    else:
        with suppress(TaskError):  # git may be busy; a branch that is left over loses nothing
            git(repo, "update-ref", "-d", ref_of(config["branch"]))
    (folder / "index").unlink(missing_ok=True)


def is_settled(folder: Path) -> bool:
    """Whether the patch is all that is kept of the run in `folder`."""
    return (folder / _KEPT).exists()
