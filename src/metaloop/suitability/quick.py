"""The cheap part of a check, for every run: what the sources and git say, without a trial."""

from __future__ import annotations

from metaloop.suitability.finding import verdict_of
from metaloop.suitability.modularity import modularity
from metaloop.suitability.repository import Repository
from metaloop.task.missing import uncommitted_outside
from metaloop.task.spec import Task


def quick_warnings(task: Task, include_uncommitted: bool = False) -> list[str]:
    """What is known to be amiss without running anything: a warning each, with the mend.

    What `run` refuses anyway, such as uncommitted changes, is left out.
    """
    findings = modularity(task).findings
    weak = [f for f in findings if f.score is not None and verdict_of(f.score) != "fit"]
    repository = Repository.around(task.directory)
    warnings = [f"{f.name}: {f.evidence}; {f.change}" for f in weak]
    if repository.why:
        warnings.append(f"version control: {repository.why}; the run keeps a repository of its own")
    known = repository.why or include_uncommitted
    loose = [] if known else [f for f in repository.loose if f not in task.spec.edit.files]
    if loose:
        shown = ", ".join(loose[:4]) + (", ..." if len(loose) > 4 else "")
        warnings.append(
            f"not in the commit, so that trials have it with --include-uncommitted alone: {shown}"
        )
    return [*warnings, *uncommitted_outside(task.directory)]
