"""Version control: can a trial start from a commit, and be taken back to one?"""

from __future__ import annotations

from metaloop.suitability.finding import Finding, Property
from metaloop.suitability.repository import Repository
from metaloop.suitability.signal import Signal
from metaloop.suitability.trials import Observations
from metaloop.task import missing
from metaloop.task.spec import Task
from metaloop.text import number, plural


def version_control(
    task: Task, repository: Repository, seen: Observations, found: Signal | None
) -> Property:
    """Judge the repository, and what trials from it did."""
    if not repository.head:
        return Property("version control", (_repository(repository),))
    findings = (
        _repository(repository),
        _clean(repository),
        _tracked(task, repository),
        _worktree(task, seen),
        *(Finding("submodules", None, text) for text in missing.submodules(task.directory)),
        _reproducible(seen, found),
        _artefacts(repository, seen),
    )
    return Property("version control", findings)


def _repository(repository: Repository) -> Finding:
    text = repository.why or f"commit {repository.head[:10]}"
    change = "git init, add and commit the task"
    return Finding("repository", 1.0 if repository.head else 0.4, text, change)


def _clean(repository: Repository) -> Finding:
    dirty = repository.dirty
    shown = ", ".join(line[3:] for line in dirty[:4]) + (", ..." if len(dirty) > 4 else "")
    return Finding(
        "clean",
        0.5 if dirty else 1.0,
        f"{plural(len(dirty), 'path')} not committed: {shown}" if dirty else "nothing uncommitted",
        "commit or ignore them, or let a run take them along with --include-uncommitted",
    )


def _tracked(task: Task, repository: Repository) -> Finding:
    lost = repository.untracked(dict.fromkeys([*task.spec.judging, *task.spec.edit.files]))
    return Finding(
        "tracked",
        0.35 if lost else 1.0,
        f"not in the commit: {', '.join(lost)}"
        if lost
        else "all editable, protected and judging files",
        f"git add -f {' '.join(lost)}",
    )


def _worktree(task: Task, seen: Observations) -> Finding:
    if seen.committed is None or seen.committed.score is not None:
        return Finding("fresh worktree", 1.0, "runs in one")
    reason = seen.committed.measured.reason
    lacking = "; ".join(missing.files(task.directory))
    change = lacking or "commit all that the program needs, or let it make it"
    return Finding("fresh worktree", 0.35, f"does not run in one: {reason}", change)


def _reproducible(seen: Observations, found: Signal | None) -> Finding:
    if seen.committed is seen.as_it_lies:
        return Finding("reproducible", None, "nothing is uncommitted that the score could be of")
    a, b = (s.score if s else None for s in (seen.committed, seen.as_it_lies))
    if a is None or b is None or found is None:
        return Finding("reproducible", None, "no two scores to compare")
    same = a in seen.scores or abs(a - b) <= 4 * found.sigma
    return Finding(
        "reproducible",
        1.0 if same else 0.4,
        f"the commit scores {number(a)}, the directory {number(b)}"
        + (", as noise has it" if same and a != b else ""),
        "commit what the score depends on",
    )


def _artefacts(repository: Repository, seen: Observations) -> Finding:
    """What a trial in a copy of the task wrote, were it run in the checkout."""
    prefix = f"{repository.prefix}/" if repository.prefix else ""
    loose = repository.unignored([f"{prefix}{name}" for name in seen.written])
    shown = ", ".join(loose[:4]) + (", ..." if len(loose) > 4 else "")
    return Finding(
        "artefacts ignored",
        0.75 if loose else 1.0,
        f"a run writes {shown}, which git would see"
        if loose
        else f"{plural(len(seen.written), 'written file')}, none that git would see",
        "name them in .gitignore: after a run by hand the task is dirty",
    )
