"""`metaloop init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metaloop.cli.app import app, errors, fail, say


@app.command("init")
def init_command(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the program is.")],
    command: Annotated[
        str | None, typer.Option(help='What runs the program, e.g. "python train.py".')
    ] = None,
    edit: Annotated[
        list[str] | None, typer.Option(help="A file that may be changed; repeatable.")
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Name of the number that is printed.")] = None,
    direction: Annotated[str | None, typer.Option(help="minimize or maximize.")] = None,
    description: Annotated[str | None, typer.Option(help="What the program does.")] = None,
    judge: Annotated[
        str | None, typer.Option(help="Command that scores out/ (recommended).")
    ] = None,
    judge_file: Annotated[
        list[str] | None,
        typer.Option(help="What a candidate must not see: judge, answers; repeatable."),
    ] = None,
    protect: Annotated[list[str] | None, typer.Option(help="A file nobody may change.")] = None,
    timeout_s: Annotated[float, typer.Option(help="Time limit of one trial, in seconds.")] = 60.0,
    param: Annotated[
        list[str] | None,
        typer.Option(help="NAME=int:1:8, NAME=float:0.1:0.9[:log] or NAME=a|b|c; repeatable."),
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run the program without a sandbox.")
    ] = False,
) -> None:
    """Write a metaloop.toml into DIR and run the program once, to prove that its metric is read.

    What it must know and is not given as an option is asked for.
    """
    from metaloop.suitability.scaffold import Answers, prove, write_toml

    with errors():
        if judge_file and not judge:
            raise ValueError("--judge-file names what the judge reads: give --judge as well")
        answers = Answers(
            command=command or _ask("--command", "What runs the program", "python train.py"),
            edit=edit or _ask("--edit", "Files that may be changed", "train.py").split(),
            metric=metric or _ask("--metric", "Name of the metric it prints", "score"),
            direction=direction or _ask("--direction", "minimize or maximize", "minimize"),
            description=description or _ask("--description", "What does it do, and what is better"),
            judge=judge or "",
            judge_files=judge_file or [],
            protect=protect or [],
            timeout_s=timeout_s,
            params=param or [],
        )
        path = write_toml(directory, answers)
        say(f"wrote {path}; running it once ...")
        measured = prove(directory, unsafe)
        say(f"{answers.metric}: {measured.score:.6g} in {measured.seconds:.1f} s")
        if not judge:
            say(
                "The program prints its own score, so it is marked self-scored everywhere; "
                "a [judge] in a process of its own would make it trustworthy."
            )
        elif not answers.judge_files:
            say(
                f"Nothing is hidden: every candidate can read all of {directory}, answers too; "
                f"name what holds them in {path}, under [judge], as files = [...]."
            )
        say(f"next: commit {path}, then metaloop check {directory}, metaloop run {directory}")


def _ask(option: str, question: str, default: str | None = None) -> str:
    """Ask for what was not given as an option; where nobody answers, name the option."""
    try:
        return str(typer.prompt(question, default))
    except typer.Abort:
        fail(f"\nno answer; give {option} on the command line")
