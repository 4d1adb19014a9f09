"""The report of a study as one HTML page: no script, nothing from the network."""

from __future__ import annotations

from collections.abc import Sequence

from metaloop.report.document import document, folded, header, listed, section, table, ticked
from metaloop.report.figure import inline
from metaloop.study.report import rows
from metaloop.study.report.figures import CAPTIONS, Figure
from metaloop.study.report.findings import Findings, TaskFindings
from metaloop.study.report.labels import tick
from metaloop.study.report.rule import TERMS, rule
from metaloop.study.report.words import headline, incomplete, legend, says, silent
from metaloop.text import html

STYLE = """.figure { overflow-x: auto; }
.figure svg { min-width: 34rem; }
td:last-child:not(.n) { width: auto; }
h2 code, h3 code { font-size: .95em; }
.note { color: var(--soft); font-size: .85rem; margin: .5rem 0; }
.numbers { margin-top: 1rem; }
.numbers th, .numbers td { padding-right: .75rem; }
.numbers td:first-child { min-width: 11rem; }
.numbers code { white-space: nowrap; }
details > summary { margin-top: 1rem; }
h2.task { margin-top: 3.5rem; padding-top: 1rem; border-top: 2px solid var(--line); }
"""


def render_page(findings: Findings, figures: Sequence[Sequence[Figure]]) -> str:
    """The whole page; `figures` are those of each task."""
    sections = [_head(findings)]
    for task, drawn in zip(findings.tasks, figures, strict=True):
        sections += _task(findings, task, drawn)
    sections.append(section("How it was analysed", listed(rule(findings.decides))))
    return document(f"{findings.design.name} · metaloop study", sections, STYLE)


def _head(findings: Findings) -> str:
    design = findings.design
    lacks = incomplete(findings)
    badge = ' <span class="badge warn">incomplete</span>' if lacks else ""
    several = len(findings.tasks) > 1
    told = "".join(
        (f"<h3>{ticked(tick(task.name))}</h3>" if several else "") + listed(says(findings, task))
        for task in findings.tasks
    )
    return header(
        f"metaloop study · {html(design.name)}",
        f"{html(design.question or design.name)}{badge}",
        [ticked(headline(findings, task)) for task in findings.tasks],
        rows.overview(findings),
        f'<p class="note">{TERMS}</p>\n'
        + (f"<p>{ticked(lacks)}</p>\n" if lacks else "")
        + f"<h2>What the data says</h2>\n{told}\n"
        f"<h2>What it does not say</h2>\n{listed(silent(findings))}",
    )


def _task(findings: Findings, task: TaskFindings, figures: Sequence[Figure]) -> list[str]:
    drawn = {f.kind: f for f in figures}
    names = findings.names
    tested = rows.tested(task.gain, not task.missing)
    others = rows.described(task.described)
    dead = shown(rows.dead(task.violations, names)) if task.violations else ""
    title = ticked(tick(task.name))
    return [
        f'<h2 class="task">Task {title}</h2>' if len(findings.tasks) > 1 else "",
        section(
            "The contrasts",
            figure(drawn.get("contrasts"))
            + shown(tested)
            + (f'<p class="note">{legend(task)}</p>' if tested.rows else "")
            + folded("areas, sealed gains, who earned it, each pair of models", shown(others)),
        ),
        section("Best so far", figure(drawn.get("curves"))),
        section("Which model where", figure(drawn.get("heat"))),
        section("What each arm reached", shown(rows.gains(task, names))),
        section(
            "What it cost",
            figure(drawn.get("seconds"))
            + figure(drawn.get("tokens"))
            + shown(rows.costs(task, names)),
        ),
        section(
            "Did the mechanisms act?",
            shown(rows.alive(task.life, names)) + dead + shown(rows.earned(task, names)),
        ),
    ]


def shown(found: rows.Table) -> str:
    """A table as HTML; nothing if it has no rows."""
    if not found.rows:
        return ""
    body = ([ticked(cell) for cell in row] for row in found.rows)
    return f'<div class="numbers">{table(found.heads, body)}</div>'


def figure(drawn: Figure | None) -> str:
    if drawn is None:
        return ""
    return (
        f'<figure>\n<div class="figure">{inline(drawn.svg)}</div>\n'
        f"<figcaption>{CAPTIONS[drawn.kind]}</figcaption>\n</figure>\n"
    )
