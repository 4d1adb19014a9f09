"""The report in Markdown: foreign text stands in code spans and fences that it cannot leave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from metaloop.report.facts import Facts
from metaloop.report.routing import ROUTING_HEADS
from metaloop.report.status import COST_HEADS, cost_rows
from metaloop.report.summary import summary
from metaloop.report.words import headline
from metaloop.text import (
    code,
    fenced,
    number,
    pipe_table,
)


def render_markdown(facts: Facts, plots: Sequence[str]) -> str:
    """The whole report; `plots` names the files in `plots/`."""
    parts = [
        f"# {facts.record.id}",
        f"**{headline(facts.status)}** ({facts.status.state})",
        "\n".join(f"- {line}" for line in summary(facts)),
        fenced(facts.status.reason) if facts.status.reason else "",
        *(f"![{name}](plots/{name}.svg)" for name in plots),
        "## Kept changes",
        *(_kept(facts) or ["No change was kept."]),
        *_failed(facts),
        *_guards(facts),
        *_mechanisms(facts),
        *_routing(facts),
        *_steps(facts),
        "## Cost per role",
        _costs(facts),
        "## Settings and machine",
        _settings(facts),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """All columns alike, those of numbers too."""
    return pipe_table([head.lstrip("#") for head in heads], rows)


def _guards(facts: Facts) -> list[str]:
    rows = [
        [
            str(trial),
            verdicts[-1]["ending"].replace("passed", "kept"),
            "; ".join(f"{v['guard']}: {code(v['evidence'] or '-', 300)}" for v in verdicts),
        ]
        for trial, verdicts in facts.guarded
    ]
    return ["## Guards", _table(("trial", "verdict", "evidence"), rows)] if rows else []


def _kept(facts: Facts) -> list[str]:
    if not facts.kept:
        return []
    heads = ("trial", facts.score_name, "gain", "by", "change")
    rows = [
        [
            str(t.number),
            number(t.score),
            f"{t.gain or 0:.4g}",
            code(facts.label(t.by)),
            code(t.changed, 100),
        ]
        for t, _ in facts.kept
    ]
    parts = [_table(heads, rows)]
    for trial, details in facts.kept:
        parts.append(f"### Trial {trial.number}")
        if details.hypothesis:
            parts.append(fenced(details.hypothesis))
        parts.append(fenced(details.diff, "diff"))
    return parts


def _failed(facts: Facts) -> list[str]:
    rows = [
        [
            *(str(t.number), t.status.replace("_", " "), code(facts.label(t.by))),
            *(code(t.changed, 100), code(d.reason)),
        ]
        for t, d in facts.failed
    ]
    heads = ("trial", "how", "by", "change", "why")
    return ["## Programs that failed", _table(heads, rows)] if rows else []


def _mechanisms(facts: Facts) -> list[str]:
    if not facts.mechanisms:
        return []
    heads = ("id", "name", "origin", "state", "trials", "live", "gain", "why")
    standing = {s.id: s for s in facts.status.mechanisms}
    rows = []
    for m in facts.mechanisms:
        s = standing[m.id]
        counts = [str(s.trials), str(s.live), f"{s.gain:.4g}"]
        why = code(m.reason) if m.reason else ""
        rows.append([code(m.id), code(m.name), m.origin, m.state, *counts, why])
    parts = ["## Mechanisms", _table(heads, rows)]
    for m in facts.invented:
        parts.append(f"### {code(facts.label(m.id))}, {m.state}")
        told = [f"idea: {m.idea}", f"by: {m.model}", f"why: {m.reason}"]
        parts += [fenced("\n".join(told)), fenced(m.source, "python")]
    return parts


def _routing(facts: Facts) -> list[str]:
    parts = ["## What the routers learned"] if facts.routing else []
    for learned in facts.routing:
        rows = [[code(c), code(m), *rest] for c, m, *rest in learned.rows]
        parts += [f"### {learned.role}", learned.evidence, _table(ROUTING_HEADS, rows)]
    return parts


def _steps(facts: Facts) -> list[str]:
    steps = list(dict.fromkeys(event.trial for event in facts.of_kind("outer")))
    parts = ["## What the outer loop did"] if steps else []
    for trial in steps:
        parts.append(f"### After trial {trial}")
        for event in facts.events:
            if event.trial != trial:
                continue
            if event.kind == "strategy":
                parts.append(fenced("\n".join(f"{k}: {v}" for k, v in event.data.items() if v)))
            elif event.kind == "digest":
                parts.append(fenced(event.data.get("text", "")))
    return parts


def _costs(facts: Facts) -> str:
    if not facts.status.roles:
        return "No model was asked."
    rows = cost_rows(facts.status.roles)
    return _table(COST_HEADS, [[role, code(model), *rest] for role, model, *rest in rows])


def _settings(facts: Facts) -> str:
    shown = {**facts.record.config["settings"], "branch": facts.status.branch}
    shown |= {"sandbox": facts.record.config.get("sandbox", ""), **facts.record.machine}
    return fenced("\n".join(f"{k}: {v}" for k, v in shown.items() if v not in (None, {}, "")))
