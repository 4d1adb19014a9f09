"""`metaloop models`: list, pull and try out models."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from metaloop.cli.app import BAD_INPUT, FAILED, app, fail, print_json, say

models_app = typer.Typer(
    name="models", help="List, pull and test models.", no_args_is_help=True, add_completion=False
)
app.add_typer(models_app)


@models_app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the local models and the other providers."""
    from metaloop.models.keys import KEYS
    from metaloop.models.local.catalog import CATALOG
    from metaloop.models.local.pull import weights

    local = [
        {
            "model": f"local:{entry.name}",
            "mb": round(entry.size / 1e6),
            "licence": entry.licence,
            "pulled": weights(entry) is not None,
        }
        for entry in CATALOG.values()
    ]
    if as_json:
        print_json(local)
        return
    for row in local:
        state = "pulled" if row["pulled"] else "not pulled"
        say(f"{row['model']:<26} {row['mb']:>5} MB  {row['licence']}  {state}")
    for provider, keys in KEYS.items():
        if keys:
            say(f"{provider + ':NAME':<26} with {' or '.join(keys)}")
    say(f"{'openai:NAME@URL':<26} any OpenAI-compatible endpoint, with URL=KEY in METALOOP_KEYS")


@models_app.command("pull")
def pull_model(name: Annotated[str, typer.Argument(help="As in `metaloop models list`.")]) -> None:
    """Fetch the weights of a local model and check their SHA-256."""
    from metaloop.models.local.catalog import CATALOG
    from metaloop.models.local.pull import PullError, pull_with_bar, weights

    entry = CATALOG.get(name.removeprefix("local:"))
    if entry is None:
        fail(f"no local model {name!r}: there are {', '.join(CATALOG)}", BAD_INPUT)
    if path := weights(entry):
        say(f"{entry.name} is here already: {path}")
        return
    try:
        say(f"{entry.name}: {pull_with_bar(entry)}")
    except (PullError, OSError) as error:
        fail(str(error), FAILED)


@models_app.command("test")
def test_model(model: Annotated[str, typer.Argument(help="provider:name[@URL]")]) -> None:
    """Ask for one schema-constrained and one code answer, and say how fast they came."""
    from metaloop.models.base import ModelError, ModelUnavailable

    try:
        good = asyncio.run(_ask(model))
    except ValueError as error:
        fail(str(error), BAD_INPUT)
    except (ModelError, ModelUnavailable) as error:
        fail(str(error), FAILED)
    if not good:
        raise typer.Exit(1)


async def _ask(ref: str) -> bool:
    """Print both answers; True when both are well-formed."""
    from metaloop.models.reference import connect
    from metaloop.models.tryout import try_out

    good = True
    async for title, answer, fits in try_out(connect(ref)):
        good &= fits
        speed = answer.output_tokens / answer.seconds if answer.seconds else 0.0
        cost = "price unknown" if answer.usd is None else f"${answer.usd:.4f}"
        say(
            f"{title}: {'well-formed' if fits else 'NOT well-formed'}, "
            f"{answer.input_tokens} tokens read, {answer.output_tokens} written "
            f"in {answer.seconds:.1f} s ({speed:.1f} tokens/s), {cost}"
        )
        for line in answer.text.splitlines():
            say(f"    {line}")
    return good
