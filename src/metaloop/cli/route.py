"""`metaloop route`: fit, evaluate, explain and serve a router over several models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metaloop.cli.app import app, errors, fail, make_room, out, print_json, say, warn
from metaloop.models.router.name import DEFAULT_ALPHA

if TYPE_CHECKING:
    from metaloop.models.router.embed import Embedder
    from metaloop.models.router.evaluate import Evaluation, Point

route_app = typer.Typer(
    name="route",
    help="Route queries to the model that earns most on their like.",
    no_args_is_help=True,
    add_completion=False,
)
app.add_typer(route_app)

TablePath = Annotated[Path, typer.Argument(metavar="TABLE", help="Outcomes, JSONL or JSONL.gz.")]
RouterPath = Annotated[Path, typer.Option("--router", help="What `route fit` wrote.")]
OnlyRole = Annotated[str | None, typer.Option("--role", help="Rows of this role alone.")]
Embed = Annotated[str, typer.Option(help="tfidf | minilm | openai:NAME[@URL]")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT = Path("router.json")


@route_app.command("fit")
def fit_command(
    table: TablePath,
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write it.")] = DEFAULT,
    embed: Embed = "tfidf",
    role: OnlyRole = None,
    as_json: Json = False,
) -> None:
    """Learn from TABLE which model earns what on which queries."""
    from dataclasses import asdict

    from metaloop.models.router.file import save
    from metaloop.models.router.fit import fit
    from metaloop.models.router.table import load_table

    with errors():
        make_room(output)
        rows = load_table(table, role)
        fitted = fit(rows, _embedder(embed))
        save(fitted, output)
    policy = fitted.policy
    single = policy.models[int(policy.mean_scores.argmax())]
    if as_json:
        evidence = asdict(policy.evidence)
        print_json({"router": str(output), "rows": len(rows), "best": single, **evidence})
        return
    say(f"{len(rows)} rows, {len(policy.models)} models; best single model: {single}")
    say(f"{policy.evidence}\nrouter: {output}")


@route_app.command("eval")
def eval_command(
    table: TablePath,
    embed: Embed = "tfidf",
    role: OnlyRole = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curve into an SVG file.")] = None,
    as_json: Json = False,
) -> None:
    """Score and cost on queries held out of TABLE, beside the controls: 5 splits of 70/30 %."""
    from metaloop.models.router.evaluate import evaluate
    from metaloop.models.router.plot import draw_curve
    from metaloop.models.router.table import load_table

    with errors():
        make_room(plot)
        evaluation = evaluate(load_table(table, role), embedder=_embedder(embed))
        if plot is not None:
            plot.write_text(draw_curve(evaluation), encoding="utf-8")
    if as_json:
        print_json(evaluation.to_dict())
    else:
        _print_evaluation(evaluation)


def _print_evaluation(evaluation: Evaluation) -> None:
    from metaloop.cli.tables import print_table

    heads = ("choice", "#alpha", "#score", "95 %", "#$ per query", "#cost", "95 %")
    print_table(heads, map(_row, evaluation.points))
    for seed, found in enumerate(evaluation.evidence):
        say(f"split {seed}: {found}")


def _row(point: Point) -> list[str]:
    scores, shares = point.score_interval, point.share_interval
    return [
        point.arm,
        "" if point.alpha is None else f"{point.alpha:g}",
        "-" if point.score is None else f"{point.score:.4f}",
        "-" if scores is None else f"{scores[0]:.4f} to {scores[1]:.4f}",
        "unknown" if point.cost is None else f"{point.cost:.3g}",
        "" if point.share is None else f"{point.share:.2f}",
        "" if shares is None else f"{shares[0]:.2f} to {shares[1]:.2f}",
    ]


@route_app.command("from-runs")
def from_runs_command(
    output: Annotated[Path, typer.Option("-o", "--output", help="Where to write it.")] = Path(
        "routing.jsonl"
    ),
) -> None:
    """Make a table out of the journals: a row for each model call whose outcome is verified."""
    from metaloop.project import Project
    from metaloop.report.routing import rows_of_run

    with errors(), Project.around(Path.cwd()).journal() as journal:
        make_room(output)
        rows = [row for run in journal.runs() for row in rows_of_run(journal, run.id)]
        if not rows:
            raise ValueError("no run of this project has a model call with a verified outcome yet")
        output.write_text("".join(f"{row.to_json()}\n" for row in rows), encoding="utf-8")
    say(f"{len(rows)} rows: {output}")


@route_app.command("explain")
def explain_command(
    query: str,
    router: RouterPath = DEFAULT,
    alpha: Annotated[
        float,
        typer.Option(
            help=f"1: accuracy alone, 0: cost alone. Default: {DEFAULT_ALPHA}.", show_default=False
        ),
    ] = DEFAULT_ALPHA,
    as_json: Json = False,
) -> None:
    """Say which model QUERY would go to, and why."""
    from dataclasses import asdict

    from metaloop.cli.tables import print_table
    from metaloop.models.router.file import load

    with errors():
        fitted = load(router)
        vector = fitted.embedder.embed([query])[0]
        decision = fitted.policy.decide(vector, alpha)
    if as_json:
        print_json(asdict(decision))
        return
    say(f"{decision.model}: {decision.reason}\n")
    _, scores, costs = fitted.policy.expect(vector)
    rows = []
    for name in (decision.model, *decision.fallbacks):
        i = list(fitted.policy.models).index(name)
        cost = "unknown" if costs[i] != costs[i] else f"{costs[i]:.3g}"
        rows.append((name, f"{scores[i]:.3f}", cost))
    print_table(("model, best first", "#expected score", "#expected $"), rows)
    if decision.clusters:
        out.print()
        samples = fitted.policy.samples
        print_table(
            ("cluster", "a typical query"), [(str(c), samples[c]) for c in decision.clusters]
        )


@route_app.command("serve")
def serve_command(
    router: RouterPath = DEFAULT,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 8700,
) -> None:
    """Answer OpenAI-style requests for the model `auto:ALPHA`. Key: METALOOP_ROUTE_KEY."""
    import os

    from metaloop.models.router.file import load

    try:
        import uvicorn

        from metaloop.models.router.admission import check_binding
        from metaloop.models.router.serve import Endpoint, make_app
    except ImportError:
        fail("serving needs: pip install 'metaloop[serve]'")
    with errors():
        key = os.environ.get("METALOOP_ROUTE_KEY")
        check_binding(host, key)
        endpoint = Endpoint(load(router))
    warn(endpoint.missing.values())
    say(f"http://{host}:{port}/v1, models auto and auto:ALPHA")
    uvicorn.run(make_app(endpoint, key), host=host, port=port, log_level="warning")


def _embedder(name: str) -> Embedder | None:
    """The embedder of that name; None for the one that is fitted to the table."""
    from metaloop.models.router.embed import EndpointEmbedder

    if name == "tfidf":
        return None
    if name == "minilm":
        from metaloop.models.router.minilm import MiniLMEmbedder

        return MiniLMEmbedder()
    return EndpointEmbedder(name)
