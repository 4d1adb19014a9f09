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
    from metaloop.task.workspace import git_bytes

    with Project.around(Path.cwd()).journal() as journal:
        config = journal.run(run_id).config
    span = (config["base"], f"refs/heads/{config['branch']}")
    # Spelled out, so that no git configuration of the user's changes what the patch looks like.
    plain = ("--no-color", "--no-ext-diff", "--no-textconv", "--no-relative", "--binary")
    prefixes = ("--src-prefix=a/", "--dst-prefix=b/")
    return git_bytes(Path(config["repo"]), "diff", *plain, *prefixes, *span), config


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
    from metaloop.task.workspace import git

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
        git(target, "apply", "--whitespace=nowarn", env=alone, stdin=patch)
        say(f"applied to {target}; nothing was committed")
