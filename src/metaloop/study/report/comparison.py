"""The bilevel loop against classical search on one task at equal trials: page, Markdown, table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metaloop.report.document import document, header, listed, section, ticked
from metaloop.study.design import Design
from metaloop.study.groups import summary
from metaloop.study.report.advice import called, duels, missing, recommendation
from metaloop.study.report.figures import Figure, trade
from metaloop.study.report.findings import at_random
from metaloop.study.report.labels import Names, groups, plain, tick
from metaloop.study.report.markdown import grid, image
from metaloop.study.report.page import STYLE, figure, shown
from metaloop.study.report.plots import curves
from metaloop.study.report.rows import Table, difference, p_values, spread
from metaloop.study.report.table import ordered, render_csv
from metaloop.study.report.words import stood_in
from metaloop.study.report.write import save
from metaloop.study.result import Result
from metaloop.text import dollars, duration, number

NOTES = (
    "Gain: how far the best of a run lies above its baseline, in the metric's unit. All arms had "
    "equal trials; runs are paired by seed.",
    "A difference was seen if its 95 % bootstrap interval leaves 0 out and the p of a two-sided "
    "sign flip test, corrected for all rows of the table (Holm), is below 0.05.",
    "A cheaper arm is recommended as soon as the bilevel loop was not seen to beat it; it reaches "
    "the same if the interval leaves the bilevel loop no lead above a tenth of its gain.",
)


def write_comparison(
    design: Design, results: Sequence[Result], folder: Path, caveats: Sequence[str] = ()
) -> Path:
    """Write `compare.html`, `compare.md`, `cells.csv` and the figures; returns the page's path.
    `caveats` head the notes.

    Raises ValueError where there are no results, or those of several tasks.
    """
    own = ordered(results)
    tasks = sorted({r.cell.task for r in own})
    if len(tasks) != 1:
        raise ValueError(f"a comparison is of one task (got {', '.join(tasks) or 'none'})")
    names = names_of(own)
    found = groups(own, names)
    drawn = [Figure("curves", "curves.svg", curves("curves", found, names, together=True))]
    drawn += [Figure(kind, f"{kind}.svg", svg) for kind, svg in trade("", found, names).items()]
    notes = [*caveats, *stood_in(at_random(found, names)), *NOTES]
    page, markdown = _page(design, own, drawn, notes), _markdown(design, own, drawn, notes)
    return save(folder / "compare.html", page, markdown, render_csv(own), drawn)


def reached(results: Sequence[Result]) -> Table:
    """What each arm reached and used: the mean of its runs, and its best one."""
    names = names_of(results)
    heads = (
        "arm, models", "#n", "#mean gain", "#95 % interval", "#best gain", "#best score",
        "#time", "#tokens", "#usd",
    )  # fmt: skip
    rows = []
    for group in groups(ordered(results), names):
        row, best = summary(group), max(group.results, key=lambda r: r.gain)
        score = best.baseline + (-1 if best.direction == "minimize" else 1) * best.gain
        rows.append([
            names.cell(group), str(group.n), f"{row.gain.mean:.4g}", spread(row.gain),
            f"{best.gain:.4g}", number(score), duration(row.seconds), f"{row.tokens:,.0f}",
            dollars(row.usd),
        ])  # fmt: skip
    return Table(heads, rows)


def differences(design: Design, results: Sequence[Result]) -> Table:
    """The bilevel loop, over all its models, less each other arm; p when all runs are there."""
    heads = ("the bilevel loop against", "#n", "#difference", "#95 % interval", "#p (Holm)")
    whole = not missing(design, results)
    rows = [
        [called(d.arm), *difference(d.told), p_values(d.told)[1] if whole else "-"]
        for d in duels(ordered(results))
    ]
    return Table(heads, rows)


def names_of(results: Sequence[Result]) -> Names:
    """Names of all models, in the order of the alphabet."""
    return Names(sorted({m for r in results for m in (r.cell.outer, r.cell.inner) if m}))


def _page(
    design: Design, results: Sequence[Result], drawn: Sequence[Figure], notes: Sequence[str]
) -> str:
    task = tick(results[0].cell.task)
    curve, *costs = drawn
    sections = [
        header(
            f"metaloop compare · {design.trials} trials",
            ticked(task),
            [ticked(recommendation(design, results))],
        ),
        section("What each arm reached", shown(reached(results)) + figure(curve)),
        section("Who beats whom", shown(differences(design, results))),
        section("What it cost", "".join(map(figure, costs))),
        section("How it was compared", listed(notes)),
    ]
    return document(f"{plain(task)} · metaloop compare", sections, STYLE)


def _markdown(
    design: Design, results: Sequence[Result], drawn: Sequence[Figure], notes: Sequence[str]
) -> str:
    parts = [
        f"# {tick(results[0].cell.task)}",
        f"**{recommendation(design, results)}**",
        grid(reached(results)),
        grid(differences(design, results)),
        *map(image, drawn),
        "\n".join(f"- {note}" for note in notes),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
