"""`metaloop run` and `metaloop resume`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metaloop.cli.app import INTERRUPTED, NO_TRIAL, RunId, app, errors, print_json, say, warn
from metaloop.text import dollars, one_line, plural

if TYPE_CHECKING:
    from collections.abc import Callable

    from metaloop.journal.journal import Journal
    from metaloop.models.recorder import CallStore
    from metaloop.project import Project
    from metaloop.report.status import Status

TRIALS = "Trials in all, the baseline not counted."
Usd = Annotated[
    float | None,
    typer.Option(help="Stop when so many dollars are spent in all, earlier sittings too."),
]
Minutes = Annotated[
    float | None, typer.Option(help="Stop after so many minutes in all, earlier sittings too.")
]
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Run model-written code without a sandbox. Dangerous.")
]
LEVELS = "1 inner loop, 1.5 tunes its strategy, 2 invents mechanisms: 1 | 1,1.5 | 1,2 | 1,1.5,2"
Json = Annotated[bool, typer.Option("--json", help="Print the final status as JSON.")]


@app.command("run")
def run_command(
    task: Annotated[Path, typer.Argument(help="A directory with a metaloop.toml.")],
    inner: Annotated[
        str | None, typer.Option(help="Model that proposes: provider:name[@URL].")
    ] = None,
    outer: Annotated[
        str | None,
        typer.Option(help="Model that tunes the strategy and invents mechanisms; else the inner."),
    ] = None,
    role: Annotated[list[str] | None, typer.Option(help="ROLE=MODEL, repeatable.")] = None,
    levels: Annotated[str, typer.Option(help=LEVELS)] = "1,1.5,2",
    trials: Annotated[int, typer.Option(help=TRIALS)] = 24,
    outer_every: Annotated[int, typer.Option(help="Trials between outer steps.")] = 8,
    workers: Annotated[int, typer.Option(help="Trials run side by side.")] = 1,
    seed: Annotated[int, typer.Option(help="Of all choices that are drawn.")] = 0,
    budget_usd: Usd = None,
    budget_minutes: Minutes = None,
    replay: Annotated[
        str | None, typer.Option(help="A run or a cassette file that answers instead of models.")
    ] = None,
    include_uncommitted: Annotated[
        bool,
        typer.Option(
            "--include-uncommitted",
            help="Start from the files of the task's directory as they lie there, not from the "
            "last commit.",
        ),
    ] = False,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Improve the program of TASK."""
    from metaloop.bilevel import run
    from metaloop.cli.live import Live
    from metaloop.inner.settings import Settings
    from metaloop.project import Project
    from metaloop.report.words import score_name
    from metaloop.suitability.quick import quick_warnings
    from metaloop.task.spec import load_task

    with errors():
        loaded = load_task(task)
        warn(quick_warnings(loaded, include_uncommitted))
        settings = Settings(
            inner=inner,
            outer=outer,
            roles=_roles(role or []),
            levels=levels,
            trials=trials,
            outer_every=outer_every,
            workers=workers,
            seed=seed,
            budget_usd=budget_usd,
            budget_minutes=budget_minutes,
            unsafe=unsafe,
        )
        project = Project.around(Path.cwd())
        metric = score_name(loaded.spec.metric.name, loaded.self_scored)
        with Live(settings.trials, as_json, metric=metric, spent=_spent(project)) as live:
            status = run(
                loaded,
                settings,
                project=project,
                include_uncommitted=include_uncommitted,
                replay=_recording(project, replay),
                listener=live,
            )
    _finish(project, status, as_json)


@app.command("resume")
def resume_command(
    run_id: RunId,
    trials: Annotated[int | None, typer.Option(help=TRIALS)] = None,
    budget_usd: Usd = None,
    budget_minutes: Minutes = None,
    replay: Annotated[str | None, typer.Option(help="As in `metaloop run`.")] = None,
    unsafe: Unsafe = False,
    as_json: Json = False,
) -> None:
    """Go on with a run that was interrupted, paused, or stopped by a budget."""
    from metaloop.bilevel import resume
    from metaloop.cli.live import Live
    from metaloop.project import Project
    from metaloop.report.status import make_status
    from metaloop.report.words import score_name

    given = {"trials": trials, "budget_usd": budget_usd, "budget_minutes": budget_minutes}
    changes = {name: value for name, value in given.items() if value is not None}
    with errors():
        project = Project.around(Path.cwd())
        with project.journal() as journal:
            planned = changes.get("trials", journal.run(run_id).config["settings"]["trials"])
            before = make_status(journal, run_id)
        metric = score_name(before.metric, before.self_scored)
        spent = _spent(project)
        with Live(int(planned), as_json, metric=metric, so_far=before, spent=spent) as live:
            status = resume(
                run_id,
                project=project,
                # Leave to run unconfined is given on one command line and never remembered.
                changes={**changes, "unsafe": unsafe},
                replay=_recording(project, replay),
                listener=live,
            )
    _finish(project, status, as_json)


