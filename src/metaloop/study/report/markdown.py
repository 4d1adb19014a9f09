"""The report of a study in Markdown, to be read where there is no browser."""

from __future__ import annotations

import re
from collections.abc import Sequence

from metaloop.study.report import rows
from metaloop.study.report.figures import CAPTIONS, Figure
from metaloop.study.report.findings import Findings, TaskFindings
from metaloop.study.report.labels import tick
from metaloop.study.report.rule import TERMS, rule
from metaloop.study.report.words import headline, incomplete, legend, says, silent
from metaloop.text import one_line, pipe_table


def render_markdown(findings: Findings, figures: Sequence[Sequence[Figure]]) -> str:
    """The whole report; the files of `figures` lie beside it."""
    design = findings.design
    several = len(findings.tasks) > 1
    parts = [
        f"# {prose(design.question or design.name)}",
        *(f"**{headline(findings, task)}**" for task in findings.tasks),
        ", ".join(f"{name}: {value}" for name, value in rows.overview(findings)),
        TERMS,
        incomplete(findings),
        "## What the data says",
    ]
    for task in findings.tasks:
        parts += [f"### {tick(task.name)}"] if several else []
        parts.append(_list(says(findings, task)))
    parts += ["## What it does not say", _list(silent(findings))]
    for task, drawn in zip(findings.tasks, figures, strict=True):
        parts += [f"## Task {tick(task.name)}", *_task(findings, task, drawn)]
    parts += ["## How it was analysed", _list(rule(findings.decides))]
    return "\n\n".join(filter(None, parts)) + "\n"


def _task(findings: Findings, task: TaskFindings, figures: Sequence[Figure]) -> list[str]:
    drawn = {f.kind: image(f) for f in figures}
    names = findings.names
    tested = rows.tested(task.gain, not task.missing)
    return [
        "### The contrasts",
        drawn.get("contrasts", ""),
        grid(tested),
        legend(task) if tested.rows else "",
        "Described, without correction:",
        grid(rows.described(task.described)),
        "### What each arm reached",
        drawn.get("curves", ""),
        drawn.get("heat", ""),
        grid(rows.gains(task, names)),
        "### What it cost",
        drawn.get("seconds", ""),
        drawn.get("tokens", ""),
        grid(rows.costs(task, names)),
        "### Did the mechanisms act?",
        grid(rows.alive(task.life, names)) or "No arm had mechanisms.",
        grid(rows.dead(task.violations, names)),
        grid(rows.earned(task, names)),
    ]


def image(figure: Figure) -> str:
    return f"![{figure.kind}]({figure.file})\n\n*{CAPTIONS[figure.kind]}*"


def grid(table: rows.Table) -> str:
    """A table; nothing if it has no rows."""
    return pipe_table(table.heads, table.rows) if table.rows else ""


def prose(text: str) -> str:
    """Foreign text as running text: nothing in it is markup."""
    return re.sub(r"([\\`*_\[\]<>|#~$&])", r"\\\1", one_line(text, 400))


def _list(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
