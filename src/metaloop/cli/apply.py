"""`metaloop diff` and `metaloop apply`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from metaloop.cli.app import RunId, app, errors, say


def _winning_patch(run_id: str) -> tuple[bytes, dict[str, Any]]:
    """The run's whole gain as one patch, and the run's configuration."""
    from metaloop.project import Project
    from metaloop.task.winner import winning_patch

    project = Project.around(Path.cwd())
    with project.journal() as journal:
        config = journal.run(run_id).config
    return winning_patch(project.folder(run_id), config), config


@app.command("diff")
def diff_command(run_id: RunId) -> None:
    """Print the winning patch, as `git apply` reads it."""
    with errors():
        patch, _ = _winning_patch(run_id)
    if sys.stdout.isatty():
        say(patch.decode(errors="replace").rstrip("\n"))
    else:
        sys.stdout.buffer.write(patch)


@app.command("apply")
def apply_command(
    run_id: RunId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Apply the winning patch to your own files, uncommitted, after asking."""
    from metaloop.task.git import answers, git, ref_of
    from metaloop.task.spec import TaskError

    with errors():
        patch, config = _winning_patch(run_id)
        if not patch:
            say(f"{run_id} kept no change; there is nothing to apply")
            return
        repo, task = Path(config["repo"]), Path(config["task"])
        inside = repo in (task, *task.parents)
        target = repo if inside else task  # a task under no version control has a copy as its repo
        say(patch.decode(errors="replace").rstrip("\n"))
        if not yes and not typer.confirm(f"apply this to {target}?"):
            say("nothing was changed")
            return
        # The patch's paths are below the target, whatever repository may lie around that.
        alone = {"GIT_CEILING_DIRECTORIES": str(target.parent)}
        try:
            git(target, "apply", "--whitespace=nowarn", env=alone, stdin=patch)
        except TaskError as error:
            branch = config["branch"]  # of a study's cell it may be gone
            if not inside or not answers(repo, "rev-parse", "--verify", ref_of(branch)):
                raise
            raise TaskError(f"{error}\nor let git merge it: git merge {branch}") from None
        say(f"applied to {target}; nothing was committed")
