"""Git, as metaloop calls it on a user's repository: without hooks, and what it says of a task."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path, PurePosixPath

from metaloop.task.spec import FILE, TaskError

# A caller's own git variables (as set within a hook) must not redirect ours, nor may a caller's
# language change the words that are looked for.
_ENV = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")} | {"LC_ALL": "C"}
EMAIL = "metaloop@localhost"
"""By which commits of ours are known."""
_IDENTITY = (
    *("-c", "user.name=metaloop", "-c", f"user.email={EMAIL}"),
    *("-c", f"committer.email={EMAIL}"),  # else a user's own goes before
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


def tasks_apart(repo: Path, prefix: str, commit: str) -> tuple[str, ...]:
    """Directories of a commit, but none around or in that of the task at `prefix`, that are tasks:
    no program of this one sees them."""
    listed = git(repo, "ls-tree", "-r", "-z", "--full-tree", "--name-only", commit)
    paths, own = map(PurePosixPath, listed.split("\0")), PurePosixPath(prefix)
    found = [path.parent for path in paths if path.name == FILE]
    apart = (d for d in found if not d.is_relative_to(own) and not own.is_relative_to(d))
    return tuple(map(str, apart))


def ref_of(branch: str) -> str:
    """The full name of a run's branch, also of one that git does not list."""
    return branch if branch.startswith("refs/") else f"refs/heads/{branch}"