def _roles(pairs: list[str]) -> dict[str, str]:
    roles = {}
    for pair in pairs:
        name, separator, model = pair.partition("=")
        if not separator or not model:
            raise ValueError(f"--role {pair}: write ROLE=MODEL, e.g. inventor=anthropic:NAME")
        roles[name] = model
    return roles


def _recording(project: Project, replay: str | None) -> CallStore | None:
    """The calls of a cassette file, or of an earlier run of this project."""
    from metaloop.models.cassette import Cassette

    if replay is None:
        return None
    if Path(replay).is_file():
        return Cassette(Path(replay))
    with project.journal() as journal:
        journal.run(replay)
        return journal.calls(replay)


def _spent(project: Project) -> Callable[[str], str]:
    """What a run has cost so far, in words; nothing where no model was asked."""

    def ask(run_id: str) -> str:
        with project.journal() as journal:
            ledger = journal.ledger(run_id)
        return dollars(ledger.usd) if ledger.roles else ""

    return ask


def _finish(project: Project, status: Status, as_json: bool) -> None:
    """Write the report, say where the run stands, and leave with the exit code that tells it."""
    from metaloop.report.write import write_report
    from metaloop.task.winner import waiting

    page, warnings, resume = None, [], f"metaloop resume {status.run}"
    if commit := waiting(project.folder(status.run)):
        warnings.append(
            f"{status.branch} is checked out, so that it was not moved to the last gain; leave it "
            f"(`git switch -`), then `git branch -f {status.branch} {commit[:10]}`"
        )
    with errors(), project.journal() as journal:
        try:
            page = write_report(journal, status.run, project.folder(status.run))
        except OSError as error:  # e.g. the disk is full, and the run paused for it
            warnings.append(f"no report: {error}; `metaloop report {status.run}` writes it")
        warnings += _failing(journal, status)
        if journal.run(status.run).config["settings"].get("unsafe"):
            resume += " --unsafe"  # which is never remembered
    if as_json:
        print_json(status.to_dict())
    else:
        _print_summary(status, page, resume)
    warn(warnings)
    if status.state in ("interrupted", "paused"):
        raise typer.Exit(INTERRUPTED)
    if not status.trials["total"]:
        raise typer.Exit(NO_TRIAL)


def _failing(journal: Journal, status: Status) -> list[str]:
    """A warning for each role most of whose calls failed, with how the last one did."""
    if status.state == "interrupted":  # the calls that this cut short are no fault of a model's
        return []
    failing = {r: used for r, used in status.roles.items() if 2 * used["failed"] > used["calls"]}
    if not failing:
        return []
    calls = journal.calls(status.run)
    last: dict[str, str | None] = {c.request.role: c.error for c in calls if c.answer is None}
    random = sum(trial.by == "fallback" for trial in journal.trials(status.run))
    warnings = []
    for role, used in failing.items():
        text = f"{role}: {used['failed']} of {plural(used['calls'], 'call')} failed"
        text += f", the last with: {one_line(last.get(role) or 'no message')}"
        if role == "proposer" and random:
            text += f"; in {plural(random, 'trial')} a random step stood in"
        warnings.append(text)
    return warnings


def _print_summary(status: Status, page: Path | None, resume: str) -> None:
    from metaloop.models.ledger import USED_UP
    from metaloop.report.words import headline

    run, reason = status.run, f": {status.reason}" if status.reason else ""
    say(f"\n{run} is {status.state}{reason}")
    say(headline(status))
    if page:
        say(f"report:  {_near(page)}")
    if status.best_trial:
        say(f"patch:   metaloop apply {run}")
    if status.state in ("interrupted", "paused"):
        say(f"go on:   {resume}")
    elif USED_UP in status.reason:
        say(f"go on:   {resume}, with a larger budget")
    elif status.reason:  # what was spent is unknown, and stays so under any budget in dollars
        say(f'go on:   in Python, metaloop.resume("{run}", changes={{"budget_usd": None}})')


def _near(path: Path) -> str:
    """The path as it is shortest to write from here."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
